"""Lay out what a check found as text of at most 100 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from auditor.cli.check.flow_text import absorbers, flow
from auditor.cli.check.rules_text import rules
from auditor.cli.layout import (
    WIDTH,
    in_bytes,
    in_time,
    indented,
    item,
    sentence,
    shortened,
    table,
)
from auditor.relevance.check.at_layers import FEW
from auditor.relevance.check.sentences import percent

if TYPE_CHECKING:
    from auditor.cli.check.estimate import Estimate
    from auditor.relevance.check.at_layers import LayerCheck
    from auditor.relevance.check.explained import Check


def report(
    check: Check,
    name: str,
    paths: Sequence[str],
    classes: Sequence[str],
    estimate: Estimate | None,
    *,
    everything: bool = False,
) -> str:
    """Return the report; ``everything`` adds the rule of every node."""
    sections: list[Iterable[str]] = [_verdict(check, name)]
    if check.pixels is not None:
        sections += [flow(check, everything=everything), absorbers(check, everything=everything)]
    sections += [
        _layers(check),
        _exactness(check),
        _cost(check, estimate),
        rules(check, everything=everything),
        _images(check, paths, classes),
        _notes(check),
    ]
    return "\n".join(line.rstrip() for section in sections for line in section).rstrip() + "\n"


def _verdict(check: Check, name: str) -> Iterator[str]:
    yield f"{name}: {check.verdict.word.upper()}"
    yield from textwrap.wrap(sentence(check.verdict.sentence), WIDTH)
    yield ""
    yield "What this means, and what to do"
    for text in check.verdict.advice:
        yield from item(text)
    yield ""


def _layers(check: Check) -> Iterator[str]:
    if not check.layers:
        return
    yield "Layers whose channels become the concepts"
    for layer in check.layers:
        yield f"  {layer.layer}"
        for text in _layer(layer):
            yield from item(text, indent=4)
    yield ""


def _layer(layer: LayerCheck) -> Iterator[str]:
    height, width = layer.size
    if layer.kind == "units":
        yield f"{layer.channels} units ({layer.operation})."
    elif layer.kind == "tokens":
        yield (
            f"{layer.channels} dimensions of the embedding at {height * width} tokens "
            f"({layer.operation}): a concept is a direction that all tokens share, and its place "
            "is the tokens where it carries relevance."
        )
    else:
        yield f"{layer.channels} channels at {height} x {width} positions ({layer.operation})."
    yield f"Why this one: {layer.reason}"
    yield _passing(layer)
    if layer.half is not None and layer.top is not None:
        yield _concentration(layer, layer.half)


def _passing(layer: LayerCheck) -> str:
    whole = layer.through + layer.bypass
    if layer.position.cuts:
        arrives = f": {percent(layer.through)} of the logit arrives here" if whole else ""
        return (
            "Cuts the graph: every path passes through it, and its concepts share out all that "
            f"arrives{arrives}."
        )
    if not whole:
        return "Is bypassed: part of the flow goes around it."
    through, around = percent(layer.through / whole), percent(layer.bypass / whole)
    return (
        f"Is bypassed: of what is left of the logit at this depth, {through} passes through it and "
        f"{around} goes around it. Its concepts explain only the part that passes through."
    )


def _concentration(layer: LayerCheck, half: int) -> str:
    what = {"maps": "channel", "tokens": "dimension", "units": "unit"}[layer.kind]
    text = (
        f"The leading {what} holds {percent(layer.top or 0.0)} of the relevance; half of it is in "
        f"{half} and 90 % in {layer.ninety} of {layer.channels}."
    )
    if layer.alike is not None:
        text += (
            f" Heatmaps of the leading {what}s have a mean cosine of {layer.alike:.2f} (1: they "
            "show the same)."
        )
    if layer.unit == "channels":
        return f"{text} Single {what}s can be read."
    why = f"more than {FEW} hold half" if half > FEW else "they show the same place"
    return f"{text} Single {what}s say little here ({why}): read groups of them (subspaces)."


def _exactness(check: Check) -> Iterator[str]:
    yield "Does it compute what it says?"
    if check.forward_difference is not None:
        yield from item(
            f"Captured logits against the model's own: {_tiny(check.forward_difference)} of the "
            "largest logit apart."
        )
    for layer in check.layers:
        if layer.additivity is not None:
            yield from item(
                f"Heatmaps of all concepts of {layer.layer}, added up, against the plain heatmap: "
                f"{_tiny(layer.additivity)} apart (relative L2)."
            )
    problems = [image.non_finite for image in check.images if image.non_finite is not None]
    if problems:
        for text in dict.fromkeys(problem.sentence for problem in problems):
            yield from item(f"Not finite: {text}.")
    else:
        yield from item("No NaN and no infinity, forward or on the way back.")
    if not check.unruled:
        yield from item("Every operation has a rule of its own.")
    yield ""


def _tiny(value: float) -> str:
    return "0" if value == 0 else f"{value:.0e}"


def _cost(check: Check, estimate: Estimate | None) -> Iterator[str]:
    cost = check.cost
    if cost is None:
        return
    threads = f"{cost.threads} thread{'s' if cost.threads > 1 else ''}"
    yield f"What an audit costs here ({cost.device}, {threads}, batches of {cost.batch})"
    rows = [
        ["a forward", f"{in_time(cost.forward)} per image"],
        ["relevance of every image", f"{in_time(cost.statistics)} per image"],
    ]
    for each in cost.heatmaps:
        label = f"heatmaps of {shortened(each.layer, 40)}"
        rows.append(
            [label, f"{in_time(each.per_image)} per image + {in_time(each.per_map)} per heatmap"]
        )
    if cost.memory_peak is not None:
        rows.append(["memory at its peak", in_bytes(cost.memory_peak)])
    yield from table([], rows)
    if cost.memory_peak is not None:
        yield from indented(f"Memory is {cost.memory_method}.")
    if estimate is not None:
        yield ""
        yield from indented(
            f"The whole audit of {estimate.images:,} images, {estimate.classes} classes in depth, "
            f"takes about {in_time(estimate.seconds)}: {in_time(estimate.loading_seconds)} for "
            f"reading images, {in_time(estimate.statistics_seconds)} for their relevance, "
            f"{in_time(estimate.heatmap_seconds)} for {estimate.heatmaps:,} heatmaps of reference "
            f"samples and the atlas, {in_time(estimate.search_seconds)} for the search for "
            f"clever-Hans candidates ({estimate.candidates}, {estimate.passes:,} passes of the "
            f"model), {in_time(estimate.rest_seconds)} for other analyses and "
            f"{in_time(estimate.writing_seconds)} for the reports. This is an estimate: passes are "
            "counted from the config and timed here, now, on these images; what else the machine "
            "does later changes it, and so does how many candidates look promising. On disk: at "
            f"most {in_bytes(estimate.array_bytes)} of arrays and "
            f"{in_bytes(estimate.picture_bytes)} of pictures ({estimate.pictures:,})."
        )
    yield ""


def _images(check: Check, paths: Sequence[str], classes: Sequence[str]) -> Iterator[str]:
    yield "Images that were checked"
    rows = []
    for path, image in zip(paths, check.images, strict=True):
        if image.logit is None or image.target is None:
            rows.append([shortened(path, 48), "-", "-", "not finite"])
            continue
        arrives = "-" if image.pixels is None else percent(image.pixels)
        name = shortened(classes[image.target], 24)
        rows.append([shortened(path, 48), name, f"{image.logit:.2f}", arrives])
    yield from table(["image", "explained class", "logit", "at the pixels"], rows, right={2, 3})
    yield ""


def _notes(check: Check) -> Iterator[str]:
    if check.notes:
        yield "Notes"
        for note in check.notes:
            yield from item(note)
