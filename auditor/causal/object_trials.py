"""What came of a search in the objects of pictures: how they lie, or what their surface is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TypeVar

from auditor.causal.global_factors import FactorTrial
from auditor.causal.kinds import Looked, looked_on


@dataclass(frozen=True, eq=False)
class ObjectTrials:
    """What was tested of objects, and what could not be.

    ``left_out`` of ``looked_at`` pictures have no usable object; of the classes ``unusable`` too
    few have one. ``fewest`` is the smallest number of targets. ``why``: nothing was looked for.
    """

    trials: tuple[FactorTrial, ...] = ()
    left_out: int = 0
    looked_at: int = 0
    unusable: tuple[str, ...] = ()
    fewest: int = 0
    why: str = ""

    def pictures_left_out(self) -> str:
        """Return in a sentence how many pictures were left out, and why."""
        raise NotImplementedError

    def classes_left_out(self) -> str:
        """Return of which classes too few pictures could be used."""
        raise NotImplementedError

    @property
    def notes(self) -> list[str]:
        """Return how many pictures were left out, in a sentence; none were: nothing."""
        return [self.pictures_left_out()] if self.left_out else []

    def looked(self, tests: int) -> Looked:
        """Return on how many pictures objects were changed, or why they were not."""
        if self.why:
            return Looked(reason=self.why)
        return looked_on(self.fewest, tests, self.classes_left_out() if self.unusable else "")


Objects = TypeVar("Objects", bound=ObjectTrials)


def all_objects(parts: Sequence[Objects]) -> Objects:
    """Return what came of several searches, each of other classes, as one."""
    if len(parts) == 1:
        return parts[0]
    return replace(
        parts[0],
        trials=tuple(chain.from_iterable(each.trials for each in parts)),
        left_out=sum(each.left_out for each in parts),
        looked_at=sum(each.looked_at for each in parts),
        unusable=tuple(chain.from_iterable(each.unusable for each in parts)),
        fewest=min((each.fewest for each in parts if each.fewest), default=0),
    )
