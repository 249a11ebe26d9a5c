"""Working names of concepts: what their reference samples show, as far as that can be measured.

"Orange mark at the lower right (gravel)" is for reading, and no claim about what the model means: a
name that a person gives wins over it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np

from auditor.base.progress import Step
from auditor.concepts.crops import unpacked
from auditor.language.speaking import gettext as _
from auditor.pipeline.context import Context
from auditor.records.part import concept_id
from auditor.records.stages import Illustration
from auditor.shortcuts.namers import NAMERS

# Best reference samples that a name is read off.
READ = 8
# A class is part of the name when so many of the reference samples are its own.
OF_ONE_CLASS = 0.6
# Photographs that are kept at hand: concepts share many.
AT_HAND = 256


def concept_names(context: Context, illustrations: Sequence[Illustration]) -> Mapping[str, str]:
    """Return a working name for each concept with reference samples, by its id."""
    shown: dict[tuple[str, int], list[Illustration]] = defaultdict(list)
    for item in illustrations:
        if item.output is None and item.origin == "relevance":
            shown[item.layer, item.concept].append(item)
    namer = NAMERS[context.config.audit.concept_names]
    picture = lru_cache(AT_HAND)(context.subject.picture)

    def make(step: Step) -> Mapping[str, str]:
        names = {}
        for (layer, concept), items in shown.items():
            best = sorted(items, key=lambda item: (-item.crop.score, item.row))[:READ]
            pictures = np.stack([picture(item.row) for item in best])
            size = pictures.shape[1], pictures.shape[2]
            masks = np.stack([unpacked(item.looked_at, size) for item in best])
            if masks.any() and (name := namer(pictures, masks)):
                names[concept_id(layer, concept)] = _with_class(name, items)
            step(1)
        return names

    return context.once(
        "concept-names",
        "names of the concepts",
        make,
        reads=["illustrations"],
        steps=len(shown),
    )


def _with_class(name: str, items: Sequence[Illustration]) -> str:
    """Return the name with the class that most of the reference samples are of."""
    label, count = Counter(item.crop.label for item in items).most_common(1)[0]
    if count < OF_ONE_CLASS * len(items):
        return name
    return _("%(seen)s (%(class_name)s)", seen=name, class_name=label)
