"""Working names of concepts: what their reference samples show, as far as that can be measured.

"Orange mark at the lower right (gravel)" is for reading, and no claim about what the model means: a
name that a person gives wins over it. `NAMERS` is open to plug-ins.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

import numpy as np
from jaxtyping import Bool, UInt8

from auditor.base.progress import Step
from auditor.base.registry import Registry
from auditor.concepts.crops import unpacked
from auditor.language.speaking import gettext as _
from auditor.pipeline.context import Context
from auditor.records.part import concept_id
from auditor.records.stages import Illustration
from auditor.shortcuts.concept_look import concept_look

# Given pictures and where in them a concept looks, says what it sees in a few words, or nothing.
Namer = Callable[
    [UInt8[np.ndarray, "reference height width 3"], Bool[np.ndarray, "reference height width"]], str
]
NAMERS: Registry[Namer] = Registry("namer of concepts", group="concept_namers")
# Best reference samples that a name is read off.
READ = 8
# A class is part of the name when so many of the reference samples are its own.
OF_ONE_CLASS = 0.6
# Photographs that are kept at hand: concepts share many.
AT_HAND = 256


@NAMERS.register("measured")
def measured(
    pictures: UInt8[np.ndarray, "reference height width 3"],
    masks: Bool[np.ndarray, "reference height width"],
) -> str:
    """Return colour, surface or form, and place, as `auditor.shortcuts.concept_look` has them."""
    return concept_look(pictures, masks)


@NAMERS.register("none")
def unnamed(_pictures: object, _masks: object) -> str:
    """Return no name: concepts are called by layer and channel."""
    return ""


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
