"""What stages say while they work; the command line decides how it looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol


class Progress(Protocol):
    """Receives the progress of an audit."""

    def stage(self, title: str, total: int | None = None) -> Stage:
        """Begin a stage of ``total`` steps (None: unknown)."""

    def say(self, text: str) -> None:
        """Tell the user one line."""


class Stage(Protocol):
    """A stage under way, to be used in a ``with``."""

    def __enter__(self) -> Callable[[int], None]:
        """Return a function that is told how many steps were just done."""

    def __exit__(self, *details: object) -> None:
        """End the stage."""


class Silent:
    """Progress that nobody watches: for libraries and tests."""

    @contextmanager
    def stage(self, title: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        """Begin a stage; say nothing."""
        yield _ignore

    def say(self, text: str) -> None:
        """Say nothing."""


def _ignore(steps: int) -> None:
    return None
