"""What stages say while they work; the command line decides how it looks."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

Step = Callable[[int], object]
# Which stage of how many, counted from 1; None where that is not known.
Place = tuple[int, int] | None


def placed(title: str, place: Place) -> str:
    """Return the title of a stage with which of how many it is, where that is known."""
    return title if place is None else f"step {place[0]} of {place[1]}, {title}"


class Progress(Protocol):
    """Receives the progress of an audit."""

    def stage(
        self, title: str, total: int | None = None, place: Place = None
    ) -> AbstractContextManager[Step]:
        """Begin a stage of ``total`` steps (None: unknown), to be used in a ``with``.

        The ``with`` gives a function that is told how many steps were just done. ``place`` is that
        of the stage in an audit.
        """

    def say(self, text: str) -> None:
        """Tell the user one line."""
