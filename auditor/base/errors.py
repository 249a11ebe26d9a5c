"""The errors a user can meet: one root, one child per kind, each with its documented exit code.

A message is one sentence in the user's words: what was wrong, the offending value, what is
allowed, what to do. The command line prints ``str(error)`` and exits with ``error.exit_code``;
nothing else in the package prints or exits.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable

from auditor.base.redaction import scrubbed

# One letter wrong of three, or two swapped, is close; "Operator" for "path" (0.5) is not.
CLOSE = 0.65
# What moves text about or hides it, and the character that begins a file: no part of a name.
HIDDEN = set("\u061c\u200b\u200e\u200f\u2028\u2029\ufeff") | {
    chr(code) for code in (*range(0x202A, 0x202F), *range(0x2060, 0x2070), *range(0xFFF9, 0xFFFC))
}


def on_one_line(text: str) -> str:
    r"""Return text that stays what it is in a log: one line, and no command to who reads it.

    Line breaks, control characters (a terminal obeys them) and marks that turn text around are
    written as ``\u001b``; what a CI system takes for a command (``::error::`` at the start of a
    line, ``##[error]``) is set apart. A text that has been through this stays as it is.
    """
    if not text.isascii() or not text.isprintable():
        text = "".join(_written_out(each) for each in text)
    return re.sub(r"^(\s*:)(?=:)", r"\1 ", re.sub(r"#(?=#\w*\[)", "# ", text))


def _written_out(letter: str) -> str:
    if letter in HIDDEN or unicodedata.category(letter) in ("Cc", "Cs"):
        return f"\\u{ord(letter):04x}"
    return letter


class AuditorError(Exception):
    """Root of every error this package raises on purpose: one line, or one a problem."""

    exit_code = 3

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(on_one_line(scrubbed(problem)) for problem in problems))


class ConfigError(AuditorError):
    """The command line or the config cannot be used as written."""

    exit_code = 2


class UnknownNameError(ConfigError):
    """A name (layer, composite, class, registry entry) is not one of the known ones."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        shown = ", ".join(names[:20]) + (f", ... ({len(names)} in all)" if len(names) > 20 else "")
        super().__init__(
            f"unknown {kind} '{name}'.{did_you_mean(name, names)} Known: {shown or 'none'}."
        )


class ModelError(AuditorError):
    """The model cannot be built or loaded."""


class CheckpointError(ModelError):
    """A checkpoint is unreadable, unsafe, or does not fit the model."""


class CaptureError(ModelError):
    """torch.export refuses the model, so there is no graph to explain."""


class DataError(AuditorError):
    """The validation set cannot be read."""


class LabelError(DataError):
    """Labels of the data cannot be matched to outputs of the model without guessing."""


class GateError(AuditorError):
    """The audit is done and the owner's policy does not let the model pass."""

    exit_code = 1


class OutputError(AuditorError):
    """The audit is complete but a requested output could not be made, or results are missing."""

    exit_code = 4


class StorageError(AuditorError):
    """A file cannot be written now (a full disk, an I/O error); the same command goes on later."""

    exit_code = 75


class IntegrityError(AuditorError):
    """A file of the run folder is missing, changed or contradicts another."""

    exit_code = 5


class StoppedError(AuditorError):
    """The audit was stopped part-way; the same command continues it."""

    exit_code = 75


class Stopped(BaseException):
    """SIGTERM: no Exception, so that nothing on the way up takes it for a fault of its own."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a sentence with the known name most like ``name``, after a space, or nothing."""
    near = nearest(name, known)
    return f" Did you mean '{near}'?" if near else ""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name most like ``name``, or None when nothing is close.

    Close is a likeness of `CLOSE` (`difflib`: twice the characters in common by all characters).
    """
    lowered = {candidate.lower(): candidate for candidate in known}
    matches = difflib.get_close_matches(name.lower(), list(lowered), n=1, cutoff=CLOSE)
    return lowered[matches[0]] if matches else None
