"""What is never shown: secrets by the name of their place, and the folders of this machine."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

HIDDEN = "(not shown)"
# In a name, as part of a word; and as a word of its own.
PARTS = re.compile(
    r"token(?!i[sz])|secret|passw|passphrase|credential|api_?key|access_?key|private_?key|bearer"
    r"|webhook|connection_?string"
)
WORDS = {"key", "keys", "auth", "authorization", "authentication", "pass", "pwd", "sig", "sas"} | {
    *("dsn", "cookie", "jwt", "pin"),
}
COUNTS = {"num", "number", "n", "dim", "dims", "size", "len", "length", "count", "max", "min"} | {
    *("type", "pool", "layers", "heads"),
}
SHORTEST = 5

_QUOTED = re.compile(r"""(['"])((?:/|~|[A-Za-z]:[\\/]|\\\\)[^'"\n]*)\1""")
_FOLDERS = re.compile(
    r"(?<![\w./~])(?:~[\w.-]*|(?:\.\.)(?=/)|[A-Za-z]:)?/(?:[^\s/'\":=,;]+/)+"
    r"|(?<![\w.])(?:[A-Za-z]:|\\)\\(?:[^\s\\'\":=,;]+\\)+"
)
_ASSIGNED = re.compile(
    r"""([A-Za-z_][\w.-]*)(["']?\s*[=:]\s*["']?)(?!//|\(not shown)([^\s"',;&}\])]+)"""
)
_SCHEMES = re.compile(r"\b(Bearer|Basic)\s+[\w.~+/=-]{5,}", re.IGNORECASE)
_USER_IN_ADDRESS = re.compile(r"(\b[A-Za-z][A-Za-z0-9+.-]*://)[^\s/@'\"]+@")

# The secrets that this process was given; what it says is cleaned of them, whoever says it.
_known: set[str] = set()


def is_secret(name: object) -> bool:
    """Return whether a key is called like something secret: api_key, hfToken, DB_PASSWORD."""
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", str(name)).lower()
    return bool(PARTS.search(text) or WORDS & set(re.split(r"[^a-z]+", text)))


def remember(config: object) -> None:
    """Keep a config's secrets out of everything that `scrubbed` goes over from now on.

    They are looked for where a config holds what it does not know: options, and commands.
    """
    if isinstance(config, Mapping):
        for key, value in config.items():
            if key in ("options", "command"):
                _known.update(_secrets(value, secret=False))
            else:
                remember(value)


def scrubbed(text: str) -> str:
    """Return ``text`` without the secrets that were remembered."""
    for secret in sorted(_known, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text


def without_secrets(value: Any, name: object = "") -> Any:
    """Return options with what is secret, by the name of its key, hidden, and with short paths.

    In a list the value after a word such as ``--token`` is hidden.
    """
    if is_secret(name) and _can_be_secret(value, name):
        return HIDDEN
    if isinstance(value, Mapping):
        return {key: without_secrets(item, key) for key, item in value.items()}
    if isinstance(value, list | tuple):
        before: list[Any] = ["", *value[:-1]]
        return [
            without_secrets(item, last if _names_next(last) else "")
            for last, item in zip(before, value, strict=True)
        ]
    return shared_text(value) if isinstance(value, str) else value


def shared_text(text: str) -> str:
    """Return text as it may leave this machine: no folders, no passwords, nothing called a secret.

    ``/home/me/model.py:build`` becomes ``model.py:build``, also within a longer text.
    """
    text = _SCHEMES.sub(rf"\1 {HIDDEN}", without_folders(text))
    return scrubbed(_ASSIGNED.sub(_hide_assigned, text))


def without_folders(text: str) -> str:
    """Return text with the paths of this machine in it cut short, and no user in an address."""
    whole = short_path(text)
    if whole != text:
        return whole
    text = _QUOTED.sub(lambda found: f"{found[1]}{short_path(found[2])}{found[1]}", text)
    return _FOLDERS.sub("", without_credentials(text))


def without_credentials(text: str) -> str:
    """Return text with user and password taken out of every address in it."""
    return _USER_IN_ADDRESS.sub(r"\1", text)


def short_path(text: str) -> str:
    """Return the last part of a path that says where it lies on this machine, else the text.

    That is an absolute path, one from a home folder (whose own name is a person's), or one that
    leaves the folder it starts from.
    """
    if text.startswith("file:"):
        text = text.removeprefix("file:")
    windows = bool(re.match(r"[A-Za-z]:[\\/]|\\\\", text))
    path = PureWindowsPath(text) if windows else PurePosixPath(text)
    leaves = ".." in path.parts or path.is_absolute() or text.startswith("~")
    if not leaves or "://" in text or "\n" in text:
        return text
    home = path.parent.name.lower() in ("home", "users") or text.rstrip("/") in ("/root", "~")
    return "~" if home else path.name or text


def _secrets(value: object, *, secret: bool) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _secrets(item, secret=secret or is_secret(key))
    elif isinstance(value, list | tuple):
        before: list[Any] = ["", *value[:-1]]
        for last, item in zip(before, value, strict=True):
            yield from _secrets(item, secret=secret or _names_next(last))
    elif isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        text = str(value)
        yield from (found[1] for found in re.finditer(r"://[^\s/@:]*:([^\s/@]+)@", text))
        yield from (found[0].split()[1] for found in _SCHEMES.finditer(text))
        rest = re.sub(r"[?&]", " ", without_credentials(_SCHEMES.sub("", text)))
        yield from (found[3] for found in _ASSIGNED.finditer(rest) if is_secret(found[1]))
        if secret and len(text) >= SHORTEST:
            yield text


def _names_next(word: object) -> bool:
    return isinstance(word, str) and word.startswith("-") and "=" not in word and is_secret(word)


def _can_be_secret(value: object, name: object) -> bool:
    """Return whether a value can be one: ``class_token: true`` and ``num_tokens: 4`` are not."""
    if value is None or isinstance(value, bool | float):
        return False
    if isinstance(value, int):
        words = set(re.split(r"[^a-z]+", str(name).lower()))
        return value > 999 and not words & COUNTS
    return value != ""


def _hide_assigned(found: re.Match[str]) -> str:
    return f"{found[1]}{found[2]}{HIDDEN}" if is_secret(found[1]) else found[0]
