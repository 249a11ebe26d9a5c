"""Where in the user's own code something happened: not in a library, nor in this package."""

from __future__ import annotations

import sysconfig
from collections.abc import Iterable
from pathlib import Path
from traceback import FrameSummary

PACKAGE = Path(__file__).resolve().parents[1]
LIBRARIES = frozenset({"site-packages", "dist-packages"})
SHOWN = 80


def users_frame(frames: Iterable[FrameSummary]) -> FrameSummary | None:
    """Return the innermost of the frames that is the user's, None where none is."""
    return next((each for each in reversed(list(frames)) if _is_users(each.filename)), None)


def in_words(frame: FrameSummary) -> str:
    """Return file and line, and what stands there: ``net.py, line 12 (`if x.sum() > 0:`)``."""
    text = (frame.line or "").strip()
    shown = f" (`{text[:SHOWN]}`)" if text else ""
    return f"{Path(frame.filename).name}, line {frame.lineno}{shown}"


def _is_users(filename: str) -> bool:
    path = Path(filename)
    inside = (
        not LIBRARIES.isdisjoint(path.parts)
        or path.is_relative_to(sysconfig.get_path("stdlib"))
        or path.is_relative_to(PACKAGE)
    )
    return not (filename.startswith("<") or inside)
