"""``manifest.json``: what a run consists of, and the digest of every file as it was written.

Digests are those of the bytes that were handed over to be written, never of what lies on the disk.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from auditor.base.errors import AuditorError, ConfigError, IntegrityError
from auditor.run.mirror import mirror_of, shown
from auditor.run.storage import (
    bytes_digest,
    digest_at,
    read_plain,
    remove,
    sync_folder,
    write_atomic,
)

FORMAT = {"format": "concept-auditor/run", "version": 1}
NAME = "manifest.json"


def read_manifest(run: Path) -> dict[str, Any]:
    """Return the manifest of the run in ``run``.

    ``files`` maps the name of each file but those of stages to its digest. A file that was being
    replaced when the program was killed has the digest of the version that is there.

    Raises:
        ConfigError: there is no such folder.
        IntegrityError: it has no manifest, or one that is broken or of another version.
    """
    try:
        document = json.loads(read_plain(run / NAME))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise _no_run(run) from error
    except (OSError, ValueError, RecursionError) as error:
        raise IntegrityError(f"{run / NAME} cannot be read: {error}.") from error
    if not isinstance(document, dict) or {k: document.get(k) for k in FORMAT} != FORMAT:
        raise IntegrityError(f"{run / NAME} has a format this version cannot read.")
    if not _is_sound(document):
        raise IntegrityError(f"{run / NAME} is damaged: a part of it is missing or misshapen.")
    return _settled(run, document)


def write_manifest(run: Path, document: Mapping[str, Any]) -> None:
    """Write the manifest of a run.

    Raises:
        StorageError: it cannot be written.
    """
    content = json.dumps(document, indent=1, allow_nan=False).encode()
    if digest_at(run / NAME) != bytes_digest(content):
        write_atomic(run / NAME, content)


def listed_files(manifest: Mapping[str, Any]) -> dict[str, str]:
    """Return name in the run folder -> digest of every file that a manifest lists."""
    listed: dict[str, str] = dict(manifest["files"])
    for stage, entry in manifest["stages"].items():
        listed |= {f"stages/{stage}/{name}": digest for name, digest in entry["files"].items()}
    return listed


def digest_in(run: Path, name: str) -> str | None:
    """Return the SHA-256 of a run's own file, None where it is missing or lies behind a link."""
    if any((run / parent).is_symlink() for parent in PurePosixPath(name).parents[:-1]):
        return None
    return digest_at(run / name)


def write_listed(
    run: Path,
    files: Mapping[str, bytes],
    *,
    written: Mapping[str, str] | None = None,
    **facts: Any,
) -> None:
    """Write files of a run and list the digests of these bytes in its manifest.

    The manifest learns of a file before that is replaced: killed in between, the old or the new
    version is there, and both are known. A file that is there with these very bytes stays; the
    others are written in the order that is given.
    ``written`` are digests of files that were written before, ``facts`` more to be kept. Without a
    manifest the files are only written.

    Raises:
        StorageError: a file cannot be written.
        IntegrityError: the manifest cannot be read.
    """
    digests = {name: bytes_digest(content) for name, content in files.items()}
    wanting = {name for name, digest in digests.items() if digest_in(run, name) != digest}
    listing = (run / NAME).exists()
    if listing and wanting:
        coming = {name: digests[name] for name in sorted(wanting)}
        write_manifest(run, read_manifest(run) | {"writing": coming})
    for name in files:
        if name in wanting:
            make_way(run, name)
            write_atomic(run / name, files[name], sync=False)
    for folder in {(run / name).parent for name in wanting}:
        sync_folder(folder)
    if listing:
        document = _without_writing(read_manifest(run))
        listed = document["files"] | (written or {}) | digests
        write_manifest(run, document | {"files": dict(sorted(listed.items()))} | facts)


def forget(run: Path, names: Collection[str]) -> None:
    """Take files out of the manifest, and off the disk where they are there.

    Raises:
        StorageError: the manifest cannot be written.
    """
    document = read_manifest(run)
    kept = {name: digest for name, digest in document["files"].items() if name not in names}
    write_manifest(run, document | {"files": kept})
    for name in names:
        make_way(run, name)  # never remove what lies behind a link
        remove(run / name)


