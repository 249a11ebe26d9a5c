"""The user's own modules: they register proposals and terms before an audit starts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from auditor.base.errors import ConfigError
from auditor.config.audit import Config
from auditor.shortcuts.propose.proposals import chosen_proposals
from auditor.subject.factories import load_code


@dataclass(frozen=True)
class Plugin:
    """A module of the user's that was imported: ``digest`` of its source, ``note`` to say."""

    source: str
    digest: str
    note: str


def load_plugins(config: Config, base: Path) -> tuple[Plugin, ...]:
    """Import the plug-ins of a config, in its order. This runs the user's code.

    Raises:
        ConfigError: one is not found, fails, or registers a name that is taken.
    """
    plugins = []
    for source in config.plugins:
        module, note = load_code(source, base, ConfigError)
        file = Path(module.__file__ or "")
        digest = hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else ""
        plugins.append(Plugin(source, digest, note))
    return tuple(plugins)


def with_proposals(config: Config) -> Config:
    """Return a config that names every proposal that it asks for; call `load_plugins` before.

    Raises:
        UnknownNameError: a name is not registered.
    """
    names = chosen_proposals(config.shortcuts.proposals)
    shortcuts = config.shortcuts.model_copy(update={"proposals": names})
    return config.model_copy(update={"shortcuts": shortcuts})


def problems_with_plugins(config: Config, base: Path) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield key and reason where plug-ins cannot be loaded or a proposal is not registered."""
    try:
        load_plugins(config, base)
    except ConfigError as error:
        yield ("plugins",), str(error)
        return
    try:
        with_proposals(config)
    except ConfigError as error:
        yield ("shortcuts", "proposals"), str(error)
