"""The outputs of a model as far as they are known, and which of them each label means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from auditor.subject.imagenet import COUNT, imagenet_wnids, wnid_of

BINARY = ("negative", "positive")


@dataclass(frozen=True)
class Outputs:
    """What is known of the model's outputs: how many, and perhaps their names.

    ``single``: the two outputs stand for the model's one logit, output 1 being what it speaks for.
    ``natural``: the library that the model comes from numbers classes in natural order.
    """

    count: int
    names: tuple[str, ...] | None
    imagenet: bool = False
    single: bool = False
    natural: bool = False

    def named(self) -> tuple[str, ...]:
        """Return the names, or what outputs are called that have none."""
        if self.names is not None:
            return self.names
        return BINARY if self.single else tuple(f"output {at}" for at in range(self.count))

    def wnids(self, *, assume: bool) -> tuple[str, ...] | None:
        """Return the synset id of each output; ``assume``: 1,000 of them are ImageNet's."""
        if self.names is not None:
            own = tuple(wnid_of(name) or "" for name in self.names)
            if all(own):
                return own
        if self.imagenet or (assume and self.count == COUNT):
            return imagenet_wnids()
        return None


@dataclass(frozen=True)
class Matching:
    """The output of each label that is used, the name of every output, and the rule in words.

    ``guess``: nobody said that it is so, and nothing in the names shows it: the data must agree.
    ``insist`` is the value of data.labels that states the same. ``other`` are the outputs by the
    other usual order of the labels, None where both orders are the same or none was used.
    """

    outputs: Mapping[str, int]
    classes: tuple[str, ...]
    rule: str
    guess: bool = False
    insist: str = ""
    other: Mapping[str, int] | None = None
