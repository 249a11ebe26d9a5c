"""Whether a file lies inside a folder once all links are followed."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Inside:
    """Asks of files whether they are inside ``folder``; remembers where folders really are."""

    folder: Path
    _real: dict[str, str] = field(default_factory=dict)

    def holds(self, file: Path) -> bool:
        """Return whether a file is inside; of one that does not exist, whether it would be."""
        root = self._of(str(self.folder))
        real = self._of(str(file.parent))
        try:
            if file.is_symlink() and file.exists():
                real = os.path.realpath(file)
        except OSError:
            return True  # no name that a file could have; reading it says so
        return real == root or real.startswith(root.rstrip(os.sep) + os.sep)

    def _of(self, folder: str) -> str:
        if folder not in self._real:
            self._real[folder] = os.path.realpath(folder)
        return self._real[folder]
