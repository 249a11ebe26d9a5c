"""The one way of writing: synced, renamed, synced again; and every failure of it named."""

from __future__ import annotations

import errno
import json
import os
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from auditor.base.errors import ConfigError, IntegrityError, StorageError
from auditor.report.draw.style import Drawing
from auditor.report.show.picture_store import ImageStore
from auditor.review.keep.verify import verify
from auditor.run.folder import RunFolder, open_run
from auditor.run.manifest import forget, is_complete, read_listed, read_manifest, write_listed
from auditor.run.storage import (
    bytes_digest,
    check_writable,
    digest_at,
    file_digest,
    locked,
    read_plain,
    write_atomic,
    writer,
)

Done = list[tuple[str, str]]


@pytest.fixture
def done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Done:
    """Record what is synced and renamed below the test's folder, in order."""
    found: Done = []
    sync, rename = os.fsync, os.replace

    def name(path: str) -> str:
        parts = os.path.relpath(path, os.path.realpath(tmp_path)).split("/")
        return "/".join(part.rsplit(f".{writer()}.tmp", 1)[0] for part in parts)

    def syncing(handle: int) -> None:
        found.append(("sync", name(str(Path(f"/proc/self/fd/{handle}").readlink()))))
        sync(handle)

    def renaming(source: Path, target: Path) -> None:
        found.append(("rename", name(os.path.realpath(target))))
        rename(source, target)

    monkeypatch.setattr(os, "fsync", syncing)
    monkeypatch.setattr(os, "replace", renaming)
    return found


def run_in(folder: Path) -> RunFolder:
    return open_run(folder, "a", "k" * 64, created="2026-01-02T03:04:05Z", facts={})


def test_a_file_is_synced_renamed_and_its_folder_synced(tmp_path: Path, done: Done) -> None:
    assert write_atomic(tmp_path / "new" / "file", b"x") == bytes_digest(b"x")
    assert done == [
        ("sync", "."),  # of the folder that was made
        ("sync", "new/.file"),
        ("rename", "new/file"),
        ("sync", "new"),
    ]


def test_a_stage_is_synced_whole_before_it_takes_its_place(tmp_path: Path, done: Done) -> None:
    run = run_in(tmp_path)
    done.clear()
    run.once("stage", {}, lambda: (np.zeros(3), {"a": np.ones(2)}))
    base = run.path.relative_to(tmp_path).as_posix()
    place = done.index(("rename", f"{base}/stages/stage"))
    before, after = done[:place], done[place + 1 :]
    for name in ("r.0.npy", "r.1.0.npy", "record.json"):
        synced = before.index(("sync", f"{base}/stages/.stage.tmp/.{name}"))
        assert before.index(("rename", f"{base}/stages/.stage.tmp/{name}")) > synced
    assert before[-1] == ("sync", f"{base}/stages/.stage.tmp")
    assert after[0] == ("sync", f"{base}/stages")
    assert after.index(("rename", f"{base}/manifest.json")) > 0


def test_pictures_are_there_for_good_before_they_are_listed(tmp_path: Path, done: Done) -> None:
    run = run_in(tmp_path)
    store = ImageStore(run.images, run.note_picture)
    done.clear()
    pictures = [
        store.figure(partial(Drawing, f"<svg>{n}</svg>", 1, 1), alt="").file for n in range(3)
    ]
    run.write({"audit.json": b"{}"})
    base = run.path.relative_to(tmp_path).as_posix()
    listed = done.index(("rename", f"{base}/manifest.json"))
    folder = len(done[:listed]) - 1 - done[:listed][::-1].index(("sync", f"{base}/images"))
    for name in pictures:
        assert done.index(("sync", f"{base}/images/.{name}")) < folder
        assert done.index(("rename", f"{base}/images/{name}")) < folder
        assert read_manifest(run.path)["files"][f"images/{name}"][:32] == name[:32]


