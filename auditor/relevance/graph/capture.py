"""Export a user's model without leaving a trace on it."""

from __future__ import annotations

import io
import logging
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim, ShapesCollection
from torch.utils._pytree import tree_leaves

from auditor.base.errors import CaptureError
from auditor.base.users_lines import in_words, users_frame
from auditor.relevance.graph.canonise import canonise
from auditor.relevance.graph.foreign import refuse_foreign
from auditor.relevance.graph.graph import Graph, build
from auditor.relevance.graph.heads import explained, explained_labels
from auditor.relevance.graph.one_by_one import batched
from auditor.relevance.graph.watch import Numbers, Watched, known, watch
from auditor.relevance.sweep.forward import run
from auditor.subject.answers import find_answer
from auditor.subject.calling import handed_over, untouched
from auditor.subject.precision import full_precision
from auditor.subject.wrappers import unwrap

TOLERANCE = 1e-4  # of the largest logit: float32 in another order differs by 1e-6 to 1e-5
TRIALS = 17  # images: one more than 16, the usual size of the parts that a batch is worked in
ONE_BY_ONE = (
    "The model takes its pictures one by one: what it does with one of them was captured, and runs "
    "on batches."
)
ADVICE = (
    "Rewrite that part of the model's forward with tensor operations whose shapes do not depend "
    "on the values of the image, or pass the part of the model that can be exported."
)


def capture(
    model: nn.Module,
    example: Tensor,
    device: torch.device,
    *,
    output: str | None = None,
    scores: str = "auto",
    pictures: Tensor | None = None,
    offsets: Sequence[float] | None = None,
) -> Graph:
    """Return the canonised graph of the model in evaluation, checked against the model.

    ``example`` is one image (1, 3, H, W) on the model's own device; ``device`` is where the
    graph will run. ``output`` names the result that holds the logits, where there are several.
    A single logit z becomes the pair (-z/2, z/2). Probabilities are turned into logits: see
    `auditor.relevance.graph.heads`, also for ``scores``, ``pictures`` and ``offsets`` (of several
    labels for a picture). What the model would compute in half precision is captured in float32,
    and a note says so.
    """
    model, notes = unwrap(model)
    refuse_foreign(model)
    images = _trials(example)
    with untouched(model):
        with full_precision(model) as avoided:
            watched = watch(model, handed_over(model, images[:2]))
            answer = find_answer(watched.result, output)
            expected = _answers(model, images, watched, answer.place)
            program = _export(model, handed_over(model, images[:2]), watched.numbers)
            graph = canonise(build(program, device, index=answer.place))
            _check_followed(graph)
            _check_apart(tree_leaves(watched.result)[answer.place], expected[:2])
            try:
                _check(graph, images.to(device), expected.to(device))
            except CaptureError as error:
                program = _of_one(model, images, watched.numbers, error)
                graph = canonise(build(program, device, index=answer.place))
                _check(graph, images.to(device), expected.to(device))
                notes = (*notes, ONE_BY_ONE)
        notes = (*notes, *_precision(model, images, expected, answer.place, avoided))
    with torch.no_grad():
        looked_at = None if pictures is None else pictures.to(example).to(device)
        if offsets is None:
            captured = explained(
                graph, example.to(device), scores, single=answer.single, pictures=looked_at
            )
        else:
            example = example.to(device)
            captured = explained_labels(graph, example, scores, offsets, pictures=looked_at)
    return captured.noting(notes)


def _trials(example: Tensor) -> Tensor:
    """Return `TRIALS` images (TRIALS, 3, H, W) that differ in their values, the example first.

    More than the usual sizes of the parts that a model works through a batch in: what it does with
    a larger batch than the one captured must be what it does with that one.
    """
    turned = [example, example.flip(-1), example.flip(-2, -1)]
    return torch.cat([turned[at % 3] * (1 - 0.05 * at) for at in range(TRIALS)])


def _answers(model: nn.Module, images: Tensor, watched: Watched, index: int) -> Tensor:
    """Return the model's logits for all images.

    Raises:
        CaptureError: they depend on chance, on earlier calls, or on the rest of the batch.
    """
    before = {name: each.clone() for name, each in model.named_buffers()}
    first = tree_leaves(watched.result)[index]
    again = tree_leaves(model(handed_over(model, images[:2])))[index]
    if _apart(again, first) > TOLERANCE:
        changed = [n for n, each in model.named_buffers() if not torch.equal(each, before[n])]
        raise _not_repeated(watched.random, changed)
    try:
        expected: Tensor = tree_leaves(model(handed_over(model, images)))[index]
    except Exception as error:
        raise CaptureError(f"{_fixed()} {_reason(error)}") from error
    if len(expected) != len(images):
        raise CaptureError(f"{_fixed()} It answers {len(images)} images by {len(expected)} rows.")
    return expected


def _not_repeated(random: str | None, changed: list[str]) -> CaptureError:
    """Return the error for a model that answers the same images differently the second time."""
    if changed:
        return CaptureError(
            f"the model keeps state between calls (its buffer '{changed[0]}' changes at every "
            "call), and its answer depends on it: freeze that state in evaluation."
        )
    drawn = f" ({random})" if random else ""
    return CaptureError(
        f"the model is random{drawn} or keeps state between calls: it answers the same images "
        "differently the second time. Make its evaluation deterministic."
    )


