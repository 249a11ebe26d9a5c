"""Which runs may go: the older ones of each project, but no baseline and nothing unfinished."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import filelock

from auditor.base.errors import OutputError
from auditor.language.speaking import gettext as _
from auditor.review import words
from auditor.review.keep.history import History, HistoryRow
from auditor.run.mirror import mirror_of
from auditor.run.storage import remove


@dataclass(frozen=True)
class Retention:
    """Runs to delete, and those that are kept although they are old: folder name -> why."""

    delete: tuple[str, ...]
    spared: dict[str, str]


def plan(history: History, folder: Path, keep: int, *, unfinished: bool = False) -> Retention:
    """Say which runs to delete so that each project keeps its newest ``keep`` complete ones.

    A run that is the baseline of one that stays is kept. What did not finish is kept too, since
    the same command goes on with it, unless ``unfinished``; a running audit always is. So is what
    cannot be read, and a link.
    """
    delete: list[str] = []
    spared: dict[str, str] = {}
    for rows in history.projects().values():
        complete = [row for row in rows if row.status == "complete"]
        old = complete[: len(complete) - keep] if len(complete) > keep else []
        stay = [row for row in complete if row not in old]
        # A baseline that is kept may itself name one: go on until none is added.
        while saved := [row for row in old if row.folder in {each.baseline for each in stay}]:
            for row in saved:
                named = next(each.folder for each in stay if each.baseline == row.folder)
                spared[row.folder] = _(words.IS_BASELINE, run=named)
            stay += saved
            old = [row for row in old if row not in saved]
        for row in [*old, *(row for row in rows if row.status != "complete")]:
            reason = _spared(row, folder / row.folder, unfinished)
            if reason is None:
                delete.append(row.folder)
            else:
                spared[row.folder] = reason
    return Retention(tuple(delete), spared)


def delete_run(path: Path) -> None:
    """Delete a run folder: it vanishes from the history at once, then from the disk.

    Raises:
        OutputError: it cannot be deleted.
    """
    if mirror_of(path) is not None:
        remove(path / "manifest.json")
        remove(path)
        return
    hidden = path.with_name(f".deleted-{path.name}")
    try:
        path.rename(hidden)
        shutil.rmtree(hidden)
    except OSError as error:
        raise OutputError(f"cannot delete {path}: {error.strerror or error}.") from error


def _spared(row: HistoryRow, path: Path, unfinished: bool) -> str | None:
    if path.is_symlink():
        return words.IS_LINK
    if row.status == "unreadable":
        return words.IS_UNREADABLE
    if row.status == "not finished" and not unfinished:
        return words.CAN_GO_ON
    return words.IS_RUNNING if _locked(path) else None


def _locked(path: Path) -> bool:
    """Say whether an audit is at work in the folder."""
    if (mirror := mirror_of(path)) is not None:
        return mirror.held(path / ".lock")
    if not (path / ".lock").exists():
        return False
    lock = filelock.FileLock(path / ".lock")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        return True
    lock.release()
    return False
