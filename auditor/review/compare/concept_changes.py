"""Which leading concept of an audit is which of another one, and how its use changed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from auditor.concepts.matching import LayerProfile, match_concepts
from auditor.language.numbers import percent
from auditor.language.speaking import gettext as _
from auditor.records.concepts import Empty
from auditor.report.document.result import AuditResult
from auditor.report.document.review import ConceptChange, LayerMatch
from auditor.report.sections.identity import stored_profile
from auditor.review import words

# Concepts shown of a layer and kind: those with the largest shares or changes of share.
MOST = 12


def concept_changes(
    earlier: AuditResult, now: AuditResult
) -> tuple[list[LayerMatch], list[ConceptChange]]:
    """Return how well each layer's concepts were found again, and the leading ones' changes."""
    layers = [card.layer for card in now.method.layers]
    layers += [card.layer for card in earlier.method.layers if card.layer not in layers]
    matches, changes = [], []
    for layer in layers:
        match, found = _layer(earlier, now, layer)
        matches.append(match)
        changes += found
    return matches, changes


def _layer(
    earlier: AuditResult, now: AuditResult, layer: str
) -> tuple[LayerMatch, list[ConceptChange]]:
    profiles = []
    for result, unknown, missing in (
        (earlier, words.UNKNOWN_BEFORE, words.MISSING_BEFORE),
        (now, words.UNKNOWN_NOW, words.MISSING_NOW),
    ):
        if result.identity is None:
            return _none(layer, unknown), []
        try:
            profiles.append(stored_profile(result.identity, layer))
        except KeyError:
            return _none(layer, missing), []
    before, after = profiles
    assert earlier.identity is not None
    assert now.identity is not None
    found = match_concepts(before, after)
    leading = [_leading(each, layer) for each in (earlier, now)]
    if isinstance(found, Empty):
        match = _none(layer, found.reason)
        counts = {"earlier": len(leading[0]), "now": len(leading[1])}
        return match.model_copy(update=counts), []
    channels = [_channels(each, layer) for each in (earlier, now)]
    pairs = [
        (int(i), int(j), float(score))
        for i, j, score in zip(found.before, found.after, found.score, strict=True)
        if channels[0][i] in leading[0] or channels[1][j] in leading[1]
    ]
    sides = [(before, channels[0]), (after, channels[1])]
    changes = [_found_again(layer, sides, *pair) for pair in pairs]
    changes = sorted(changes, key=_largest_change)[:MOST]
    kept = ({int(i) for i in found.before}, {int(j) for j in found.after})
    for side, status in ((1, "new"), (0, "gone")):
        alone = [
            place
            for place, channel in enumerate(channels[side])
            if channel in leading[side] and place not in kept[side]
        ]
        alone.sort(key=partial(_least_used, sides[side][0]))
        changes += [_alone(layer, sides[side], place, status) for place in alone[:MOST]]
    again = sum(channels[1][j] in leading[1] for _, j, _ in pairs)
    counts = {"matched": again, "earlier": len(leading[0]), "now": len(leading[1])}
    return LayerMatch(layer=layer, rule=found.rule, reason="", **counts), changes


def _none(layer: str, reason: str) -> LayerMatch:
    return LayerMatch(layer=layer, matched=0, earlier=0, now=0, rule="", reason=reason)


def _leading(result: AuditResult, layer: str) -> set[int]:
    """Return the channels of a layer that lead some class."""
    return {each.channel for each in result.concepts if each.layer == layer and each.classes}


def _channels(result: AuditResult, layer: str) -> Sequence[int]:
    assert result.identity is not None
    return next(each.concepts for each in result.identity.layers if each.layer == layer)


Side = tuple[LayerProfile, Sequence[int]]


def _found_again(
    layer: str, sides: Sequence[Side], before: int, after: int, score: float
) -> ConceptChange:
    (first, old), (second, new) = sides
    common = [name for name in second.classes if name in first.classes] or list(second.classes)
    shares = [(_share(second, after, name), _share(first, before, name)) for name in common]
    place = int(np.argmax([max(pair) for pair in shares]))
    name, (now, was) = common[place], shares[place]
    texts = {
        "earlier": f"{layer} · {old[before]}",
        "now": f"{layer} · {new[after]}",
        "name": name,
        "share": percent(now),
        "before": percent(was),
    }
    return ConceptChange(
        id=f"{layer}/{new[after]}",
        earlier_id=f"{layer}/{old[before]}",
        layer=layer,
        score=score,
        class_name=name,
        share=now,
        earlier_share=was,
        status="found again",
        sentence=_(words.FOUND_AGAIN, **texts),
    )


def _alone(layer: str, side: Side, place: int, status: str) -> ConceptChange:
    profile, channels = side
    best = int(np.argmax(profile.mean_share[:, place]))
    name, share = profile.classes[best], float(profile.mean_share[best, place])
    fresh = status == "new"
    label = f"{layer} · {channels[place]}"
    texts = {"now": label, "earlier": label, "name": name}
    texts |= {"share": percent(share), "before": percent(share)}
    return ConceptChange(
        id=f"{layer}/{channels[place]}" if fresh else None,
        earlier_id=None if fresh else f"{layer}/{channels[place]}",
        layer=layer,
        score=None,
        class_name=name,
        share=share if fresh else None,
        earlier_share=None if fresh else share,
        status="new" if fresh else "gone",
        sentence=_(words.CONCEPT_NEW if fresh else words.CONCEPT_GONE, **texts),
    )


def _least_used(profile: LayerProfile, place: int) -> float:
    return -float(profile.mean_share[:, place].max())


def _share(profile: LayerProfile, place: int, name: str) -> float:
    if name not in profile.classes:
        return 0.0
    return float(profile.mean_share[profile.classes.index(name), place])


def _largest_change(change: ConceptChange) -> tuple[float, str]:
    return -abs((change.share or 0.0) - (change.earlier_share or 0.0)), change.id or ""
