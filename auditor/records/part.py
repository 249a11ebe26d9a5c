"""The base of every array-free record, and the smallest records that others are made of.

A `Part` passes between stages and stands in ``audit.json`` as it is: it is defined once.
"""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    WithJsonSchema,
)

from auditor.language.speaking import Text, spoken, translated

Number = Annotated[float, Field(allow_inf_nan=False)]


def concept_id(layer: str, concept: int) -> str:
    """Return the id of a concept: ``layer/channel``."""
    return f"{layer}/{concept}"


def subspace_id(layer: str, cluster: int) -> str:
    """Return the id of a subspace: ``layer/S3``."""
    return f"{layer}/S{cluster + 1}"


def _read(value: Any) -> str:
    """Return a plain string or a text as it is, and the text that a JSON object describes."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return Text.from_json(value)
    raise ValueError("this is neither a string nor a text: an object with the key 'text'")


def _written(value: str) -> Any:
    return value.to_json() if isinstance(value, Text) else value


# What people read: a plain string, or a text that is put into the language of the report.
Words = Annotated[
    str,
    PlainValidator(_read),
    PlainSerializer(_written, when_used="json"),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {
                    "type": "object",
                    "description": "A text by the function of auditor.language that makes it, "
                    "such as gettext, its arguments, and its named values.",
                    "properties": {"text": {"type": "array"}, "values": {"type": "object"}},
                    "required": ["text"],
                    "additionalProperties": False,
                },
            ]
        }
    ),
]


class Part(BaseModel):
    """A record of plain values and texts: unknown keys are errors, numbers are finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    def translated(self) -> Self:
        """Return the part with its texts as plain strings of the spoken language."""
        names = type(self).model_fields
        return self.model_copy(update={name: translated(getattr(self, name)) for name in names})


class Picture(Part):
    """An image of the run: ``file`` is its name in ``images/``, a content digest.

    ``alt`` says what it shows; sizes are in pixels. ``others`` are the same figure by language,
    where words are drawn in it.
    """

    file: str
    alt: Words
    width: int
    height: int
    caption: Words = ""
    others: dict[str, Picture] = Field(default_factory=dict)

    def translated(self) -> Picture:
        """Return the picture as it is in the spoken language."""
        picture = self.others.get(spoken(), self)
        texts = {"alt": translated(self.alt), "caption": translated(self.caption), "others": {}}
        return picture.model_copy(update=texts)


class Interval(Part):
    """A value with its 95 % interval and the number of units it rests on."""

    value: Number
    low: Number
    high: Number
    n: int


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
