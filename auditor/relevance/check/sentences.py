"""Put the result of a check into words for someone who has not read the LRP literature."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from auditor.relevance.check.at_layers import LayerCheck
from auditor.relevance.check.flow import Kept
from auditor.relevance.rules.rule import Settings
from auditor.relevance.sweep.finite import NonFinite

if TYPE_CHECKING:
    from auditor.relevance.check.explained import NodeCheck

Word = Literal["conserves", "absorbs", "creates", "nothing to explain", "not finite", "not exact"]

CONSERVED = 0.1  # of the logit may go missing before sums stop meaning anything
TOLERANCE = 1e-3  # relative: float32 of deep networks stays below 1e-4, a wrong rule far above
NOTABLE = 0.01  # share of the logit from which on a cause is named
LITTLE = 0.2  # share of the logit below which a layer is warned of


@dataclass(frozen=True)
class Verdict:
    """A word, a sentence, and what follows from it: what it means and what to do."""

    word: Word
    sentence: str
    advice: tuple[str, ...]


def percent(share: float) -> str:
    """Return a share in per cent: two digits where it is small, a decimal near the whole."""
    value = 100 * share
    size = abs(value)
    if size < 0.001:
        return "0 %"
    if size < 1:
        return f"{value:.2g} %"
    if size < 10 or 90 < size < 99.95:
        return f"{value:.1f} %"
    return f"{value:,.0f} %" if size < 1e5 else f"{value:.1e} %"


def verdict(
    pixels: float | None,
    kept: Kept,
    layers: Sequence[LayerCheck],
    problems: Sequence[NonFinite | None],
    difference: float | None,
    unruled: Sequence[NodeCheck],
    *,
    settings: Settings,
) -> Verdict:
    """Return the verdict; the gravest finding decides the word."""
    advice = [*_units(layers), *_unruled(unruled)]
    if any(problem is not None for problem in problems):
        return _not_finite(problems, advice)
    wrong = _wrong(layers, difference)
    if wrong:
        todo = "Do not rely on this explanation: the fault is the auditor's. Please report it."
        return Verdict("not exact", wrong, (todo, *advice))
    if pixels is None:
        return _no_logit(advice)
    arrives = f"{percent(pixels)} of the explained logit arrives at the pixels"
    if abs(pixels - 1) <= CONSERVED:
        meaning = (
            "Read relevance as a part of the logit: a concept with a relevance of 2 in a logit of "
            "20 accounts for a tenth of it. Sums over concepts or places can be compared between "
            "images."
        )
        return Verdict("conserves", f"{arrives}.", (meaning, *advice))
    if 0 <= pixels < 1:
        sentence = f"{arrives}; the rest stays on the way: {_where(kept)}."
        return Verdict("absorbs", sentence, (*_absorbs(kept, settings), *_thin(layers), *advice))
    sentence = (
        f"{arrives}, which is more than there was: on the way relevance is made (negative: taken) "
        f"by what should only pass it on: {_where(kept)}."
    )
    return Verdict("creates", sentence, (*_creates(settings), *advice))


def _where(kept: Kept) -> str:
    """Name the causes, largest first."""
    short = {
        "biases": "in biases beside active inputs",
        "nowhere": "in units that only their bias switches on",
        "stabilisers": "in stabilisers",
        "unruled": "in operations without a rule of their own",
        "inexact": "in rules that do not conserve",
    }
    ranked = sorted(kept.shares().items(), key=lambda item: -abs(item[1]))
    named = [f"{percent(share)} {short[name]}" for name, share in ranked if abs(share) > NOTABLE]
    return " and ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named)


def _absorbs(kept: Kept, settings: Settings) -> list[str]:
    advice = [
        "This does not make the maps wrong. Every layer keeps some relevance back by the same rule "
        "for all concepts and places, so that within an image the shares of concepts and places "
        "stay comparable. Sums do not: do not read a heatmap's number as so much of the logit.",
        "Compare images, classes and models by shares (the audit does), never by absolute sums.",
    ]
    if settings.bias == "absorb" and kept.biases > NOTABLE:
        advice.append(
            "The option audit.bias: exclude leaves biases out of the shares. "
            f"It can bring back about the {percent(kept.biases)} that biases keep beside active "
            "inputs, at best"
            + (
                f"; the {percent(kept.nowhere)} of units that only their bias switches on is lost "
                "either way."
                if kept.nowhere > NOTABLE
                else "."
            )
        )
    return advice


def _thin(layers: Sequence[LayerCheck]) -> list[str]:
    """Warn of audited layers that little of the logit reaches."""
    thin = [each for each in layers if each.position.cuts and 0 < each.through < LITTLE]
    return [
        f"Only {percent(each.through)} of the logit reaches '{each.layer}': the shares of its "
        "concepts are shares of that part, not of the whole decision."
        for each in thin
    ]


def _creates(settings: Settings) -> list[str]:
    advice = [
        "Biases that speak against a value, or contributions that cancel, leave the inputs more "
        "than the value itself to share. Within an image the order of concepts and places still "
        "counts; absolute sums do not. Compare by shares.",
    ]
    if settings.bias == "absorb":
        advice.append(
            "If single pixels or concepts outshine everything, try the option audit.bias: exclude "
            "or another composite."
        )
    return advice


def unexplained(problems: Sequence[NonFinite | None]) -> str:
    """Return how many images hold a value that is not finite, and where most of these appear."""
    counted = Counter(problem.sentence for problem in problems if problem is not None)
    (first, times), *rest = counted.most_common()
    more = f"; {len(rest)} other origins are listed below" if rest else ""
    return (
        f"{counted.total()} of {len(problems)} images cannot be explained: {first} ({times} of "
        f"them){more}."
    )


def _not_finite(problems: Sequence[NonFinite | None], advice: Sequence[str]) -> Verdict:
    todo = (
        "Fix the weights or the preprocessing: a checkpoint with NaN, a division by a variance of "
        "0, or pixels in the wrong range are the usual reasons. An audit sets such images aside "
        "and counts them."
    )
    return Verdict("not finite", unexplained(problems), (todo, *advice))


def _wrong(layers: Sequence[LayerCheck], difference: float | None) -> str:
    if difference is not None and difference > TOLERANCE:
        return (
            f"the captured model's logits differ from the model's own by {difference:.1e} of the "
            "largest logit."
        )
    for layer in layers:
        if layer.additivity is not None and layer.additivity > TOLERANCE:
            return (
                f"the heatmaps of all concepts of '{layer.layer}' do not add up to the plain "
                f"heatmap: they differ by {layer.additivity:.1e} of it."
            )
    return ""


def _no_logit(advice: Sequence[str]) -> Verdict:
    return Verdict(
        "nothing to explain",
        "the explained logit is 0 for every image, so there is nothing to share out.",
        (
            "This is what a head whose weights are all zero gives (vision transformers and mixers "
            "start so before training): load trained weights.",
            *advice,
        ),
    )


def _units(layers: Sequence[LayerCheck]) -> list[str]:
    coarse = [f"'{each.layer}'" for each in layers if each.unit == "subspaces"]
    if not coarse:
        return []
    return [
        f"At {' and '.join(coarse)} read groups of channels (subspaces) rather than single "
        "channels: see the layers below for why."
    ]


def _unruled(unruled: Sequence[NodeCheck]) -> list[str]:
    if not unruled:
        return []
    names = Counter(row.operation for row in unruled)
    listed = ", ".join(f"{name} ({count}x)" for name, count in names.most_common(6))
    share = sum(row.kept.total for row in unruled)
    return [
        f"No relevance rule exists for {listed}: gradient times input ran there and keeps "
        f"{percent(share)} of the logit. Be careful with what lies before these operations."
    ]
