"""What stages say while they work; the command line decides how it looks."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

Step = Callable[[int], object]


class Progress(Protocol):
    """Receives the progress of an audit."""

    def stage(self, title: str, total: int | None = None) -> AbstractContextManager[Step]:
        """Begin a stage of ``total`` steps (None: unknown), to be used in a ``with``.

        The ``with`` gives a function that is told how many steps were just done.
        """

    def say(self, text: str) -> None:
        """Tell the user one line."""
