"""What a run publishes of its command and its config: no secrets, no folders of this machine."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from auditor.base.redaction import HIDDEN, is_secret, shared_text, without_folders, without_secrets
from auditor.config.layers import read_value

# What the words of an option stand for, where they are no plain value.
SETTING = "--set"


def shared_config(value: Any) -> Any:
    """Return a config, or a part of one, as it may be shared: the same keys, and still a config.

    Of the completion command only the program's name is left, and how many words follow it.
    """
    if isinstance(value, Mapping):
        return {key: _shared_key(str(key), item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [shared_config(item) for item in value]
    return without_folders(value) if isinstance(value, str) else value


def shared_command(words: Sequence[str]) -> list[str]:
    """Return a command line of this program as it may be shared."""
    shared = []
    before = ""
    for word in words:
        option, equals, value = word.partition("=")
        if before == SETTING:
            shared.append(_setting(word))
        elif word.startswith("--") and equals:
            shared.append(
                f"{option}={_setting(value) if option == SETTING else _word(value, option)}"
            )
        else:
            shared.append(_word(word, before))
        before = "" if equals else word
    return shared


def _shared_key(key: str, value: Any) -> Any:
    if key == "options":
        return without_secrets(value)
    if key == "command" and isinstance(value, list | tuple) and value:
        return [PurePath(str(value[0])).name, *([HIDDEN] * (len(value) - 1))]
    return shared_config(value)


def _setting(text: str) -> str:
    """Return the ``key=value`` of an option without what is secret in it."""
    key, equals, value = text.partition("=")
    parts = key.strip().split(".")
    if not equals:
        return shared_text(text)
    if parts[0] == "completion" or any(is_secret(part) for part in parts):
        return f"{key}={HIDDEN}"
    read = read_value(value)
    if isinstance(read, Mapping | list):
        clean = without_secrets(read) if "options" in parts else shared_config(read)
        shown = value if clean == read else json.dumps(clean, ensure_ascii=False, default=str)
        return f"{key}={shown}"
    return f"{key}={shared_text(value)}"


def _word(text: str, option: str) -> str:
    return HIDDEN if option.startswith("--") and is_secret(option) else shared_text(text)
