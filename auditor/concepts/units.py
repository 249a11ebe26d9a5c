"""Decide which unit the report leads with: single channels, subspaces, or components.

A reader can follow a class when few units carry it and when they look at different things. Both
are measured on the positive positional relevance, for every kind of unit in the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from jaxtyping import Float, Int

from auditor.language.numbers import decimal, percent, short_number, whole_percent
from auditor.language.speaking import N_, joined
from auditor.language.speaking import gettext as _
from auditor.records.concepts import PositionalComponents, UnitChoice, UnitKind, UnitSummary

TOP = 5
# More channels than this for half of a class's relevance are no short story.
FEW = 10
# Above this mean cosine of their places the strongest units look at the same thing.
DISTINCT = 0.5
# Units that carry less than this of a class's positive relevance would hide too much of it.
ENOUGH = 0.5

RULE = N_(
    "Channels lead if, in the median class, at most %(few)s of them carry half of the positive "
    "relevance and the %(top)s strongest overlap by at most %(distinct)s (mean cosine of their "
    "places). Otherwise the kind leads that has two units or more, carries at least %(enough)s of "
    "the positive relevance, needs fewer units for half of it than the channels, and overlaps less "
    "than they and by at most %(distinct)s; of several the one that overlaps least; without one "
    "the channels lead."
)

Places = Callable[[int, Int[np.ndarray, "top"]], Float[np.ndarray, "top position"]]

# How figures of each kind are said: several units, several that carry less than half, one alone.
_SAID: Mapping[UnitKind, tuple[str, str, str]] = {
    "channel": (
        N_("%(half)s of %(units)s channels carry half %(more)s"),
        N_("all %(units)s channels carry less than half %(more)s"),
        N_("the only channel carries %(carried)s of a class's positive relevance (median)"),
    ),
    "subspace": (
        N_("%(half)s of %(units)s subspaces carry half %(more)s"),
        N_("all %(units)s subspaces carry less than half %(more)s"),
        N_("the only subspace carries %(carried)s of a class's positive relevance (median)"),
    ),
    "component": (
        N_("%(half)s of %(units)s components carry half %(more)s"),
        N_("all %(units)s components carry less than half %(more)s"),
        N_("the only component carries %(carried)s of a class's positive relevance (median)"),
    ),
}
_LEADS: Mapping[UnitKind, str] = {
    "channel": N_("channels are fewer and more distinct, so channels lead"),
    "subspace": N_("subspaces are fewer and more distinct, so subspaces lead"),
    "component": N_("components are fewer and more distinct, so components lead"),
}


def channel_figures(
    relevance: Float[np.ndarray, "sample concept h w"],
    explained_as: Int[np.ndarray, "sample"],
    *,
    kind: UnitKind = "channel",
    groups: Int[np.ndarray, "concept"] | None = None,
    top: int = TOP,
) -> UnitSummary:
    """Return the figures of single channels, or with ``groups`` of groups of channels.

    Args:
        relevance: signed positional relevance, in units of the explained logit.
        explained_as: the output that each sample's relevance explains: the classes.
        kind: what the units are called.
        groups: the unit of each channel, -1 for none; None makes every channel a unit.
        top: how many of a class's strongest units are compared for overlap.

    Raises:
        ValueError: shapes do not fit.
    """
    n, concepts = relevance.shape[:2]
    if len(explained_as) != n or (groups is not None and len(groups) != concepts):
        raise ValueError(
            f"relevance is {relevance.shape}, explained outputs are {len(explained_as)}, groups "
            f"are {None if groups is None else len(groups)}: they do not fit"
        )
    count = concepts if groups is None else int(groups.max(initial=-1)) + 1
    share = np.zeros((n, count))
    for row in range(n):
        positive, total = _positive(relevance[row])
        if total > 0:
            carried = positive.sum(axis=1, dtype=np.float64) / total
            share[row] = carried if groups is None else _grouped(carried, groups, count)

    def places(row: int, units: Int[np.ndarray, "top"]) -> Float[np.ndarray, "top position"]:
        positive, _total = _positive(relevance[row])
        if groups is None:
            found: np.ndarray = positive[units].astype(np.float64)
            return found
        return np.stack([positive[groups == unit].sum(axis=0) for unit in units])

    return _figures(kind, share, explained_as, places, top)


def component_figures(components: PositionalComponents, *, top: int = TOP) -> UnitSummary:
    """Return the figures of components found by `positional_components`."""
    n, count = components.share.shape
    flat = components.place.reshape(n, count, -1)

    def places(row: int, units: Int[np.ndarray, "top"]) -> Float[np.ndarray, "top position"]:
        found: np.ndarray = flat[row, units].astype(np.float64)
        return found

    return _figures("component", components.share, components.explained_as, places, top)


def leading_unit(
    layer: str, channels: UnitSummary, others: Sequence[UnitSummary] = ()
) -> UnitChoice:
    """Return which unit leads at a layer by `RULE`, with the figures in a plain sentence."""
    kinds = [channels, *others]
    half, overlap = _half(channels), channels.overlap
    said = _(
        "At layer %(layer)s: %(said)s.",
        layer=layer,
        said=joined((_said(each) for each in kinds), "; "),
    )

    def choice(leads: UnitKind, why: str) -> UnitChoice:
        return UnitChoice(leads=leads, sentence=joined((said, why)), rule=_rule(), kinds=kinds)

    if half <= FEW and overlap <= DISTINCT:
        why = _("Channels are few and distinct enough to be read one by one, so they lead.")
        return choice("channel", why)
    better = [
        each
        for each in others
        if each.units > 1
        and each.carried >= ENOUGH
        and _half(each) < half
        and each.overlap < overlap
        and each.overlap <= DISTINCT
    ]
    wide = _trouble(half, overlap)
    if not better:
        why = _(
            "%(wide)s, but %(tried)s, so channels lead; read them with care.",
            wide=wide,
            tried=_("no other unit does better") if others else _("no other unit was measured"),
        )
        return choice("channel", why)
    best = min(better, key=lambda each: each.overlap)
    why = _("%(wide)s, and %(leads)s.", wide=wide, leads=_(_LEADS[best.kind]))
    return choice(best.kind, why)


def _rule() -> str:
    return _(
        RULE,
        few=FEW,
        top=TOP,
        distinct=short_number(DISTINCT),
        enough=whole_percent(ENOUGH),
    )


def _figures(
    kind: UnitKind,
    share: Float[np.ndarray, "sample unit"],
    explained_as: Int[np.ndarray, "sample"],
    places: Places,
    top: int,
) -> UnitSummary:
    found = []
    for output in np.unique(explained_as):
        members = np.flatnonzero((explained_as == output) & (share.sum(axis=1) > 0))
        mean = share[members].mean(axis=0) if len(members) else np.zeros(share.shape[1])
        order = np.argsort(-mean, kind="stable")
        cumulative = np.cumsum(mean[order])
        strongest = order[: min(top, int((mean > 0).sum()))]
        overlaps = [overlap_of(places(int(row), strongest)) for row in members]
        known = [value for value in overlaps if value is not None]
        found.append(
            (
                float(mean.max(initial=0.0)),
                _needed(cumulative, 0.5),
                float(mean.sum()),
                float(np.mean(known)) if known else 0.0,
            )
        )
    if not found:
        return UnitSummary(
            kind=kind, units=share.shape[1], top_share=0, for_half=None, carried=0, overlap=0
        )
    top_share, for_half, carried, overlap = map(float, np.median(found, axis=0))
    return UnitSummary(
        kind=kind,
        units=share.shape[1],
        top_share=top_share,
        for_half=for_half if np.isfinite(for_half) else None,
        carried=carried,
        overlap=overlap,
    )


def overlap_of(places: Float[np.ndarray, "unit position"]) -> float | None:
    """Return the mean cosine over all pairs of non-negative maps; None without two that are not 0.

    0 where no two units share a position, 1 where all lie alike.
    """
    norms = np.linalg.norm(places, axis=1)
    unit = places[norms > 0] / norms[norms > 0, None]
    if len(unit) < 2:
        return None
    cosine = unit @ unit.T
    return float(cosine[np.triu_indices(len(unit), k=1)].mean())


def _positive(
    relevance: Float[np.ndarray, "concept h w"],
) -> tuple[Float[np.ndarray, "concept position"], float]:
    positive = np.maximum(relevance, 0).reshape(len(relevance), -1)
    return positive, float(positive.sum(dtype=np.float64))


def _grouped(
    carried: Float[np.ndarray, "concept"], groups: Int[np.ndarray, "concept"], count: int
) -> Float[np.ndarray, "unit"]:
    inside = groups >= 0
    return np.bincount(groups[inside], weights=carried[inside], minlength=count)


def _needed(cumulative: Float[np.ndarray, "unit"], share: float) -> float:
    """Return how many units reach a share, infinity where all together do not."""
    reached = np.flatnonzero(cumulative >= share - 1e-9)
    return float(reached[0]) + 1 if len(reached) else np.inf


def _half(figures: UnitSummary) -> float:
    """Return how many units carry half of the relevance; not reached is infinite."""
    return np.inf if figures.for_half is None else figures.for_half


def _said(figures: UnitSummary) -> str:
    half = _half(figures)
    several, weak, lone = _SAID[figures.kind]
    if figures.units == 1:
        return _(lone, carried=percent(figures.carried))
    more = _(
        "of a class's positive relevance (median), the strongest %(share)s, and the places of the "
        "strongest overlap by %(overlap)s",
        share=percent(figures.top_share),
        overlap=decimal(figures.overlap),
    )
    if np.isfinite(half):
        return _(several, half=short_number(half), units=figures.units, more=more)
    return _(weak, units=figures.units, more=more)


def _trouble(half: float, overlap: float) -> str:
    if half > FEW and overlap > DISTINCT:
        return _("Channels are many and look at the same places")
    if half > FEW:
        return _("Too many channels share the work")
    return _("The strongest channels look at the same places")
