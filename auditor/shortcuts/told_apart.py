"""Tell concepts with the same working name apart by what else was measured in their pictures.

What differs most is added to the name: the place, a second class, brightness, size, contrast. Where
nothing measured differs enough, the concept's number is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Bool, UInt8

from auditor.language.speaking import N_, joined
from auditor.language.speaking import gettext as _
from auditor.shortcuts.seen import ANYWHERE, place_of

# How far apart two neighbours have to lie to be told from one another by a word: brightness in
# levels of 255; size (part of the picture) and contrast (spread of the levels) as a factor.
BRIGHTNESS, FACTOR = 20.0, 1.5
WORDS: Mapping[str, tuple[str, str]] = {
    "brightness": (N_("darker"), N_("brighter")),
    "size": (N_("smaller"), N_("larger")),
    "contrast": (N_("fainter"), N_("stronger")),
}


@dataclass(frozen=True)
class Sighting:
    """What is known of a concept's reference samples, for its name.

    ``phrase`` says what is seen, ``classes`` of which classes the samples are (those with a fair
    part, most first), of which the first ``named`` are part of the name. ``place`` is a message,
    "anywhere" where it keeps to none. ``measured`` has a number for each of `WORDS`, in steps that
    are told apart. ``added`` are the words that tell it from others.
    """

    phrase: str
    classes: tuple[str, ...] = ()
    named: int = 0
    place: str = ANYWHERE
    measured: Mapping[str, float] = field(default_factory=dict)
    added: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The whole name."""
        said = joined((self.phrase, *self.added), ", ") if self.added else self.phrase
        if not self.named:
            return said
        classes = joined(self.classes[: self.named], ", ")
        return _("%(seen)s (%(class_name)s)", seen=said, class_name=classes)

    def with_word(self, word: str) -> Sighting:
        """Return the sighting with one more word in its name."""
        return replace(self, added=(*self.added, word))


def measure(
    pictures: UInt8[np.ndarray, "reference height width 3"],
    masks: Bool[np.ndarray, "reference height width"],
) -> tuple[str, Mapping[str, float]]:
    """Return the place and the numbers of a `Sighting`, medians over the references."""
    kept = masks.any(axis=(1, 2))
    grey, masks = pictures[kept].mean(axis=-1, dtype=np.float64), masks[kept]
    inside = [levels[mask] for levels, mask in zip(grey, masks, strict=True)]
    spread = np.median([levels.std() for levels in inside])
    measured = {
        "brightness": float(np.median([levels.mean() for levels in inside]) / BRIGHTNESS),
        "size": float(np.log(np.median(masks.mean(axis=(1, 2)))) / np.log(FACTOR)),
        "contrast": float(np.log(max(1.0, spread)) / np.log(FACTOR)),
    }
    return place_of(masks), measured


def told_apart(sightings: Mapping[str, Sighting]) -> Mapping[str, str]:
    """Return a name for each concept, by ids ``layer/channel``; no two are the same."""
    told = dict(sightings)
    for alike in _alike(told):
        _tell(told, alike, ("place", "classes", *WORDS))
    for number in (_channel, _layer):
        for concept in [each for alike in _alike(told) for each in alike]:
            told[concept] = told[concept].with_word(number(concept))
    return {concept: each.name for concept, each in told.items()}


def _channel(concept: str) -> str:
    return _("no. %(number)s", number=concept.rpartition("/")[2])


def _layer(concept: str) -> str:
    return concept.rpartition("/")[0]


def _alike(told: Mapping[str, Sighting]) -> list[list[str]]:
    """Return the concepts that share a name with others, those of a name together."""
    groups: dict[str, list[str]] = defaultdict(list)
    for concept, each in told.items():
        groups[str(each.name)].append(concept)
    return [group for group in groups.values() if len(group) > 1]


def _tell(told: dict[str, Sighting], alike: Sequence[str], left: Sequence[str]) -> None:
    """Add to the names of ``alike`` what tells most of them apart, then what tells the rest."""
    ways = {kind: _by(kind, {concept: told[concept] for concept in alike}) for kind in left}
    counts = {kind: len({str(each.name) for each in way.values()}) for kind, way in ways.items()}
    best = max(left, key=lambda kind: counts[kind], default="")
    if not best or counts[best] < 2:
        return
    told.update(ways[best])
    for group in _alike({concept: told[concept] for concept in alike}):
        _tell(told, group, [kind for kind in left if kind != best])


def _by(kind: str, alike: Mapping[str, Sighting]) -> Mapping[str, Sighting]:
    """Return the concepts with what they are by one kind of difference, if they differ in it."""
    if kind == "place":
        return {
            concept: each if _placed(each) else each.with_word(_(each.place))
            for concept, each in alike.items()
        }
    if kind == "classes":
        return {
            concept: replace(each, named=min(2, len(each.classes)))
            for concept, each in alike.items()
        }
    order = sorted(alike, key=lambda concept: alike[concept].measured.get(kind, 0.0))
    values = [alike[concept].measured.get(kind, 0.0) for concept in order]
    gaps = np.diff(values)
    at = int(gaps.argmax()) + 1
    if gaps[at - 1] < 1.0:
        return alike
    return {
        concept: each.with_word(_(WORDS[kind][order.index(concept) >= at]))
        for concept, each in alike.items()
    }


def _placed(each: Sighting) -> bool:
    """Say whether there is no place to add: it has none, or the phrase says it."""
    return each.place == ANYWHERE or str(_(each.place)) in str(each.phrase)