def _fixed() -> str:
    return (
        "the model fixes the number of images in a batch (for example by a reshape to a number "
        "that is written down), and an audit needs batches of any size: take the size from "
        "x.shape[0]."
    )


def _export(
    model: nn.Module, images: Tensor, numbers: Numbers, *, any_number: bool = True
) -> torch.export.ExportedProgram:
    shapes: Any = ShapesCollection()  # type: ignore[no-untyped-call]
    if any_number:
        shapes[images] = {0: Dim.AUTO}
    try:
        with _quietly(), known(numbers):
            program = torch.export.export(model, (images,), dynamic_shapes=shapes, strict=False)
            functional: torch.export.ExportedProgram = program.run_decompositions({})
    except CaptureError:
        raise
    except Exception as error:
        raise CaptureError(
            f"torch.export cannot capture {type(model).__name__}: {_reason(error)} {ADVICE}"
        ) from error
    return functional


def _of_one(
    model: nn.Module, images: Tensor, numbers: Numbers, error: CaptureError
) -> torch.export.ExportedProgram:
    """Return the program of a model that takes its images one by one; else raise ``error``."""
    try:
        program = _export(model, handed_over(model, images[:1]), numbers, any_number=False)
        return batched(program, handed_over(model, images[:2]))
    except Exception:
        raise error from None


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep what torch itself writes while it captures, pages of it, from the user."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    aside = io.StringIO()
    try:
        with warnings.catch_warnings(), redirect_stdout(aside), redirect_stderr(aside):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _reason(error: Exception) -> str:
    """Return the first line of an error that says something, and the user's line, as a sentence."""
    frame = users_frame(traceback.extract_tb(error.__traceback__))
    where = "" if frame is None else f" ({in_words(frame)})"
    for line in str(error).splitlines():
        text = line.strip()
        if text and not set(text) <= set("=-* "):
            return f"{type(error).__name__}: {text.rstrip('.')}{where}."
    return f"{type(error).__name__}{where}."


def _check_followed(graph: Graph) -> None:
    """Refuse a model in which no relevance can flow from the logits to the image."""
    if graph.input in graph.ancestors({graph.output}):
        return
    ends = (
        node
        for node in graph.nodes
        if not node.live and node.shape and any(graph[name].live for name in node.refers())
    )
    first = next(ends, graph[graph.output])
    where = f" in '{first.module}'" if first.module else ""
    raise CaptureError(
        f"relevance cannot be followed to the picture: '{first.operation}'{where} turns its values "
        "into whole numbers or yes and no, of which no gradient exists. Leave that step out of the "
        "model (do it in the preprocessing)."
    )


def _check_apart(first: Tensor, others: Tensor) -> None:
    """Refuse a model that answers the same two images differently when others are beside them."""
    difference = _apart(others, first)
    if difference > TOLERANCE:
        raise CaptureError(
            "the model's answer for an image depends on the other images of its batch, or on how "
            f"many they are (it differs by {difference:.1e} of the largest logit), so that an "
            "image has no relevance of its own: use batch norm with running statistics, and means "
            "over other axes than the first."
        )


def _check(graph: Graph, images: Tensor, expected: Tensor) -> None:
    """Refuse a graph whose logits differ from the model's: in a batch, and of an image alone."""
    layout = torch.channels_last if images.dim() == 4 else torch.contiguous_format
    try:
        logits = run(graph, images.contiguous(memory_format=layout))
        alone = run(graph, images[:1])
    except (RuntimeError, IndexError) as error:
        raise CaptureError(
            "the model can be captured for batches of one size only: it works through their images "
            "one by one, or writes their number down (by int(x.shape[0]), say). Let it work on "
            f"whole batches, or audit the part of it that takes one. {_reason(error)}"
        ) from error
    fits = logits.shape == expected.shape and alone.shape == expected[:1].shape
    worst = max(_apart(logits, expected), _apart(alone, expected[:1])) if fits else 0.0
    if not fits or worst > TOLERANCE:
        raise CaptureError(
            "the captured graph does not repeat the model's logits (largest difference "
            f"{worst:.1e} of the largest logit): the model fixes the size of the batch, lets "
            "images depend on one another, or keeps state between calls. Make each image's answer "
            "its own."
        )


def _apart(logits: Tensor, expected: Tensor) -> float:
    """Return the largest difference over the largest logit; infinite where shapes differ.

    A logit that is not finite is compared with nothing.
    """
    if logits.shape != expected.shape:
        return float("inf")
    finite = expected.isfinite() & logits.isfinite()
    if not bool(finite.any()):
        return 0.0
    scale = float(expected[finite].abs().max()) or 1.0
    return float((logits - expected)[finite].abs().max()) / scale


def _precision(
    model: nn.Module, images: Tensor, expected: Tensor, index: int, avoided: set[str]
) -> tuple[str, ...]:
    """Return a note on how far the model's own half precision is from what is captured."""
    if not avoided:
        return ()
    try:
        halved = tree_leaves(model(handed_over(model, images)))[index].to(expected)
        apart = f"differ by {_apart(halved, expected):.1e} of the largest (on {len(images)} images)"
    except RuntimeError:  # it casts to half precision itself, and its weights are float32 here
        apart = "cannot be compared with its own"
    return (
        f"The model computes part of its answer in {' and '.join(sorted(avoided))}. It is "
        f"explained in {str(expected.dtype).removeprefix('torch.')}, where its logits {apart}.",
    )
