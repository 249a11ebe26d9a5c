"""What a stage has to do, counted: each stage states it, the estimate adds it up."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Work:
    """What a stage has to do at most, counted from the configuration by the stage itself.

    Images: ``read`` from disk, ``explained`` (relevance at every audited layer), ``shown`` to the
    model, ``edited`` before that. ``maps``: conditional heatmaps of a layer, ``started`` from so
    many images. ``pictures``: stored for the report. ``fixed``: seconds that run no model, on the
    reference machine (see `auditor.cli.check.rates`). ``stored``: bytes of arrays.
    """

    read: float = 0.0
    explained: float = 0.0
    shown: float = 0.0
    edited: float = 0.0
    maps: float = 0.0
    started: float = 0.0
    pictures: float = 0.0
    fixed: float = 0.0
    stored: float = 0.0
