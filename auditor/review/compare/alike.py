"""Whether two audits can be compared like for like: each thing that differs, in a sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from auditor.base.yaml_text import load
from auditor.language.numbers import percent
from auditor.language.speaking import gettext as _
from auditor.language.speaking import joined
from auditor.report.document.result import AuditResult
from auditor.review import words

# What of the config decides what is measured; the rest says whose it is and how it is shown.
MEASURING = ("preprocess", "audit", "shortcuts")
OF_THE_DATA = ("classes", "limit", "labels")
MOST_NAMES = 12


def model_differences(earlier: AuditResult, now: AuditResult) -> list[str]:
    """Return in sentences what differs of the model: this alone is what like for like allows."""
    found = []
    if earlier.model.digest != now.model.digest:
        digests = {"earlier": earlier.model.digest[:8], "now": now.model.digest[:8]}
        found.append(_(words.MODEL, **digests))
    for text, before, after in (
        (words.MODEL_VERSION, earlier.scope.model_version, now.scope.model_version),
        (words.MODEL_SOURCE, earlier.model.source, now.model.source),
    ):
        if before != after:
            found.append(_(text, earlier=before, now=after))
    return found


def other_differences(earlier: AuditResult, now: AuditResult) -> list[str]:
    """Return in sentences what differs besides the model, so that a change may come from it."""
    return [
        *_project(earlier, now),
        *_data(earlier, now),
        *_classes(earlier, now),
        *_layers(earlier, now),
        *_preprocessing(earlier, now),
        *_settings(earlier, now),
        *_program(earlier, now),
    ]


def notes_on_the_search(earlier: AuditResult, now: AuditResult) -> list[str]:
    """Say what each audit's search could find, where that limits the comparison."""
    found = []
    for result, text in ((earlier, words.NO_SEARCH_BEFORE), (now, words.NO_SEARCH_NOW)):
        if not result.search.ran:
            found.append(_(text, reason=result.search.reason))
    limits = earlier.search.detection_limit, now.search.detection_limit
    if limits[0] is not None and limits[1] is not None:
        shares = {"earlier": percent(limits[0]), "now": percent(limits[1])}
        found.append(_(words.LIMIT, **shares))
    return found


def _project(earlier: AuditResult, now: AuditResult) -> Iterator[str]:
    if earlier.scope.name != now.scope.name:
        yield _(words.PROJECT, earlier=earlier.scope.name, now=now.scope.name)


def _data(earlier: AuditResult, now: AuditResult) -> Iterator[str]:
    if earlier.data.digest == now.data.digest:
        return
    names = [set(each.identity.samples) if each.identity else set() for each in (earlier, now)]
    counts = {"earlier": earlier.data.used, "now": now.data.used}
    yield _(words.DATA, shared=len(names[0] & names[1]), **counts)


def _classes(earlier: AuditResult, now: AuditResult) -> Iterator[str]:
    before = [item.name for item in earlier.classes]
    after = [item.name for item in now.classes]
    for text, some, others in (
        (words.CLASSES_ADDED, after, before),
        (words.CLASSES_DROPPED, before, after),
    ):
        names = [name for name in some if name not in others]
        if names:
            shown = joined(names[:MOST_NAMES], ", ")
            if len(names) > MOST_NAMES:
                shown = _(words.AND_MORE, names=shown, count=len(names) - MOST_NAMES)
            yield _(text, names=shown)


def _layers(earlier: AuditResult, now: AuditResult) -> Iterator[str]:
    before = [card.layer for card in earlier.method.layers]
    after = [card.layer for card in now.method.layers]
    if before != after:
        yield _(words.LAYERS, earlier=joined(before, ", "), now=joined(after, ", "))


def _preprocessing(earlier: AuditResult, now: AuditResult) -> Iterator[str]:
    before, after = earlier.model.preprocessing, now.model.preprocessing
    if before != after:
        yield _(words.PREPROCESSING, earlier=before, now=after)


def _settings(earlier: AuditResult, now: AuditResult) -> Iterator[str]:
    before, after = _measuring(earlier), _measuring(now)
    for key in sorted(before.keys() | after.keys()):
        if before.get(key) != after.get(key):
            values = {"earlier": _said(before.get(key)), "now": _said(after.get(key))}
            yield _(words.SETTING, key=key, **values)


def _program(earlier: AuditResult, now: AuditResult) -> Iterator[str]:
    if earlier.tool.version != now.tool.version:
        yield _(words.PROGRAM, earlier=earlier.tool.version, now=now.tool.version)
    if earlier.tool.device != now.tool.device:
        yield _(words.DEVICE, earlier=earlier.tool.device, now=now.tool.device)


def _measuring(result: AuditResult) -> Mapping[str, Any]:
    document = load(result.config, "config of the run").value
    if not isinstance(document, dict):
        return {}
    found: dict[str, Any] = {}
    for section in MEASURING:
        found |= _flat(document.get(section) or {}, section)
    data = document.get("data") or {}
    return found | {f"data.{key}": data.get(key) for key in OF_THE_DATA}


def _flat(values: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    return {f"{prefix}.{key}": value for key, value in values.items()}


def _said(value: Any) -> str:
    return words.NOT_SET if value is None else str(value)
