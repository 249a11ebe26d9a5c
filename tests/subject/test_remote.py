"""Pictures, tables and weights at addresses: read like files, tried again, refused in one line."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import fsspec
import numpy as np
import pytest
from safetensors.torch import save_file

from auditor.base import addresses
from auditor.base.errors import AuditorError, ConfigError, DataError, StoppedError
from auditor.subject import Subject, contents, load_subject, local_copy, remote
from auditor.subject.contents import MEMORY, Memory
from auditor.subject.folders import read_folder, read_remote_folder
from auditor.subject.remote import Remote
from tests.subject import stores
from tests.subject.small import config, image_folder, noise, tiny_net, write_factory


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setattr(addresses, "PAUSES", (0.0, 0.0, 0.0))
    fsspec.register_implementation("gs", stores.Flaky, clobber=True)
    with stores.nothing_kept(tmp_path / "cache", monkeypatch):
        yield


@pytest.fixture
def base(tmp_path: Path) -> Path:
    write_factory(tmp_path)
    root = image_folder(tmp_path / "photos", {"cat": 5, "dog": 4})
    (root / "cat" / "broken.jpg").write_bytes(b"\xff\xd8\xff no picture")
    (root / "cat" / "empty.png").touch()
    (root / "dog" / "notes.txt").write_text("text")
    noise(seed=77).save(root / "dog" / "renamed.dat", "PNG")
    (root / "dog" / ".hidden.png").write_bytes((root / "dog" / "000.png").read_bytes())
    (root / "loose.png").write_bytes((root / "dog" / "000.png").read_bytes())
    return tmp_path


def subject(base: Path, data: str, **keys: object) -> Subject:
    return load_subject(config(data=data, data_keys=dict(keys)), base)


def check_same(one: Subject, other: Subject) -> None:
    assert one.data_digest == other.data_digest
    assert one.manifest.paths == other.manifest.paths
    assert one.manifest.excluded == other.manifest.excluded
    assert one.notes == other.notes
    rows = range(len(one.manifest))
    (first, lost), (second, also) = one.sift(rows), other.sift(rows)
    assert lost == also
    assert len(lost) == 2
    assert np.array_equal(first.inputs, second.inputs)


def test_a_folder_is_the_same_on_disk_and_at_an_address(base: Path) -> None:
    stores.put(base / "photos", "memory://bucket/photos")
    found = read_remote_folder(Remote("memory://bucket/photos"))
    plain = read_folder(base / "photos")
    assert (found.paths, found.labels, found.names) == (plain.paths, plain.labels, plain.names)
    assert found.excluded == plain.excluded
    check_same(subject(base, "photos"), subject(base, "memory://bucket/photos"))
    check_same(subject(base, "photos"), subject(base, f"file://{base}/photos"))


def test_a_bucket_is_read_like_a_folder(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with stores.s3_server(monkeypatch, every=3) as bucket:
        stores.put(base / "photos", f"{bucket}/photos")
        check_same(subject(base, "photos"), subject(base, f"{bucket}/photos"))
        with pytest.raises(DataError, match="'s3://photographs/other' is no folder and no table"):
            subject(base, f"{bucket}/other")


def test_every_third_request_may_fail(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores.Flaky, "every", 10**9)
    stores.put(base / "photos", "gs://bucket/photos")
    monkeypatch.setattr(stores.Flaky, "every", 3)
    check_same(subject(base, "photos"), subject(base, "gs://bucket/photos"))


def test_a_service_that_fails_for_good_stops_the_audit_and_sets_nothing_aside(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores.Flaky, "every", 10**9)
    stores.put(base / "photos", "gs://bucket/photos")
    loaded = subject(base, "gs://bucket/photos")
    MEMORY.clear()
    monkeypatch.setattr(stores.Flaky, "every", 1)
    monkeypatch.setattr(stores.Flaky, "error", lambda: ValueError(stores.KEY))
    with pytest.raises(StoppedError) as stopped:
        loaded.sift([0, 1])
    assert str(stopped.value) == (
        "'gs://bucket/photos/cat/000.png' could not be read in 4 tries (ValueError); run the same "
        "command again when the service answers: it goes on from here."
    )
    monkeypatch.setattr(stores.Flaky, "error", lambda: PermissionError(stores.KEY))
    with pytest.raises(DataError, match=r"may not be read \(PermissionError\): give credentials"):
        subject(base, "gs://bucket/photos")


def test_a_picture_that_changes_or_goes_is_named(base: Path) -> None:
    stores.put(base / "photos", "memory://bucket/photos")
    loaded = subject(base, "memory://bucket/photos")
    system = fsspec.filesystem("memory")
    system.pipe_file("/bucket/photos/cat/000.png", b"other")
    system.rm_file("/bucket/photos/cat/001.png")
    MEMORY.clear()
    with pytest.raises(DataError, match=r"'cat/000.png' has changed since the audit began"):
        loaded.load([0])
    with pytest.raises(StoppedError, match=r"'cat/001.png' could be read .* does not exist"):
        loaded.load([1])


def test_a_table_lists_addresses_below_its_folder(base: Path) -> None:
    stores.put(base / "photos", "memory://bucket/photos")
    lines = ["path,label", "cat/000.png,cat", "memory://bucket/photos/dog/000.png,dog"]
    for place in ("memory://bucket/photos/list.csv", str(base / "list.csv")):
        with fsspec.open(place, "w") as file:
            file.write("\n".join(lines) + "\n")
    at_address = subject(base, "memory://bucket/photos/list.csv")
    assert at_address.manifest.paths == ("cat/000.png", "dog/000.png")
    assert not at_address.sift([0, 1])[1]
    with pytest.raises(DataError, match=r"list.csv:3: 1 of 2 paths are addresses .* set data.root"):
        subject(base, "list.csv")
    rooted = subject(base, "list.csv", root="memory://bucket/photos")
    assert rooted.data_digest == at_address.data_digest
    (base / "list.csv").write_text("path,label\nmemory://else/a.png,cat\nphotos/dog/000.png,dog\n")
    outside = subject(base, "list.csv", allow_outside=True)
    assert outside.manifest.paths[0].startswith("outside/")
    assert "does not exist" in outside.sift([0])[1][0]
    (base / "list.csv").write_text("path,label\n../x.png,cat\n")
    with pytest.raises(DataError, match=r"'\.\./x.png' is outside the folder of data.root"):
        subject(base, "list.csv", root="memory://bucket/photos")


def test_masks_may_lie_at_addresses(base: Path) -> None:
    stores.put(base / "photos", "memory://bucket/photos")
    text = "path,label,mask\ncat/000.png,cat,dog/000.png\ndog/000.png,dog,\n"
    fsspec.filesystem("memory").pipe_file("/bucket/photos/list.csv", text.encode())
    loaded = subject(base, "memory://bucket/photos/list.csv", columns={"mask": "mask"})
    shares = loaded.objects([0, 1])
    assert shares is not None
    assert np.isfinite(shares[0]).all()
    assert np.isnan(shares[1]).all()


def test_weights_come_by_address_and_are_checked(base: Path) -> None:
    save_file(tiny_net().state_dict(), base / "w.safetensors")
    system = fsspec.filesystem("memory")
    system.pipe_file("/bucket/w.safetensors", (base / "w.safetensors").read_bytes())
    keys = {"weights": "memory://bucket/w.safetensors"}
    loaded = load_subject(config(model=keys), base)
    plain = load_subject(config(model={"weights": "w.safetensors"}), base)
    assert loaded.weights_digest == plain.weights_digest
    assert loaded.weights == "w.safetensors"
    (copy,) = (base / "cache").rglob("*.safetensors")
    copy.write_bytes(b"damaged")
    again = load_subject(config(model=keys), base)
    assert again.weights_digest == plain.weights_digest
    with pytest.raises(DataError, match=r"'memory://bucket/x.pt' does not exist"):
        load_subject(config(model={"weights": "memory://bucket/x.pt"}), base)


def test_a_cache_that_cannot_be_written_is_not_needed(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (base / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(base / "file"))
    fsspec.filesystem("memory").pipe_file("/bucket/w.pt", b"content")
    copy = local_copy.local_copy(Remote("memory://bucket/w.pt"), "model.weights")
    assert copy.read_bytes() == b"content"
    assert base not in copy.parents


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("s3://ann:canary@bucket/photos", "an address with a password or signature in it"),
        ("https://host/photos.csv?sig=canary", "an address with a password or signature in it"),
        ("https://host/x.csv?X-Amz-Credential=canary", "a password or signature in it"),
        ("s4://bucket/photos", "kind 's4://', which is not read. Known: s3://"),
        ("memory://bucket/none", "'memory://bucket/none' is no folder and no table"),
        ("memory://bucket/none.csv", "cannot read none.csv: does not exist"),
    ],
)
def test_an_address_that_cannot_be_read_says_so_in_one_line(
    base: Path, address: str, said: str
) -> None:
    with pytest.raises(AuditorError, match=said) as refused:
        subject(base, address)
    assert "canary" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_container_of_azure_is_no_password() -> None:
    there = remote.remote("abfss://photos@account.dfs.core.windows.net/val", "data.source")
    assert there.name == "val"
    with pytest.raises(ConfigError, match="password"):
        remote.remote("abfss://photos:pw@account.dfs.core.windows.net/val", "data.source")


def test_a_package_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(address: str) -> None:
        raise ImportError(address)

    monkeypatch.setattr(fsspec.core, "url_to_fs", missing)
    with pytest.raises(DataError, match=r"pip install 'concept-auditor\[remote\]'"):
        Remote("s3://bucket/photos").size()
    with pytest.raises(DataError, match="pip install adlfs"):
        Remote("az://bucket/photos").size()


def test_credentials_are_in_nothing_that_is_said(
    base: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="auditor")
    with stores.s3_server(monkeypatch) as bucket:
        stores.put(base / "photos", f"{bucket}/photos")
        loaded = subject(base, f"{bucket}/photos")
        said = [*loaded.notes, *loaded.manifest.paths, caplog.text, repr(loaded.reader)]
    with stores.s3_server(monkeypatch, every=1) as bucket:
        with pytest.raises(StoppedError) as stopped:
            subject(base, f"{bucket}/photos")
        said.append(str(stopped.value))
    for canary in (stores.KEY, stores.KEY_ID):
        assert not any(canary in text for text in said)


def test_contents_are_forgotten_the_oldest_first() -> None:
    memory = Memory(most=10)
    one, two, three = (Remote(f"memory://{name}") for name in "abc")
    memory.put(one, b"1234")
    memory.put(two, b"1234")
    assert memory.get(one) == b"1234"
    memory.put(three, b"1234")
    assert memory.get(two) is None
    assert memory.get(one) == memory.get(three) == b"1234"


def test_no_picture_is_asked_for_twice(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stores.put(base / "photos", "memory://bucket/photos")
    asked: list[str] = []
    plain = Remote.content

    def noted(self: Remote, most: int, start: int = 0) -> bytes:
        if most > contents.LOOKED_AT:
            asked.append(self.address)
        return plain(self, most, start)

    monkeypatch.setattr(Remote, "content", noted)
    loaded = subject(base, "memory://bucket/photos")
    loaded.sift(range(len(loaded.manifest)))
    pictures = [address for address in asked if not address.endswith("empty.png")]
    assert len(pictures) == len(set(pictures)) == len(loaded.manifest) - 1


class Files(SimpleHTTPRequestHandler):
    """A server of files that knows no ranges of bytes, and is slow where asked."""

    pause = 0.0
    at_once = most_at_once = 0

    def do_GET(self) -> None:
        Files.at_once += 1
        Files.most_at_once = max(Files.most_at_once, Files.at_once)
        time.sleep(Files.pause)
        super().do_GET()
        Files.at_once -= 1

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def server(base: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    pytest.importorskip("aiohttp", reason="aiohttp is not installed (the extra remote)")
    made = ThreadingHTTPServer(("127.0.0.1", 0), lambda *given: Files(*given, directory=str(base)))
    threading.Thread(target=made.serve_forever, daemon=True).start()
    monkeypatch.setattr(Files, "pause", 0.0)
    monkeypatch.setattr(Files, "most_at_once", 0)
    yield f"http://127.0.0.1:{made.server_port}"
    made.shutdown()
    made.server_close()


def write_list(base: Path) -> None:
    rows = [f"photos/{name}/{at:03d}.png,{name}" for name in ("cat", "dog") for at in range(4)]
    (base / "list.csv").write_text("\n".join(["path,label", *rows]) + "\n")


def test_a_table_of_a_web_server_is_read_several_pictures_at_once(
    base: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_list(base)
    plain = subject(base, "list.csv")
    monkeypatch.setattr(Files, "pause", 0.05)
    loaded = subject(base, f"{server}/list.csv")
    assert loaded.data_digest == plain.data_digest
    assert 4 <= Files.most_at_once <= contents.AT_ONCE


def test_a_server_that_does_not_answer_in_time_stops_the_audit(
    base: Path, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_list(base)
    loaded = subject(base, f"{server}/list.csv")
    MEMORY.clear()
    monkeypatch.setattr(addresses, "TIME_LIMIT", 0.2)
    monkeypatch.setattr(Files, "pause", 1.0)
    with pytest.raises(StoppedError, match=r"000.png' could not be read in 4 tries \(FSTimeout"):
        loaded.load([0])
    monkeypatch.setattr(Files, "pause", 0.0)


def test_a_server_without_ranges_of_bytes_is_refused_where_they_are_needed(
    base: Path, server: str
) -> None:
    there = Remote(f"{server}/photos/cat/000.png")
    content = (base / "photos" / "cat" / "000.png").read_bytes()
    assert there.content(10) == content[:10]
    with pytest.raises(DataError, match="gives no ranges of bytes: download the file"):
        there.content(10, 5)
    with pytest.raises(contents.Unreadable, match="does not exist"):
        Remote(f"{server}/photos/none.png").content(10)


def test_a_picture_that_is_too_large_is_not_read_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    fsspec.filesystem("memory").pipe_file("/bucket/big.png", b"x" * 1000)
    monkeypatch.setattr(contents, "MAX_BYTES", 100)
    there = Remote("memory://bucket/big.png")
    with pytest.raises(contents.Unreadable, match="more than the 100 bytes allowed"):
        contents.read(there)
    assert len(there.content(101)) == 101
