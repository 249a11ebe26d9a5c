"""Who calls concepts by what their reference samples show; open to plug-ins."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, UInt8

from auditor.base.registry import Registry
from auditor.shortcuts.concept_look import concept_look

# Given pictures and where in them a concept looks, says what it sees in a few words, or nothing.
Namer = Callable[
    [UInt8[np.ndarray, "reference height width 3"], Bool[np.ndarray, "reference height width"]], str
]
NAMERS: Registry[Namer] = Registry("namer of concepts", group="concept_namers")


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
