"""Which letters this machine has no font for: the PDF and figures show boxes in their place."""

from __future__ import annotations

import shutil
import subprocess
import unicodedata
from collections.abc import Iterable

MOST = 60  # letters that are asked for
LATIN = 0x250  # letters below it are in every font
# A letter of each script, and the package of Debian and Ubuntu with a font that has it.
SCRIPTS = {
    "Greek": ("α", "fonts-dejavu-core"),
    "Cyrillic": ("к", "fonts-dejavu-core"),
    "Hebrew": ("ש", "fonts-noto-core"),
    "Arabic": ("ع", "fonts-noto-core"),
    "Hindi": ("अ", "fonts-noto-core"),
    "Thai": ("ก", "fonts-noto-core"),
    "Chinese": ("中", "fonts-noto-cjk"),
    "Japanese": ("あ", "fonts-noto-cjk"),
    "Korean": ("한", "fonts-noto-cjk"),
    "emoji": ("🐈", "fonts-noto-color-emoji"),
}


def without_font(texts: Iterable[str]) -> str:
    """Return the letters of texts that no installed font has; none where that cannot be asked."""
    listing = shutil.which("fc-list")
    wanted = {sign for text in texts for sign in text if _is_asked(sign)}
    if listing is None:
        return ""
    return "".join(sign for sign in sorted(wanted)[:MOST] if not _has_font(listing, sign))


def font_note(names: Iterable[str]) -> tuple[str, ...]:
    """Say which letters of names would be boxes, and what mends it."""
    missing = without_font(names)
    if not missing:
        return ()
    return (
        f"no font of this machine has the letters {missing[:20]} of class names: the PDF and "
        "figures show boxes for them; Debian, Ubuntu: apt install fonts-noto-core fonts-noto-cjk "
        "fonts-noto-color-emoji",
    )


def _is_asked(sign: str) -> bool:
    return ord(sign) >= LATIN and unicodedata.category(sign)[0] in "LNS"


def _has_font(listing: str, sign: str) -> bool:
    asked = [listing, f":charset={ord(sign):x}", "family"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)  # noqa: S603
    return bool(done.stdout.strip()) or done.returncode != 0
