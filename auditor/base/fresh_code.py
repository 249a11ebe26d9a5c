"""Import the user's code from its source, never from bytecode that was kept of it.

Python takes kept bytecode for current where the source's size and second of change agree: an edit
that keeps both (another name of the same length, times that a checkout or a copy sets) would run
the code from before. Nothing is written beside the user's files either.
"""

from __future__ import annotations

import contextlib
import sys
import sysconfig
from collections.abc import Callable, Iterator
from importlib.machinery import (
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    SourceFileLoader,
)
from pathlib import Path


class FromSource(SourceFileLoader):
    """Load a module from its source alone."""

    def path_stats(self, path: object) -> dict[str, float]:
        """Say that nothing is known by which kept bytecode could be taken for current."""
        raise OSError(f"bytecode of {path} is not used")


@contextlib.contextmanager
def from_source(*folders: Path) -> Iterator[None]:
    """Import modules below ``folders`` from their source, but those of installed packages."""
    found = FileFinder.path_hook(
        (ExtensionFileLoader, EXTENSION_SUFFIXES), (FromSource, SOURCE_SUFFIXES)
    )
    installed = [Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib", "platlib")]

    def hook(entry: str) -> object:
        path = Path(entry).resolve()
        users = any(path.is_relative_to(folder.resolve()) for folder in folders)
        if not users or any(path.is_relative_to(each) for each in installed):
            raise ImportError
        return found(entry)

    with _hooked(hook):
        yield


@contextlib.contextmanager
def _hooked(hook: Callable[[str], object]) -> Iterator[None]:
    sys.path_hooks.insert(0, hook)  # type: ignore[arg-type]
    sys.path_importer_cache.clear()
    try:
        yield
    finally:
        sys.path_hooks.remove(hook)  # type: ignore[arg-type]
        sys.path_importer_cache.clear()
