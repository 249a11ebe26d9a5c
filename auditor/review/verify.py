"""Check every file of a run against its manifest: changed, missing, or none of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from auditor.runfolder import file_digest, read_manifest

# What the program writes while it works and after the manifest: no result rests on it.
UNLISTED = ("manifest.json", ".lock", "log.jsonl")


@dataclass(frozen=True)
class Verified:
    """What was found; the lists hold paths inside the run folder. ``digest`` is the manifest's."""

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
    """Compare all files of a run folder with the digests in its manifest.

    Raises:
        IntegrityError: there is no manifest, or it is broken.
    """
    manifest = read_manifest(run)
    listed = dict(manifest.get("files", {}))
    for stage, entry in manifest["stages"].items():
        listed |= {f"stages/{stage}/{name}": digest for name, digest in entry["files"].items()}
    present = {
        path.relative_to(run).as_posix()
        for path in run.rglob("*")
        if path.is_symlink() or not path.is_dir()
    }
    changed, missing = [], []
    for name, digest in sorted(listed.items()):
        path = run / name
        if name not in present:
            missing.append(name)
        elif path.is_symlink() or file_digest(path) != digest:
            changed.append(name)
    return Verified(
        files=len(listed),
        digest=file_digest(run / "manifest.json"),
        changed=tuple(changed),
        missing=tuple(missing),
        extra=tuple(sorted(present - listed.keys() - set(UNLISTED))),
        complete="audit.json" in listed,
    )
