"""Keep the section on the audit current in the README of a model repository on disk."""

from __future__ import annotations

from pathlib import Path

from auditor.base.errors import StorageError
from auditor.run.storage import write_atomic

BEGIN = "<!-- begin of the concept audit: written by auditor, changes here are lost -->"
END = "<!-- end of the concept audit -->"


def push_section(readme: Path, section: str) -> str:
    """Put ``section`` between its markers, or at the end of the file where there are none.

    Everything outside the markers stays as it is. Returns a warning, or an empty text.
    """
    try:
        text = readme.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        return f"the section was not put into {readme.name}: {reason}."
    if (text.count(BEGIN), text.count(END)) not in ((0, 0), (1, 1)) or (
        BEGIN in text and text.index(BEGIN) > text.index(END)
    ):
        return (
            f"the section was not put into {readme.name}: its markers are not one pair. Keep one "
            f"'{BEGIN}' with one '{END}' after it, or none."
        )
    block = f"{BEGIN}\n{section.strip()}\n{END}"
    if BEGIN in text:
        before, rest = text.split(BEGIN)
        new = before + block + rest.split(END)[1]
    else:
        new = f"{text.rstrip()}\n\n{block}\n" if text.strip() else f"{block}\n"
    try:
        write_atomic(readme, new.encode())
    except StorageError as error:
        return str(error)
    return ""
