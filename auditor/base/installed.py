"""What installed packages offer by entry points: found by name, imported when asked for."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from auditor.base.errors import ConfigError
from auditor.base.factories import users_code

PREFIX = "auditor."
# What a package may offer: group of entry points, without `PREFIX`, as users call each kind.
GROUPS = (
    "model_sources", "data_sources", "proposals", "terms", "tests", "sections", "executors",
    "exports", "concept_namers", "concept_sources",
)  # fmt: skip


@dataclass(frozen=True)
class Offer:
    """An entry point: its group without `PREFIX`, its name, and the package that has it."""

    group: str
    name: str
    value: str
    package: str
    version: str

    def load(self) -> Any:
        """Return what it names. This runs the package's code.

        Raises:
            ConfigError: the code fails, or there is no such thing in it.
        """
        entry = metadata.EntryPoint(self.name, self.value, PREFIX + self.group)
        with users_code(f"'{self.name}' of the package {self.said} failed", ConfigError):
            return entry.load()

    def digest(self) -> str:
        """Return the sha256 of its module's file, once it is loaded; empty where there is none."""
        module = sys.modules.get(self.value.partition(":")[0].strip())
        file = Path(getattr(module, "__file__", None) or "")
        return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else ""

    @property
    def said(self) -> str:
        """Return name and version of the package."""
        return f"{self.package} {self.version}"


def offers(group: str) -> tuple[Offer, ...]:
    """Return what installed packages offer in a group, by name; nothing is imported."""
    found = metadata.entry_points(group=PREFIX + group)
    listed = {
        Offer(group, each.name, each.value, each.dist.name, each.dist.version)
        for each in found
        if each.dist is not None
    }
    return tuple(sorted(listed, key=lambda offer: (offer.name, offer.package, offer.version)))


def offer_of(group: str, name: str) -> Offer | None:
    """Return what an installed package offers under a name, None where none does.

    Raises:
        ConfigError: several packages do.
    """
    found = [offer for offer in offers(group) if offer.name == name]
    if len(found) > 1:
        packages = " and ".join(offer.said for offer in found)
        raise ConfigError(
            f"'{name}' of {PREFIX}{group} is offered by {packages}: uninstall one of them."
        )
    return found[0] if found else None


def all_offers() -> Iterator[Offer]:
    """Yield what installed packages offer in all groups, also in those that nobody knows."""
    for group in sorted(metadata.entry_points().groups):
        if group.startswith(PREFIX):
            yield from offers(group.removeprefix(PREFIX))