def read_listed(run: Path, name: str) -> bytes:
    """Return the content of a file of a run, after checking it against the manifest.

    Raises:
        ConfigError: there is no such folder.
        IntegrityError: the file is missing, not listed, or was changed after it was written.
    """
    listed = read_manifest(run)["files"].get(name)
    if listed is not None and (mirror := mirror_of(run)) is not None:
        mirror.fetch([(run / name).relative_to(mirror.root).as_posix()])
    try:
        content = read_plain(run / name)
    except OSError as error:
        raise IntegrityError(
            f"{run / name} cannot be read ({error.strerror}): the audit is not complete, or the "
            "file was removed."
        ) from error
    if listed is None:
        raise IntegrityError(
            f"{run / name} is not listed in manifest.json: the audit is not complete, or the file "
            "was put there by something else."
        )
    if bytes_digest(content) != listed:
        raise IntegrityError(
            f"{run / name} was changed after it was written: its digest is not the one in "
            "manifest.json. Restore it, or audit again with --repair; 'auditor verify' names every "
            "such file."
        )
    return content


def make_way(run: Path, name: str) -> None:
    """Remove what keeps a run's file from its place: a folder there, a link or a file on the way.

    Raises:
        StorageError: it cannot be removed.
    """
    for parent in PurePosixPath(name).parents[-2::-1]:  # from the run folder inwards
        if (run / parent).is_symlink() or (run / parent).is_file():
            remove(run / parent)
    if (run / name).is_dir() and not (run / name).is_symlink():
        remove(run / name)


def is_complete(run: Path) -> bool:
    """Say whether the audit in a run folder is finished: audit.json is listed last of all.

    Raises:
        ConfigError, IntegrityError: as `read_manifest`.
    """
    return "audit.json" in read_manifest(run)["files"]


def _settled(run: Path, document: dict[str, Any]) -> dict[str, Any]:
    """Decide of files that were being replaced which version is there; both were our own."""
    coming: dict[str, str] = document.get("writing", {})
    arrived = {name: new for name, new in coming.items() if digest_in(run, name) == new}
    return document | {"files": document.get("files", {}) | arrived}


def _without_writing(document: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key != "writing"}


def _is_sound(document: Mapping[str, Any]) -> bool:
    stages = document.get("stages")
    return (
        isinstance(document.get("created"), str)
        and _are_digests(document.get("files", {}))
        and _are_digests(document.get("writing", {}))
        and isinstance(stages, dict)
        and all(_is_inside(name) and _is_stage(entry) for name, entry in stages.items())
    )


def _is_stage(entry: object) -> bool:
    return (
        isinstance(entry, dict)
        and isinstance(entry.get("input"), str)
        and isinstance(entry.get("seconds"), int | float)
        and _are_digests(entry.get("files"))
        and isinstance(entry.get("besides", []), list)
        and all(isinstance(name, str) and _is_inside(name) for name in entry.get("besides", []))
    )


def _are_digests(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(digest, str) and _is_inside(name) for name, digest in value.items()
    )


def _is_inside(name: str) -> bool:
    """Say whether a name stays inside of the run folder: a damaged one must not lead elsewhere."""
    parts = set(name.split("/")) - {"", "."}  # by hand: it is asked of every file, all the time
    return bool(parts) and not name.startswith("/") and ".." not in parts and "\0" not in name


def _no_run(path: Path) -> AuditorError:
    """Say what ``path`` is instead of a run, and what to give."""
    if not path.is_dir():
        what = "is a file" if path.exists() else "does not exist"
        return ConfigError(
            f"the run folder {shown(path)} {what}. Give the folder that auditor run printed, such "
            "as runs/NAME-TIME-KEY."
        )
    inside = sorted(each.parent.name for each in path.glob("*/manifest.json"))
    if inside:
        hint = f"It holds {len(inside)} of them: give one, such as {shown(path / inside[-1])}."
    else:
        hint = "Give the folder that auditor run printed, such as runs/NAME-TIME-KEY."
    return IntegrityError(f"{shown(path)} is not a run: it has no manifest.json. {hint}")
