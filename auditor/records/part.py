"""The base of every array-free record, and the smallest records that others are made of.

A `Part` passes between stages and stands in ``audit.json`` as it is: it is defined once.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Number = Annotated[float, Field(allow_inf_nan=False)]


def concept_id(layer: str, concept: int) -> str:
    """Return the id of a concept: ``layer/channel``."""
    return f"{layer}/{concept}"


def subspace_id(layer: str, cluster: int) -> str:
    """Return the id of a subspace: ``layer/S3``."""
    return f"{layer}/S{cluster + 1}"


class Part(BaseModel):
    """A record of plain values: unknown keys are errors, numbers are finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Interval(Part):
    """A value with its 95 % interval and the number of units it rests on."""

    value: Number
    low: Number
    high: Number
    n: int


class Picture(Part):
    """An image of the run: ``file`` is its name in ``images/``, a content digest.

    ``alt`` says what it shows; sizes are in pixels.
    """

    file: str
    alt: str
    width: int
    height: int
    caption: str = ""


class Crop(Part):
    """One reference sample of a concept: what it sees there.

    ``crop`` is cut to what the most relevant position can see, the rest dimmed; ``full`` is the
    whole picture with the conditional heatmap over it.
    """

    sample: str
    label: str
    prediction: str
    score: Number
    crop: Picture
    full: Picture


class SampleView(Part):
    """A sample with the heatmap of what the model decided about it."""

    sample: str
    label: str
    prediction: str
    photo: Picture
    heatmap: Picture