def test_a_listed_file_is_synced_with_its_folder_before_that_is_final(
    tmp_path: Path, done: Done
) -> None:
    run = run_in(tmp_path)
    done.clear()
    write_listed(run.path, {"tables/a.csv": b"a", "tables/b.csv": b"b"})
    base = run.path.relative_to(tmp_path).as_posix()
    first, last = (
        place for place, each in enumerate(done) if each == ("rename", f"{base}/manifest.json")
    )
    for name in ("a.csv", "b.csv"):
        synced = done.index(("sync", f"{base}/tables/.{name}"))
        assert first < synced < done.index(("rename", f"{base}/tables/{name}"))
    folder = len(done) - 1 - done[::-1].index(("sync", f"{base}/tables"))
    assert done.index(("rename", f"{base}/tables/b.csv")) < folder < last


@pytest.mark.parametrize("name", ["write", "fsync", "replace", "open", "mkdir"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.ESTALE])
def test_a_failing_write_leaves_the_old_file_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, number: int
) -> None:
    path = tmp_path / "file"
    write_atomic(path, b"old")
    target = tmp_path / "new" / "file" if name == "mkdir" else path

    def broken(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, name, broken)
        with pytest.raises(StorageError, match=os.strerror(number)) as raised:
            write_atomic(target, b"new")
    assert raised.value.exit_code == 75
    assert "run the same command again" in str(raised.value)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_short_write_is_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: write(handle, bytes(data)[:7]))
    assert write_atomic(tmp_path / "file", bytes(range(100))) == bytes_digest(bytes(range(100)))
    assert (tmp_path / "file").read_bytes() == bytes(range(100))


def test_a_folder_that_cannot_be_synced_by_its_file_system_is_no_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync = os.fsync

    def only_files(handle: int) -> None:
        if Path(f"/proc/self/fd/{handle}").resolve().is_dir():
            raise OSError(errno.EINVAL, "Invalid argument")
        sync(handle)

    monkeypatch.setattr(os, "fsync", only_files)
    write_atomic(tmp_path / "file", b"x")


# ---- digests are of what was handed over


def test_a_killed_replacement_leaves_either_version_known(tmp_path: Path) -> None:
    """Whether the new file took its place or not, the manifest knows what is there."""
    run = run_in(tmp_path)
    write_listed(run.path, {"report.html": b"old"})
    for killed_at in (b"old", b"new"):
        document = read_manifest(run.path) | {"writing": {"report.html": bytes_digest(b"new")}}
        (run.path / "manifest.json").write_text(json.dumps(document))
        (run.path / "report.html").write_bytes(killed_at)
        assert read_listed(run.path, "report.html") == killed_at
        (run.path / "report.html").write_bytes(b"forged")
        with pytest.raises(IntegrityError, match="was changed"):
            read_listed(run.path, "report.html")
        (run.path / "report.html").write_bytes(killed_at)
        write_listed(run.path, {"other": b"x"})
        assert "writing" not in read_manifest(run.path)
        assert read_listed(run.path, "report.html") == killed_at


def test_a_file_of_the_same_bytes_is_not_written_again(tmp_path: Path) -> None:
    run = run_in(tmp_path)
    write_listed(run.path, {"a": b"x"})
    before = {path: path.stat().st_mtime_ns for path in run.path.iterdir()}
    write_listed(run.path, {"a": b"x"})
    assert {path: path.stat().st_mtime_ns for path in run.path.iterdir()} == before


def test_writing_another_file_never_signs_a_changed_one(tmp_path: Path) -> None:
    run = run_in(tmp_path)
    write_listed(run.path, {"a": b"x", "b": b"y"})
    (run.path / "a").write_bytes(b"changed")
    write_listed(run.path, {"b": b"z"})
    with pytest.raises(IntegrityError, match="a was changed after it was written"):
        read_listed(run.path, "a")


