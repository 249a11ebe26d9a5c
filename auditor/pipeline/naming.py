"""Working names of concepts: what their reference samples show, as far as that can be measured.

"Orange mark at the lower right (gravel)" is for reading, and no claim about what the model means: a
name that a person gives wins over it. No two concepts have the same.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
from jaxtyping import Bool, UInt8

from auditor.base.progress import Step
from auditor.base.streams import stream
from auditor.concepts.crops import unpacked
from auditor.pipeline.clip_namer import ClipNamer
from auditor.pipeline.context import Context
from auditor.records.part import concept_id
from auditor.records.stages import Illustration
from auditor.relevance.sweep.units import units_of
from auditor.shortcuts.namers import NAMERS
from auditor.shortcuts.told_apart import Sighting, measure, told_apart

# Best reference samples that a name is read off.
READ = 8
# A class is part of the name when so many of the reference samples are its own.
OF_ONE_CLASS = 0.6
# A class may tell a concept from another when so many are.
A_FAIR_PART = 0.2
# Photographs that are kept at hand: concepts share many.
AT_HAND = 256


def concept_names(context: Context, illustrations: Sequence[Illustration]) -> Mapping[str, str]:
    """Return a working name for each concept with reference samples, by its id."""
    given = _given(context)
    shown: dict[tuple[str, int], list[Illustration]] = defaultdict(list)
    for item in illustrations:
        if item.output is None and item.origin == "relevance":
            shown[item.layer, item.concept].append(item)
    ids = {concept_id(layer, concept) for layer, concept in shown}
    namer = NAMERS[context.config.audit.concept_names]
    compared = namer if isinstance(namer, ClipNamer) else None
    picture = lru_cache(AT_HAND)(context.subject.picture)

    def make(step: Step) -> Mapping[str, str]:
        found, looks = {}, {}
        words = compared.opened() if compared else None
        for (layer, concept), items in shown.items():
            best = sorted(items, key=lambda item: (-item.crop.score, item.row))[:READ]
            pictures = np.stack([picture(item.row) for item in best])
            size = pictures.shape[1], pictures.shape[2]
            masks = np.stack([unpacked(item.looked_at, size) for item in best])
            name = namer(pictures, masks) if masks.any() else ""
            if words is not None and masks.any():
                looks[concept_id(layer, concept)] = words.look(pictures, masks)
            if name or words is not None:
                found[concept_id(layer, concept)] = _sighting(name, items, pictures, masks)
            step(1)
        if words is not None:
            rng = stream(context.config.audit.seed, "concept-names")
            named = dict(zip(looks, words.names(list(looks.values()), rng), strict=True))
            found = {key: replace(found[key], phrase=name) for key, name in named.items() if name}
        theirs = {each: name for each, name in given.items() if each in ids}
        return {**told_apart(found), **theirs}

    return context.once(
        "concept-names",
        "names of the concepts",
        make,
        reads=["illustrations"],
        steps=len(shown),
    )


def _given(context: Context) -> dict[str, str]:
    """Return what the makers of dictionaries call their directions, by id."""
    return {
        concept_id(units_of(layer), place): name
        for layer, made in context.subject.dictionaries.items()
        for place, name in enumerate(made.names)
    }


def _sighting(
    name: str,
    items: Sequence[Illustration],
    pictures: UInt8[np.ndarray, "reference height width 3"],
    masks: Bool[np.ndarray, "reference height width"],
) -> Sighting:
    """Return what tells a concept from others that the namer calls the same."""
    counts = Counter(item.crop.label for item in items).most_common()
    place, measured = measure(pictures, masks)
    return Sighting(
        phrase=name,
        classes=tuple(label for label, count in counts if count >= A_FAIR_PART * len(items)),
        named=int(counts[0][1] >= OF_ONE_CLASS * len(items)),
        place=place,
        measured=measured,
    )
