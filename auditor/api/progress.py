"""Progress in a notebook or a program: a bar for what takes long, a line for what must be read."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from auditor.base.errors import on_one_line
from auditor.base.progress import Place, Step, placed
from auditor.base.redaction import scrubbed


class NotebookProgress:
    """Shows stages by tqdm, as a widget where the notebook has them; writes notes to stderr."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet

    def say(self, text: str) -> None:
        """Write one line."""
        if not self._quiet:
            _tqdm().write(on_one_line(scrubbed(text)), file=sys.stderr)

    @contextmanager
    def stage(self, title: str, total: int | None = None, place: Place = None) -> Iterator[Step]:
        """Show a stage of ``total`` steps while it runs."""
        if self._quiet:
            yield _ignore
            return
        with _tqdm()(total=total, desc=placed(title, place), leave=False) as bar:
            yield bar.update


def _tqdm() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there are no widgets: then it is a bar of text
        from tqdm.auto import tqdm
    return tqdm


def _ignore(steps: int) -> None:
    return None
