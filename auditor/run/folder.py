"""The run folder: stages that run once, and files that are listed with the digest of their bytes.

A stage's artifact is a folder that appears whole or not at all; ``manifest.json`` lists it with
the digest of its inputs and of every file. `RunFolder.once` is the way a stage runs that is one
piece of work, `auditor.run.tasks.each` that of one in many pieces.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from auditor.base.errors import IntegrityError, StorageError
from auditor.base.shortage import cuts_of_batches, shortage_note
from auditor.run.codec import load_record, pictures_in, save_record
from auditor.run.manifest import (
    FORMAT,
    NAME,
    digest_in,
    make_way,
    read_manifest,
    write_listed,
    write_manifest,
)
from auditor.run.mirror import mirror_of
from auditor.run.storage import (
    check_writable,
    make_folder,
    remove,
    replace_folder,
    sync_folder,
)
from auditor.run.waiting import wait_for

T = TypeVar("T")
IMAGES, STAGES, TASKS = "images", "stages", "tasks"
# What nobody can vouch for when the manifest is lost.
PARTS = (IMAGES, STAGES, TASKS, "audit.json", "review.json", "junit.xml", "summary.json")
NAMED = 3  # damaged files that are named; of more, how many


def digest_of(value: Any) -> str:
    """Return the SHA-256 of a plain JSON value, independent of the order of keys."""
    text = json.dumps(value, sort_keys=True, default=str, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _silent(text: str) -> None:
    return None


@dataclass(frozen=True)
class RunFolder:
    """One audit on disk: ``key`` names what is audited, ``created`` when it began (UTC).

    ``say`` is told of damage that is mended. ``unlisted`` holds the digests of pictures that were
    written and that the manifest does not list yet. ``leads``: this process makes what is no task
    and lists it; of several jobs that share a run one does, and the others wait for it.
    """

    path: Path
    key: str
    created: str
    say: Callable[[str], object] = field(default=_silent, compare=False, repr=False)
    unlisted: dict[str, str] = field(default_factory=dict, compare=False, repr=False)
    leads: bool = True

    @property
    def images(self) -> Path:
        """Folder of the report's pictures, named by content digest."""
        return self.path / IMAGES

    def manifest(self) -> dict[str, Any]:
        """Return the run's bookkeeping.

        Raises:
            IntegrityError: it is missing, broken or of another version.
        """
        return read_manifest(self.path)

    def note_picture(self, name: str, digest: str) -> None:
        """Take note of the digest of a picture that was just written into `images`."""
        self.unlisted[f"{IMAGES}/{name}"] = digest

    def note_batch(self, stage: str, size: int | None) -> None:
        """Keep, and say, how many pictures went at once in a stage where memory ran short."""
        known: dict[str, int] = self.manifest().get("batches", {})
        if size is not None and known.get(stage) != size:
            self.say(f"note: {shortage_note({stage: size})}")
            write_listed(self.path, {}, batches=known | {stage: size})

    def batch_notes(self) -> tuple[str, ...]:
        """Say in which stages memory ran short, if in any, and what that may change."""
        known: dict[str, int] = self.manifest().get("batches", {})
        return (shortage_note(known),) if known else ()

    def write(self, files: Mapping[str, bytes], **facts: Any) -> None:
        """Write and list files, and list the pictures written before; ``facts`` are kept with it.

        Raises:
            StorageError: a file cannot be written.
        """
        if self.unlisted:
            sync_folder(self.images)
        write_listed(self.path, files, written=self.unlisted, **facts)
        self.unlisted.clear()

    def once(
        self,
        stage: str,
        inputs: Mapping[str, Any],
        make: Callable[[], T],
        *,
        tasks: Collection[str] = (),
    ) -> T:
        """Return the stage's record, made now unless the folder holds it whole, for these inputs.

        The pictures that the record names, and the files of the stages of ``tasks`` that it is made
        of, belong to it: where one of them or of its own files is damaged, that is said and the
        stage runs again.
        """
        folder = self.path / STAGES / stage
        if not self.leads:
            self._await(stage, inputs)
            awaited: T = load_record(folder)
            return awaited
        damaged = self.lacking(stage, inputs)
        if damaged is not None and not damaged:
            stored: T = load_record(folder)
            return stored
        self.tell(damaged or {})
        started = time.monotonic()
        with cuts_of_batches() as cuts:
            value = make()
        files = self._keep(folder, value)
        self.note_batch(stage, cuts.smallest)
        seconds = round(time.monotonic() - started, 3)
        manifest = self.manifest()
        of_tasks = tuple(f"{TASKS}/{name}/" for name in tasks)
        belonging = {name for name in manifest["files"] if name.startswith(of_tasks)}
        belonging |= {f"{IMAGES}/{name}" for name in pictures_in(value)}
        entry = {"input": digest_of(inputs), "seconds": seconds, "files": files}
        entry["besides"] = sorted(belonging)
        self.write({}, stages=manifest["stages"] | {stage: entry})
        return value

    def lacking(self, stage: str, inputs: Mapping[str, Any]) -> dict[str, str] | None:
        """Return which files of a finished stage are damaged, and how; None: it did not run.

        Files of tasks are those that `auditor.run.tasks.each` looks after.
        """
        manifest = self.manifest()
        entry, listed = manifest["stages"].get(stage), manifest["files"]
        if entry is None or entry["input"] != digest_of(inputs) or "besides" not in entry:
            return None
        own = {f"{STAGES}/{stage}/{name}": text for name, text in entry["files"].items()}
        return damage(self.path, own | {name: listed.get(name, "") for name in entry["besides"]})

    def _await(self, stage: str, inputs: Mapping[str, Any]) -> None:
        """Wait until the job that leads has made a stage."""

        def missing() -> str:
            if (mirror := mirror_of(self.path)) is not None:
                mirror.look(self.path / NAME)
            entry = self.manifest()["stages"].get(stage)
            there = entry is not None and entry["input"] == digest_of(inputs)
            return "" if there else f"stage '{stage}', which the job with --shard 0/N makes"

        wait_for(missing, self.say)

    def digest(self, stage: str) -> str:
        """Return the digest of a finished stage's files: the input of the stages that read it."""
        return digest_of(self.manifest()["stages"][stage]["files"])

    def tell(self, damaged: Mapping[str, str]) -> None:
        """Say in one line which files are damaged, and that they are computed again."""
        if not damaged:
            return
        named = [f"{name} {how}" for name, how in list(damaged.items())[:NAMED]]
        more = [f"{len(damaged) - NAMED} more"] if len(damaged) > NAMED else []
        self.say(f"warning: {', '.join([*named, *more])}: computed again")

    def _keep(self, final: Path, value: Any) -> dict[str, str]:
        temporary = final.with_name(f".{final.name}.tmp")
        remove(temporary)
        make_way(self.path, f"{STAGES}/{final.name}/record.json")
        try:
            make_folder(temporary)
            files = save_record(temporary, value)
            replace_folder(temporary, final)
        except BaseException:
            with suppress(StorageError):
                remove(temporary)
            raise
        return files


