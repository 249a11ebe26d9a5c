"""The details of a synthetic finding, with the figure that the report draws."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from auditor.records.part import Interval
from auditor.records.shortcuts import (
    Change,
    Details,
    Exposure,
    Projection,
    SharedClass,
    Signature,
    Subgroup,
    Zeroing,
)
from auditor.report.draw.zeroing_curves import zeroing_figure
from auditor.report.show.picture_store import ImageStore

COUNTS = [0, 1, 2, 3, 4, 6, 8]
OWN = [0.93, 0.7, 0.42, 0.3, 0.22, 0.15, 0.12]
OTHERS = [0.9, 0.9, 0.89, 0.88, 0.88, 0.86, 0.85]
RANDOM = [0.93, 0.93, 0.92, 0.92, 0.91, 0.9, 0.88]
CURVE: dict[str, Any] = {
    "counts": COUNTS,
    "own": OWN,
    "others": OTHERS,
    "random_own": RANDOM,
    "random_others": OTHERS,
    "band_own": [(value - 0.03, min(1.0, value + 0.02)) for value in RANDOM],
    "draws": 10,
    "n_own": 20,
    "n_others": 64,
}


def drawn_curve(name: str, store: ImageStore, say: Callable[[str], str], **parts: Any) -> Zeroing:
    """Return a curve with its figure."""
    curve = Zeroing(**parts)
    alt = say("confidence while concepts are zeroed")
    figure = store.figure(partial(zeroing_figure, curve, name), alt=alt)
    return curve.model_copy(update={"figure": figure})


def details(
    name: str, other: str, layer: str, store: ImageStore, say: Callable[[str], str]
) -> Details:
    """Return details in which every part is there, and one is said to be missing."""
    return Details(
        exposure=Exposure(share=0.85, classes=[name, other], lost=0.32),
        subgroups=[
            Subgroup(
                group=say(group),
                carrying=Interval(value=0.95, low=0.84, high=0.99, n=41),
                without=None if place == 3 else Interval(value=0.57, low=0.33, high=0.79, n=7),
                p=None if place == 3 else 0.012,
            )
            for place, group in enumerate(
                (f"all of '{name}'", "all other classes", "site = north", "site = south")
            )
        ],
        projection=Projection(
            layer=say(layer),
            sentence=say(f"With its direction projected out, '{name}' keeps 6 of 7 pictures."),
            variance=0.04,
            control_variance=0.038,
            directions=20,
            changes=[
                Change(
                    group=say(group),
                    before=Interval(value=0.95, low=0.84, high=0.99, n=41),
                    after=Interval(value=0.4, low=0.2, high=0.6, n=41),
                    control=0.94,
                )
                for group in ("with the region", "without it", "other classes")
            ],
        ),
        zeroing=drawn_curve(
            name,
            store,
            say,
            layer=say(layer),
            concepts=[say(f"{layer}/{channel}") for channel in (0, 3, 1)],
            part=(0.5, 0.3, 0.2),
            **CURVE,
            chosen=2,
            classes=[
                SharedClass(
                    class_name=other, n=12, share=0.21, accuracy=(0.9, 0.6), confidence=(0.8, 0.5)
                )
            ],
            sentence=say(
                "With the first 2 concepts at zero the confidence goes from 93 % to 42 %."
            ),
        ),
        signature=Signature(
            area=0.04,
            place=(0.86, 0.7),
            spread=0.02,
            colour=(0.9, 0.8, 0.2),
            look=[[(0.1, 0.2, 0.3)] * 2] * 2,
        ),
        missing={say("brightness"): say("It is no region.")},
    )
