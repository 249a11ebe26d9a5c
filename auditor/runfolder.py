"""The run folder: the only code that writes artifacts. Atomic, versioned, digested, no pickle.

A stage's artifact is a folder that appears whole or not at all; ``manifest.json`` lists it with
the digest of its inputs and of every file. `RunFolder.once` is the only way a stage runs.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from auditor.codec import load_record, save_record
from auditor.errors import AuditorError, ConfigError, IntegrityError, OutputError

T = TypeVar("T")
FORMAT = {"format": "concept-auditor/run", "version": 1}


def write_atomic(path: Path, content: bytes) -> None:
    """Write a file that is there whole or not at all, also after a crash.

    Raises:
        OutputError: the file cannot be written (disk full, no permission).
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OutputError(f"cannot write {path}: {error.strerror or error}.") from error
    except BaseException:  # a signal
        temporary.unlink(missing_ok=True)
        raise


def digest_of(value: Any) -> str:
    """Return the SHA-256 of a plain JSON value, independent of the order of keys."""
    text = json.dumps(value, sort_keys=True, default=str, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True)
class RunFolder:
    """One audit on disk: ``key`` names what is audited, ``created`` when it began (UTC)."""

    path: Path
    key: str
    created: str

    @property
    def images(self) -> Path:
        """Folder of the report's pictures, named by content digest."""
        return self.path / "images"

    @property
    def shards(self) -> Path:
        """Folder of the pass's shards."""
        return self.path / "shards"

    def manifest(self) -> dict[str, Any]:
        """Return the run's bookkeeping.

        Raises:
            IntegrityError: it is missing, broken or of another version.
        """
        return read_manifest(self.path)

    def once(
        self,
        stage: str,
        inputs: Mapping[str, Any],
        make: Callable[[], T],
        *,
        whole: Callable[[T], bool] | None = None,
    ) -> T:
        """Return the stage's record, made now unless the folder holds it whole, for these inputs.

        ``whole`` says of a stored record whether what it refers to is still there.
        """
        wanted = digest_of(inputs)
        entry = self.manifest()["stages"].get(stage)
        folder = self.path / "stages" / stage
        if entry and entry["input"] == wanted and _intact(folder, entry["files"]):
            stored: T = load_record(folder)
            if whole is None or whole(stored):
                return stored
        started = time.monotonic()
        value = make()
        files = self._keep(stage, value)
        seconds = round(time.monotonic() - started, 3)
        self._list(stage, {"input": wanted, "seconds": seconds, "files": files})
        return value

    def digest(self, stage: str) -> str:
        """Return the digest of a finished stage's files: the input of the stages that read it."""
        return digest_of(self.manifest()["stages"][stage]["files"])

    def finish(self, status: str, **facts: Any) -> None:
        """Write the run's final status into the manifest, with ``facts`` such as its seconds."""
        document = self.manifest() | {"status": status} | facts
        write_atomic(self.path / "manifest.json", _json(document))

    def _keep(self, stage: str, value: Any) -> dict[str, str]:
        final = self.path / "stages" / stage
        temporary = self.path / "stages" / f".{stage}.tmp"
        try:
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir(parents=True)
            save_record(temporary, value)
            for file in temporary.iterdir():
                _sync_file(file)
            shutil.rmtree(final, ignore_errors=True)
            temporary.rename(final)
            _sync_folder(final.parent)
        except OSError as error:
            raise OutputError(f"cannot write {final}: {error.strerror or error}.") from error
        return {file.name: file_digest(file) for file in sorted(final.iterdir())}

    def _list(self, stage: str, entry: dict[str, Any]) -> None:
        document = self.manifest()
        document["stages"][stage] = entry
        write_atomic(self.path / "manifest.json", _json(document))


