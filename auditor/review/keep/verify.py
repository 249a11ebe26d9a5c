"""Check every file of a run against its manifest: changed, missing, or none of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from auditor.run.manifest import NAME, digest_in, listed_files, read_manifest
from auditor.run.storage import digest_at, file_digest

LOCK = ".lock"
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@dataclass(frozen=True)
class Verified:
    """What was found; the lists hold paths inside the run folder. ``digest`` is the manifest's.

    ``extra`` is everything that is no listed file: other files, links, pipes, folders in which no
    listed file lies (their names end in a slash), folders that cannot be read.
    """

    files: int
    digest: str
    changed: tuple[str, ...]
    missing: tuple[str, ...]
    extra: tuple[str, ...]
    complete: bool

    @property
    def whole(self) -> bool:
        """Say whether everything is as it was written."""
        return self.complete and not (self.changed or self.missing or self.extra)


def verify(run: Path) -> Verified:
    """Compare all that lies in a run folder with the digests in its manifest.

    Besides what is listed there may be the manifest itself, and an empty file ``.lock``.

    Raises:
        IntegrityError: there is no manifest, or it is broken.
    """
    manifest = read_manifest(run)
    listed = listed_files(manifest)
    present = set(_present(run))
    changed, missing = [], []
    for name, digest in sorted(listed.items()):
        if name not in present and f"{name}/" not in present:
            missing.append(name)
        elif digest_in(run, name) != digest:
            changed.append(name)
    known = {NAME, *listed}
    if digest_at(run / LOCK) == EMPTY:
        known.add(LOCK)
    folders = {f"{parent.as_posix()}/" for name in listed for parent in Path(name).parents}
    return Verified(
        files=len(listed),
        digest=file_digest(run / NAME),
        changed=tuple(changed),
        missing=tuple(missing),
        extra=tuple(sorted(present - known - folders - {f"{name}/" for name in changed})),
        complete="audit.json" in listed,
    )


def _present(run: Path) -> Iterator[str]:
    """Yield everything below a folder; links are not followed, the names of folders end in "/"."""
    unread: list[OSError] = []
    for place, folders, files in os.walk(run, onerror=unread.append):
        base = Path(place)
        for name in (*folders, *files):
            path = base / name
            is_folder = path.is_dir() and not path.is_symlink()
            yield path.relative_to(run).as_posix() + ("/" if is_folder else "")
    for error in unread:
        yield f"{Path(error.filename).relative_to(run).as_posix()}/ (cannot be read)"
