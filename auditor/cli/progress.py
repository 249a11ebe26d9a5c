"""Progress on stderr: a bar on a terminal, plain lines elsewhere, JSON lines on request."""

from __future__ import annotations

import datetime
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from auditor.base.errors import on_one_line
from auditor.base.progress import Place, Step, placed
from auditor.base.redaction import scrubbed

# Seconds from which on time is told in minutes.
MINUTES = 100


class TerminalProgress:
    """Shows stages with tqdm when stderr is a terminal, else a line every few seconds."""

    def __init__(self, *, quiet: bool = False, every: float = 10.0) -> None:
        self._quiet = quiet
        self._every = every

    def say(self, text: str) -> None:
        """Print one line."""
        if not self._quiet:
            click.echo(on_one_line(scrubbed(text)), err=True)

    @contextmanager
    def stage(self, title: str, total: int | None = None, place: Place = None) -> Iterator[Step]:
        """Show a stage of ``total`` steps while it runs, and how long it took."""
        if self._quiet:
            yield _ignore
            return
        title = placed(title, place)
        started = time.monotonic()
        if sys.stderr.isatty() and total:
            from tqdm import tqdm

            with tqdm(total=total, desc=title, file=sys.stderr, leave=False) as bar:
                yield bar.update
        else:
            self.say(f"{title} ...")
            yield _Lines(self, title, total, self._every)
        self.say(f"{title}: done in {time.monotonic() - started:.1f} s")


class JsonProgress:
    """Says everything as JSON, one object a line: time, level, event and what belongs to it."""

    def __init__(self, *, every: float = 10.0) -> None:
        self._every = every

    def say(self, text: str) -> None:
        """Write a message."""
        level = "warning" if text.startswith("warning: ") else "info"
        json_line("message", level=level, text=text.removeprefix("warning: "))

    @contextmanager
    def stage(self, title: str, total: int | None = None, place: Place = None) -> Iterator[Step]:
        """Write that a stage begins, how far it is now and then, and how it ended."""
        started = last = time.monotonic()
        done = 0
        where: dict[str, Any] = {"number": place[0], "of": place[1]} if place is not None else {}
        json_line("stage", stage=title, state="begin", total=total, **where)

        def step(steps: int) -> None:
            nonlocal done, last
            done += steps
            now = time.monotonic()
            if now - last >= self._every:
                last = now
                json_line("stage", stage=title, state="running", done=done, total=total)

        try:
            yield step
        except BaseException:
            seconds = round(time.monotonic() - started, 3)
            json_line("stage", level="error", stage=title, state="failed", seconds=seconds)
            raise
        json_line("stage", stage=title, state="done", seconds=round(time.monotonic() - started, 3))


def json_line(event: str, *, level: str = "info", **facts: object) -> None:
    """Write one line of the JSON log to stderr."""
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
    clean = {
        key: "\n".join(on_one_line(line) for line in scrubbed(value).split("\n"))
        if isinstance(value, str)
        else value
        for key, value in facts.items()
    }
    line = {"time": now.replace("+00:00", "Z"), "level": level, "event": event} | clean
    click.echo(json.dumps(line, ensure_ascii=False), err=True)


class _Lines:
    """Counts steps and prints a line with rate and time left now and then."""

    def __init__(
        self, progress: TerminalProgress, title: str, total: int | None, every: float
    ) -> None:
        self._progress, self._title, self._total, self._every = progress, title, total, every
        self._done, self._started = 0, time.monotonic()
        self._last = self._started

    def __call__(self, steps: int) -> None:
        self._done += steps
        now = time.monotonic()
        if not self._total or now - self._last < self._every:
            return
        self._last = now
        reached = f"{self._title}: {self._done}/{self._total}"
        if not self._done:  # nothing is done yet, so nothing is known of the time left
            self._progress.say(reached)
            return
        rate = self._done / (now - self._started)
        left = (self._total - self._done) / rate
        pace = f"{rate:.1f} a second" if rate >= 1 else f"{1 / rate:.0f} s each"
        still = f"{left:.0f} s" if left < MINUTES else f"{left / 60:.0f} min"
        self._progress.say(f"{reached}, {pace}, about {still} left")


def _ignore(steps: int) -> None:
    return None