def open_run(
    base: Path, name: str, key: str, *, created: str, facts: Mapping[str, Any]
) -> RunFolder:
    """Return the folder of the audit ``key``: the one under ``base`` that has it, else a new one.

    ``created`` is UTC as ``YYYY-MM-DDTHH:MM:SSZ`` and only used for a new folder.
    """
    short = key[:8]
    slug = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:60] or "audit"
    for path in sorted(base.glob(f"{slug}-*-{short}")):
        if (path / "manifest.json").exists():
            document = read_manifest(path)
            if document["key"] == key:
                return RunFolder(path, key, document["created"])
    stamp = created.replace("-", "").replace(":", "")
    path = base / f"{slug}-{stamp}-{short}"
    document = {**FORMAT, "key": key, "created": created, "status": "running", "stages": {}}
    write_atomic(path / "manifest.json", _json(document | dict(facts)))
    return RunFolder(path, key, created)


def _no_run(path: Path) -> AuditorError:
    """Say what ``path`` is instead of a run, and what to give."""
    if not path.is_dir():
        what = "is a file" if path.exists() else "does not exist"
        return ConfigError(
            f"the run folder {path} {what}. Give the folder that auditor run printed, such as "
            "runs/NAME-TIME-KEY."
        )
    inside = sorted(each.parent.name for each in path.glob("*/manifest.json"))
    if inside:
        hint = f"It holds {len(inside)} of them: give one, such as {path / inside[-1]}."
    else:
        hint = "Give the folder that auditor run printed, such as runs/NAME-TIME-KEY."
    return IntegrityError(f"{path} is not a run: it has no manifest.json. {hint}")


def read_manifest(path: Path) -> dict[str, Any]:
    """Return the manifest of the run in ``path``.

    Raises:
        ConfigError: there is no such folder.
        IntegrityError: it has no manifest, or one that is broken or of another version.
    """
    try:
        document = json.loads((path / "manifest.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise _no_run(path) from error
    except (OSError, ValueError) as error:
        raise IntegrityError(f"{path}/manifest.json cannot be read: {error}.") from error
    if not isinstance(document, dict) or {k: document.get(k) for k in FORMAT} != FORMAT:
        raise IntegrityError(f"{path}/manifest.json has a format this version cannot read.")
    return document


def list_files(run: Path, paths: Collection[Path]) -> None:
    """Write into the manifest the digests of files that were just written, for `auditor verify`.

    Folders stand for all files below them. Without a manifest there is nothing to keep them in.
    """
    if not (run / "manifest.json").is_file():
        return
    document = read_manifest(run)
    listed = dict(document.get("files", {}))
    for path in paths:
        below = path.rglob("*") if path.is_dir() else [path]
        for file in below:
            if file.is_file():
                listed[file.relative_to(run).as_posix()] = file_digest(file)
    # What was listed and is gone by the program's own hand, such as an older rendering's pictures.
    folders = [path for path in paths if path.is_dir()]
    kept = {
        name: digest
        for name, digest in listed.items()
        if (run / name).is_file() or not any((run / name).is_relative_to(f) for f in folders)
    }
    write_atomic(run / "manifest.json", _json(document | {"files": dict(sorted(kept.items()))}))


def check_listed(run: Path, name: str) -> None:
    """Check a file of a run against the manifest, where that lists it.

    Raises:
        IntegrityError: it was changed after the program wrote it.
    """
    if not (run / "manifest.json").is_file() or not (run / name).is_file():
        return
    listed = read_manifest(run).get("files", {}).get(name)
    if listed is not None and listed != file_digest(run / name):
        raise IntegrityError(
            f"{run / name} was changed after it was written: its digest is not the one in "
            "manifest.json. Restore it, or audit again; 'auditor verify' names every such file."
        )


def _intact(folder: Path, files: Mapping[str, str]) -> bool:
    return all(
        (folder / name).is_file() and file_digest(folder / name) == digest
        for name, digest in files.items()
    )


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, indent=1, allow_nan=False).encode()


def _sync_file(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
