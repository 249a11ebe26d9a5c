"""Say in words what is wrong with a config: where, which value, what is allowed, what was meant."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from auditor.base.errors import did_you_mean, nearest
from auditor.base.redaction import HIDDEN, is_secret

# What pydantic calls a type -> what a person calls it.
KINDS = {
    "date": "a day as YYYY-MM-DD",
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "list": "a list",
    "tuple": "a list",
    "dictionary": "a mapping",
}


def section_of(annotation: Any) -> tuple[type[BaseModel] | None, bool]:
    """Return the section that a key holds, and whether it may hold something else instead."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, False
    for each in get_args(annotation):
        inner = section_of(each)[0]
        if inner is not None:
            return inner, True
    return None, False


def problems_of(
    error: ValidationError,
    model: type[BaseModel],
    name: str,
    origins: Mapping[tuple[str, ...], str],
) -> list[str]:
    """Return one line per wrong key or value; ``origins``: key path -> where it is written.

    A value that fits none of several forms is one line that names them all.
    """
    found: dict[tuple[str, str], tuple[Any, list[str]]] = {}
    lines: list[tuple[str, str] | str] = []
    for details in error.errors():
        location = _written(tuple(str(part) for part in details["loc"]))
        where = _where(location, name, origins)
        known, depth = _known_keys(location, model)
        if details["type"] == "extra_forbidden":
            hint = did_you_mean(location[-1], known)
            key = ".".join(location)
            lines.append(f"{where}: unknown key '{key}'.{hint} Known: {', '.join(known)}.")
        elif details["type"] == "missing":
            lines.append(f"{where}: '{'.'.join(location)}' is missing. It is required.")
        else:
            place = (where, ".".join(location[:depth]))
            if place not in found:
                found[place] = (details["input"], [])
                lines.append(place)
            found[place][1].append(_in_words(details))
    return [line if isinstance(line, str) else _line(line, *found[line]) for line in lines]


def problem_of(
    key: tuple[str, ...],
    values: Mapping[str, Any],
    reason: str,
    name: str,
    origins: Mapping[tuple[str, ...], str],
) -> str:
    """Return one line about the value of a key of ``values`` that cannot be used."""
    value: Any = values
    for part in key:
        value = value[part]
    return _line((_where(key, name, origins), ".".join(key)), value, [reason.removesuffix(".")])


def _line(place: tuple[str, str], value: Any, reasons: list[str]) -> str:
    where, key = place
    text = "; or ".join(dict.fromkeys(reasons))
    if isinstance(value, Mapping):
        return f"{where}: " + (f"'{key}': " if key else "") + f"{text}."
    return f"{where}: '{key}' is {_shown(key, value)}: {text}."


def _shown(key: str, value: Any) -> str:
    """Return a wrong value as it is shown, unless it stands where secrets may."""
    place = key.split(".")
    if place[0] == "completion" or "options" in place or any(map(is_secret, place)):
        return HIDDEN
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}..."


def _in_words(details: Any) -> str:
    message = str(details["msg"]).removeprefix("Value error, ")
    if details["type"] == "literal_error":
        allowed = re.findall(r"'([^']*)'", str(details["ctx"]["expected"]))
        near = nearest(str(details["input"]), allowed) if allowed else None
        hint = f" (did you mean '{near}'?)" if near else ""
        return f"it should be {details['ctx']['expected']}{hint}"
    kind = re.match(r"Input should be a valid (\w+)(.*)", message)
    if kind and kind[1] in KINDS:
        # What follows a comma, or says which other form there is, is about pydantic's own steps.
        rest = re.sub(r"^( or datetime.*|, unable to parse.*)$", "", kind[2])
        return f"it should be {KINDS[kind[1]]}{rest}"
    message = message.replace("Input should", "it should")
    return f"{message[:1].lower()}{message[1:]}".removesuffix(".")


def _where(location: tuple[str, ...], name: str, origins: Mapping[tuple[str, ...], str]) -> str:
    ends = range(len(location), -1, -1)
    return next((origins[location[:end]] for end in ends if location[:end] in origins), name)


def _written(location: tuple[str, ...]) -> tuple[str, ...]:
    """Drop the name of the form that a value was read in: it stands in no file."""
    if location[:2] == ("audit", "composite"):
        return (*location[:2], *location[3:])
    return location


def _known_keys(location: tuple[str, ...], root: type[BaseModel]) -> tuple[list[str], int]:
    """Return the keys allowed where ``location`` ends, and how much of it is made of keys."""
    model = root
    for depth, part in enumerate(location):
        info = model.model_fields.get(part)
        if info is None and part.isdigit():  # a place in a list of sections
            continue
        if info is None:
            return sorted(model.model_fields), depth
        inner = section_of(info.annotation)[0]
        if inner is None:
            return sorted(model.model_fields), depth + 1
        model = inner
    return sorted(model.model_fields), len(location)