def damage(run: Path, wanted: Mapping[str, str]) -> dict[str, str]:
    """Return which files are not as they were written (name -> digest), and what is wrong."""
    found: dict[str, str] = {}
    for name, digest in wanted.items():
        path = run / name
        if digest_in(run, name) != digest:
            found[name] = "is damaged" if path.is_symlink() or path.exists() else "is missing"
    return found


def open_run(
    base: Path,
    name: str,
    key: str,
    *,
    created: str,
    facts: Mapping[str, Any],
    say: Callable[[str], object] = _silent,
    repair: bool = False,
) -> RunFolder:
    """Return the folder of the audit ``key``: the one under ``base`` that has it, else a new one.

    ``created`` is UTC as ``YYYY-MM-DDTHH:MM:SSZ`` and only used for a new folder. Where the
    manifest of an unfinished run is damaged, it is begun anew, which is said; that of a finished
    one only with ``repair``.

    Raises:
        ConfigError, StorageError: the folder cannot be written.
        IntegrityError: the manifest of a finished run is damaged.
    """
    short = key[:8]
    slug = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:60] or "audit"
    stamp = created.replace("-", "").replace(":", "")
    path = base / f"{slug}-{stamp}-{short}"
    for found in sorted(base.glob(f"{slug}-*-{short}")):
        try:
            document = read_manifest(found)
        except IntegrityError as error:
            if not (found / NAME).exists() and not (found / NAME).is_symlink():
                continue  # killed before it had one
            if (found / "audit.json").exists() and not repair:
                raise IntegrityError(
                    f"{error} The run is finished: audit it anew with auditor run --repair."
                ) from error
            say(f"warning: {error} Everything in {found.name} is computed again")
            for part in PARTS:
                remove(found / part)
            path = found
            created = _created_of(found, slug, short) or created
            break
        if document.get("key") == key:
            check_writable(found)
            return RunFolder(found, key, document["created"], say)
    document = {**FORMAT, "key": key, "created": created, "status": "running", "stages": {}}
    make_way(path, NAME)
    write_manifest(path, document | {"files": {}} | dict(facts))
    return RunFolder(path, key, created, say)


def _created_of(folder: Path, slug: str, short: str) -> str:
    """Return the time in a run folder's name as it is written in its manifest, or nothing."""
    stamp = folder.name.removeprefix(f"{slug}-").removesuffix(f"-{short}")
    found = re.fullmatch(r"(\d{4})(\d\d)(\d\dT\d\d)(\d\d)(\d\dZ)", stamp)
    return f"{found[1]}-{found[2]}-{found[3]}:{found[4]}:{found[5]}" if found else ""
