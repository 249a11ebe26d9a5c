"""The user's own modules: what they register is there before an audit starts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from auditor.base.errors import ConfigError
from auditor.base.factories import load_code
from auditor.base.installed import Offer
from auditor.base.registry import Registry
from auditor.config.audit import Config
from auditor.pipeline.clip_namer import CLIP
from auditor.report.sections.order import by_need
from auditor.report.sections.section import SECTIONS
from auditor.run.executors import EXECUTORS
from auditor.shortcuts.namers import NAMERS
from auditor.shortcuts.propose.proposals import PROPOSALS, chosen_proposals
from auditor.shortcuts.terms import TERMS
from auditor.shortcuts.tests import TESTS

# Of these everything that is registered is used; `plugins` asks for what packages offer.
ALL_USED: dict[str, Registry[Any]] = {
    "proposals": PROPOSALS,
    "terms": TERMS,
    "tests": TESTS,
    "sections": SECTIONS,
}


def load_plugins(
    config: Config, base: Path, *, drawing: bool = False
) -> tuple[dict[str, str], list[str]]:
    """Import the plug-ins of a config, in its order. This runs the user's code.

    Plug-ins are modules and files of the user's, and what installed packages offer under a name
    that the config asks for. Returns what identifies each one (the digest of its source; of a
    package its version), and notes that say whose code ran. For ``drawing`` a report alone, those
    of model and data are left out, which need torch.

    Raises:
        ConfigError: one is not found, fails, or registers what cannot be used.
    """
    for registry in (PROPOSALS, TERMS, EXECUTORS, NAMERS):
        len(registry)  # the built-in ones come first: a name of theirs is taken
    digests, notes = {}, []
    for source in config.plugins:
        group, colon, name = source.partition(":")
        if colon and group in ALL_USED:
            ALL_USED[group][name]
            continue
        module, note = load_code(source, base, ConfigError)
        file = Path(module.__file__ or "")
        digests[source] = hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else ""
        notes.append(note)
    for registry, offer in _of_packages(config, drawing=drawing):
        digests[offer.package] = offer.version
        digests[offer.value] = offer.digest()
        notes.append(f"runs the code of the package {offer.said} ({registry.kind} '{offer.name}')")
    if config.audit.concept_names == "clip" and not drawing:
        digests |= CLIP.prepare(config.audit, base)
    if config.plugins:
        by_need()  # what their sections need must be there
    return digests, notes


def _of_packages(config: Config, *, drawing: bool) -> Iterator[tuple[Registry[Any], Offer]]:
    """Yield what installed packages offer and a config asks for, loaded; each once.

    Raises:
        ConfigError: one cannot be loaded, or two packages offer one name.
    """
    asked: list[tuple[Registry[Any], str]] = [
        (PROPOSALS, name) for name in config.shortcuts.proposals or ()
    ]
    asked += [(SECTIONS, name) for name in config.report.sections or ()]
    asked += [(NAMERS, config.audit.concept_names), (EXECUTORS, config.run.executor)]
    asked += [] if drawing else _sources(config)
    for registry, name in asked:
        if name in registry:  # what is not is said where the name is used
            registry[name]
    used = dict.fromkeys(
        [*asked, *((registry, name) for registry in ALL_USED.values() for name in registry)]
    )
    for registry, name in used:
        offer = registry.offer(name)
        if offer is not None:
            yield registry, offer


def _sources(config: Config) -> list[tuple[Registry[Any], str]]:
    from auditor.subject import CONCEPT_SOURCES, DATA_SOURCES, MODEL_SOURCES

    written = ((MODEL_SOURCES, config.model.source), (DATA_SOURCES, config.data.source))
    asked: list[tuple[Registry[Any], str]] = [*written]
    asked += [(CONCEPT_SOURCES, source) for source in config.audit.units.values()]
    parts = [(sources, *source.partition(":")) for sources, source in asked]
    return [(sources, scheme) for sources, scheme, colon, _rest in parts if colon]


def with_proposals(config: Config) -> Config:
    """Return a config that names every proposal that it asks for; call `load_plugins` before.

    Raises:
        UnknownNameError: a name is not registered.
    """
    names = chosen_proposals(config.shortcuts.proposals)
    shortcuts = config.shortcuts.model_copy(update={"proposals": names})
    return config.model_copy(update={"shortcuts": shortcuts})


def problems_with_plugins(config: Config, base: Path) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield key and reason where plug-ins cannot be loaded or a name is not registered."""
    try:
        load_plugins(config, base)
    except ConfigError as error:
        yield ("plugins",), str(error)
        return
    try:
        with_proposals(config)
    except ConfigError as error:
        yield ("shortcuts", "proposals"), str(error)
    try:
        check = getattr(EXECUTORS[config.run.executor], "check", None)
        if check is not None:
            check()
    except ConfigError as error:
        yield ("run", "executor"), str(error)
    try:
        NAMERS[config.audit.concept_names]
    except ConfigError as error:
        yield ("audit", "concept_names"), str(error)
    if config.run.shard is not None and config.audit.max_minutes is not None:
        yield (
            ("run", "shard"),
            (
                "jobs that share an audit must do the same one, and each would make another of "
                "audit.max_minutes: leave that out"
            ),
        )