@pytest.mark.parametrize("how", ["link", "folder", "pipe", "gone", "unlisted", "linked folder"])
def test_what_is_no_file_of_the_run_is_not_read(tmp_path: Path, how: str) -> None:
    run = run_in(tmp_path)
    write_listed(run.path, {"part/a": b"x"})
    path = run.path / "part" / "a"
    if how == "unlisted":
        document = read_manifest(run.path) | {"files": {}}
        (run.path / "manifest.json").write_text(json.dumps(document))
    elif how == "linked folder":
        path.parent.rename(tmp_path / "elsewhere")
        path.parent.symlink_to(tmp_path / "elsewhere")
        write_listed(run.path, {"part/a": b"x"})
        assert not path.parent.is_symlink()
        assert read_listed(run.path, "part/a") == b"x"
        assert (tmp_path / "elsewhere" / "a").read_bytes() == b"x"
        return
    else:
        path.rename(tmp_path / "kept")
        if how == "link":
            path.symlink_to(tmp_path / "kept")
        elif how == "folder":
            path.mkdir()
        elif how == "pipe":
            os.mkfifo(path)
    with pytest.raises(IntegrityError):
        read_listed(run.path, "part/a")
    write_listed(run.path, {"part/a": b"x"})
    assert read_listed(run.path, "part/a") == b"x"


def test_forgotten_files_are_gone_and_not_listed(tmp_path: Path) -> None:
    run = run_in(tmp_path)
    write_listed(run.path, {"a": b"x", "audit.json": b"{}"})
    assert is_complete(run.path)
    forget(run.path, ["a", "never there"])
    assert not (run.path / "a").exists()
    assert list(read_manifest(run.path)["files"]) == ["audit.json"]


@pytest.mark.parametrize(
    "change",
    [
        {"files": []},
        {"files": {"../outside": "0"}},
        {"files": {"/etc/passwd": "0"}},
        {"files": {"a": 3}},
        {"stages": {"x": {"input": "0", "seconds": 1}}},
        {"stages": {"../x": {"input": "0", "seconds": 1, "files": {}}}},
        {"stages": None},
        {"created": None},
        {"writing": {"a/../../b": "0"}},
    ],
)
def test_a_misshapen_manifest_is_refused(tmp_path: Path, change: dict) -> None:
    run = run_in(tmp_path)
    document = read_manifest(run.path) | change
    (run.path / "manifest.json").write_text(json.dumps(document))
    with pytest.raises(IntegrityError, match="is damaged"):
        read_manifest(run.path)


# ---- output folders


def test_an_output_folder_with_missing_parents_can_be_made(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    check_writable(tmp_path / "a" / "b" / "c")
    assert list(tmp_path.rglob("*")) == [tmp_path / "a"]


@pytest.mark.parametrize("name", ["file", "file/below", "dangling", "x" * 300, "loop/x"])
def test_an_output_folder_that_can_never_be_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "dangling").symlink_to(tmp_path / "file" / "nowhere")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(ConfigError, match="Give --out a folder") as raised:
        check_writable(tmp_path / name)
    assert raised.value.exit_code == 2


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.EACCES, ConfigError),
        (errno.EROFS, ConfigError),
        (errno.EPERM, ConfigError),
        (errno.ENOSPC, StorageError),
        (errno.EDQUOT, StorageError),
        (errno.EIO, StorageError),
        (errno.ESTALE, StorageError),
    ],
)
@pytest.mark.parametrize("name", ["write", "fsync", "replace", "mkdir"])
def test_by_its_cause_an_output_folder_is_refused_or_tried_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[Exception], name: str
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, name, broken)
        with pytest.raises(kind, match=os.strerror(number)):
            check_writable(tmp_path / "out")
    assert not list(tmp_path.glob("out/*"))


def test_a_lock_that_cannot_be_made_is_a_failure_of_the_storage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", broken)
        with pytest.raises(StorageError, match="No space left"), locked(tmp_path / ".lock"):
            pass
    with locked(tmp_path / ".lock"):
        assert read_plain(tmp_path / ".lock") == b""


def test_what_is_no_plain_file_has_no_digest(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "link").symlink_to("file")
    assert [digest_at(tmp_path / name) for name in ("pipe", "link", "none", ".")] == [None] * 4
    assert digest_at(tmp_path / "file") == bytes_digest(b"x") == file_digest(tmp_path / "file")


def test_a_run_that_is_named_by_a_link_is_read(tmp_path: Path) -> None:
    run = run_in(tmp_path)
    write_listed(run.path, {"part/a": b"x"})
    (tmp_path / "latest").symlink_to(run.path)
    assert verify(tmp_path / "latest").changed == ()
    assert read_listed(tmp_path / "latest", "part/a") == b"x"
