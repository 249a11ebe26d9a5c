"""The frozen records of a composition: what the concepts of a decision are made of.

Axes and units are those of `auditor.records.stages`; besides, ``parent`` and ``child`` (kept
concepts of a layer and of the next one below). Flow is signed relevance in units of the explained
logit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int


@dataclass(frozen=True)
class CompositionStep:
    """What each kept unit of one level is made of in the next layer below, mean over samples.

    ``upper`` is None where the parent is the class itself, and ``parents`` then its output.
    ``relevance`` is what reaches each parent from the kept units above it. All of it goes one of
    four ways: ``flow`` to the kept concepts, ``rest`` (signed) to the ``others`` concepts of the
    layer, ``bypass`` past the layer, ``absorbed`` by biases, stabilisers and rules that do not
    conserve; a negative amount was added there.
    """

    upper: str | None
    lower: str
    parents: tuple[int, ...]
    children: tuple[int, ...]
    relevance: Float[np.ndarray, "parent"]
    flow: Float[np.ndarray, "parent child"]
    rest: Float[np.ndarray, "parent"]
    others: int
    bypass: Float[np.ndarray, "parent"]
    absorbed: Float[np.ndarray, "parent"]


@dataclass(frozen=True)
class CompositionGraph:
    """The class, the concepts that decide for it, and what those are made of, layer by layer.

    ``rows`` are the samples that the flow is a mean over, all explained as ``output``.
    ``candidate`` names the clever-Hans candidate that the graph starts from, None for the class's
    own. ``best`` is, per step and child, the row with the most relevance of it. ``reason`` says
    why there are no steps.
    """

    output: int
    candidate: str | None
    rows: Int[np.ndarray, "sample"]
    steps: tuple[CompositionStep, ...]
    best: tuple[tuple[int, ...], ...]
    reason: str = ""
