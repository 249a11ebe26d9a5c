"""The two orders in which libraries number classes: by code point, and naturally as timm does."""

from __future__ import annotations

import re
from collections.abc import Sequence


def by_code_point(names: Sequence[str]) -> list[str]:
    """Return names as torchvision's ImageFolder numbers them: capitals first, 10 before 2."""
    return sorted(names)


def naturally(names: Sequence[str]) -> list[str]:
    """Return names as timm's folder reader numbers them: case does not count, 2 before 10."""
    return sorted(sorted(names), key=_natural)


def _natural(name: str) -> list[tuple[bool, int, str]]:
    parts = re.split(r"(\d+)", name.lower())
    return [(True, int(part), "") if part.isdecimal() else (False, 0, part) for part in parts]
