"""Keep paths of the user's machine out of everything that is shared."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any


def without_folders(value: Any) -> Any:
    """Return ``value`` with every absolute path in it cut down to its last part.

    Goes through mappings and lists; ``/home/me/model.py:build`` becomes ``model.py:build``.
    """
    if isinstance(value, dict):
        return {key: without_folders(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_folders(item) for item in value]
    if isinstance(value, str) and PurePath(value).is_absolute():
        return PurePath(value).name
    return value
