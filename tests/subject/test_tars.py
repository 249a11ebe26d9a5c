"""WebDataset tars: indexed once, read by ranges, and refused in one line where they are damaged."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from auditor.base import addresses
from auditor.base.errors import AuditorError, DataError
from auditor.config.audit import DataConfig
from auditor.records.accounting import OUTSIDE
from auditor.subject import contents, remote
from auditor.subject.collection import Collection
from auditor.subject.folders import HIDDEN, read_folder
from auditor.subject.patterns import files_of
from auditor.subject.sources import read_data
from auditor.subject.tars import NO_LABEL, NO_PICTURE, Member
from tests.subject import stores
from tests.subject.small import image_folder, noise


def png(seed: int = 0) -> bytes:
    buffer = io.BytesIO()
    noise(seed=seed).save(buffer, "PNG")
    return buffer.getvalue()


def write_tar(path: Path, members: list[tuple[str, bytes]], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def samples(count: int, start: int = 0) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for at in range(start, start + count):
        found.append((f"./s{at}.png", png(at)))
        found.append((f"./s{at}.cls", str(at % 2).encode()))
    return found


def read(folder: Path, source: str, **keys: object) -> Collection:
    return read_data(DataConfig.model_validate({"source": source, **keys}), folder)


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    with stores.nothing_kept(tmp_path / "cache", monkeypatch):
        yield


def test_members_are_samples_in_the_order_of_the_tars(tmp_path: Path) -> None:
    for number in range(3):
        write_tar(tmp_path / f"val-{number:03d}.tar", samples(3, 3 * number))
    for source in (
        "webdataset:val-{000..002}.tar",
        "val-*.tar",
        "webdataset:val-{000,001,002}.tar",
    ):
        data = read(tmp_path, source)
        assert data.paths == tuple(f"s{at}.png" for at in range(9))
        assert data.labels == tuple(str(at % 2) for at in range(9))
        assert data.numbering == "possible"
        assert not data.excluded
        assert not data.notes
        assert data.reader.digest(4) == contents_digest(png(4))
        assert data.reader.size(4) == (12, 12)
    with pytest.raises(DataError, match=r"names 'val-003.tar', which does not exist"):
        read(tmp_path, "webdataset:val-{000..003}.tar")


def contents_digest(data: bytes) -> str:
    from auditor.subject.images import content_digest

    return content_digest(data)


def test_labels_come_from_json_and_text_too(tmp_path: Path) -> None:
    about = {"label": "cat", "site": "north", "deep": {"x": 1}, "number": 3.0}
    members = [("a.jpg", png()), ("a.json", json.dumps(about).encode())]
    members += [("b.jpg", png(1)), ("b.json", json.dumps({**about, "label": "dog"}).encode())]
    members += [("c.jpg", png(2)), ("c.txt", b" dog\n")]
    write_tar(tmp_path / "x.tar", members)
    data = read(tmp_path, "x.tar")
    assert data.labels == ("cat", "dog", "dog")
    assert read(tmp_path, "x.tar", metadata=["site"]).metadata == {"site": ("north", "north", "")}
    by_site = read(tmp_path, "x.tar", columns={"label": "number"})
    assert by_site.labels == ("3", "3", "dog")
    assert read(tmp_path, "x.tar", columns={"label": "txt"}).labels == ("dog",)


def test_what_lacks_a_part_is_counted_and_named(tmp_path: Path) -> None:
    members = [*samples(2), ("lost/p.png", png(7)), ("lost/l.cls", b"1"), ("._x.png", b"junk")]
    write_tar(tmp_path / "x.tar", members)
    data = read(tmp_path, "x.tar")
    assert len(data) == 2
    assert data.excluded == {OUTSIDE: {HIDDEN: 1, NO_LABEL: 1}, "1": {NO_PICTURE: 1}}
    assert data.notes[0] == (
        "1 keys of the tars are left out: picture without a label (the first: 'lost/p')"
    )
    assert "label without a picture (the first: 'lost/l')" in data.notes[1]


def test_keys_of_several_tars_are_told_apart(tmp_path: Path) -> None:
    write_tar(tmp_path / "a.tar", samples(1))
    write_tar(tmp_path / "b.tar", samples(2))
    data = read(tmp_path, "webdataset:{a,b}.tar")
    assert data.paths == ("a.tar/s0.png", "b.tar/s0.png", "b.tar/s1.png")
    assert data.notes[0].startswith("tars share keys")


def test_a_tar_at_an_address_is_read_by_ranges(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "PAUSES", (0.0, 0.0))
    write_tar(tmp_path / "v-0.tar", samples(3))
    with stores.s3_server(monkeypatch, every=3) as bucket:
        stores.put(tmp_path / "v-0.tar", f"{bucket}/v-0.tar")
        plain = read(tmp_path, "v-0.tar")
        for source in (f"webdataset:{bucket}/v-{{0..0}}.tar", f"{bucket}/v-*.tar"):
            data = read(tmp_path, source)
            assert data.paths == plain.paths
            for at in range(3):
                assert data.reader.digest(at) == plain.reader.digest(at)


def test_a_range_asks_for_no_more_than_the_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tar(tmp_path / "v.tar", samples(3))
    address = stores.put(tmp_path / "v.tar", "memory://bucket/v.tar")
    data = read(tmp_path, address)
    asked: list[int] = []
    plain = remote.Remote.content

    def noted(self: remote.Remote, most: int, start: int = 0) -> bytes:
        asked.append(most)
        return plain(self, most, start)

    monkeypatch.setattr(remote.Remote, "content", noted)
    assert data.reader.digest(0) == contents_digest(png(0))
    assert asked == [len(png(0))]


@pytest.mark.parametrize("cut", ["in a picture", "in a header", "at the end"])
def test_a_tar_that_is_cut_short_is_refused(tmp_path: Path, cut: str) -> None:
    whole = write_tar(tmp_path / "x.tar", samples(4)).read_bytes()
    header = whole.index(b"./s3.png")
    ends = {"in a picture": header + 700, "in a header": header + 100, "at the end": header}
    (tmp_path / "x.tar").write_bytes(whole[: ends[cut]])
    with pytest.raises(DataError, match=r"the tar 'x.tar' is cut short or damaged after 's\d.\w+'"):
        read(tmp_path, "x.tar")


def test_a_damaged_header_in_the_middle_hides_nothing(tmp_path: Path) -> None:
    whole = bytearray(write_tar(tmp_path / "x.tar", samples(4)).read_bytes())
    at = whole.index(b"./s2.png")
    whole[at : at + 4] = b"####"
    (tmp_path / "x.tar").write_bytes(whole)
    with pytest.raises(DataError, match=r"cut short or damaged after 's1.cls'"):
        read(tmp_path, "x.tar")


@pytest.mark.parametrize(
    ("members", "keys", "said"),
    [
        ([*samples(1), ("s0.json", b'{"label": 1}')], {}, "has two labels, '0' .* and '1'"),
        ([*samples(1), ("s0.png", png(3))], {}, r"the tar 'x.tar' holds 's0.png' twice"),
        ([*samples(1), ("s0.jpg", png(3))], {}, r"the key 's0' of 'x.tar' has 2 pictures"),
        ([("a.png", png()), ("a.json", b"{")], {}, r"'a.json' of 'x.tar' is no valid JSON"),
        ([("a.png", png()), ("a.txt", b"x" * 300)], {}, "has 300 characters; name the entry"),
        ([("a.png", png()), ("a.cls", b"\xff")], {}, "is no UTF-8 text"),
        ([("a.png", png())], {}, "no key of 'x.tar' has a picture and a label"),
        ([], {}, "no key of 'x.tar' has .* .no members."),
        (samples(1), {"columns": {"label": "txt"}}, "no key of 'x.tar' has a picture and a label"),
    ],
)
def test_one_line_says_what_is_wrong(
    tmp_path: Path, members: list[tuple[str, bytes]], keys: dict[str, object], said: str
) -> None:
    write_tar(tmp_path / "x.tar", members)
    with pytest.raises(AuditorError, match=said) as refused:
        read(tmp_path, "x.tar", **keys)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("webdataset:no.tar", r"names 'no.tar', which does not exist"),
        ("no-*.tar", "fits no file"),
        ("webdataset:{}.tar", "has braces that name nothing"),
        ("webdataset:{0..9999999}.tar", "names more than 100,000 files"),
        ("webdataset:memory://bucket/no.tar", "cannot read the tar 'no.tar': does not exist"),
    ],
)
def test_a_tar_that_is_not_there_is_named(tmp_path: Path, source: str, said: str) -> None:
    with pytest.raises(AuditorError, match=said):
        read(tmp_path, source)


@pytest.mark.parametrize("kind", [tarfile.LNKTYPE, tarfile.SYMTYPE])
def test_a_link_in_a_tar_is_no_picture_that_vanishes(tmp_path: Path, kind: bytes) -> None:
    """Tar packs files that share their content as links: all of these keys would be gone."""
    path = write_tar(tmp_path / "val.tar", samples(3))
    with tarfile.open(path, "a") as archive:
        for name, target in (("s9.png", "s0.png"), ("s9.cls", "s0.cls")):
            link = tarfile.TarInfo(name)
            link.type, link.linkname = kind, f"./{target}"
            archive.addfile(link)
    with pytest.raises(DataError, match=r"'s9.png' of 'val.tar' is a link .*dereference"):
        read(tmp_path, "val.tar")


def test_a_compressed_tar_and_other_files_are_refused(tmp_path: Path) -> None:
    write_tar(tmp_path / "x.tar", samples(1), "w:gz")
    with pytest.raises(DataError, match=r"'x.tar' is no plain tar; unpack"):
        read(tmp_path, "x.tar")
    (tmp_path / "x.tar").write_bytes(b"")
    with pytest.raises(DataError, match=r"'x.tar' is no plain tar"):
        read(tmp_path, "x.tar")


def test_a_member_that_is_no_longer_there_is_gone(tmp_path: Path) -> None:
    tar = write_tar(tmp_path / "x.tar", samples(2))
    data = read(tmp_path, "x.tar")
    tar.write_bytes(tar.read_bytes()[:700])
    assert "lies beyond the end of 'x.tar'" in data.reader.digest(1)
    tar.unlink()
    assert "cannot be read (No such file or directory)" in data.reader.digest(1)


def test_a_huge_member_is_refused_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "MAX_BYTES", 10)
    asked: list[int] = []

    def content(self: Member, most: int) -> bytes:
        asked.append(most)
        return b"x" * most

    monkeypatch.setattr(Member, "content", content)
    with pytest.raises(contents.Unreadable, match="more than the 10 bytes allowed"):
        contents.read(Member(Path("x.tar"), "a.png", 0, 10**12))
    assert asked == [11]


def test_a_folder_packed_as_it_is_keeps_its_paths(tmp_path: Path) -> None:
    root = image_folder(tmp_path / "photos", {"cat": 2, "dog": 2})
    members: list[tuple[str, bytes]] = []
    for path in sorted(root.rglob("*.png")):
        name = path.relative_to(root).with_suffix("").as_posix()
        members += [(f"{name}.png", path.read_bytes()), (f"{name}.txt", path.parent.name.encode())]
    write_tar(tmp_path / "x.tar", members)
    packed, plain = read(tmp_path, "x.tar"), read_folder(root)
    assert (packed.paths, packed.labels, packed.names) == (plain.paths, plain.labels, plain.names)


def test_names_with_braces_stand_for_files(tmp_path: Path) -> None:
    for name in ("a8.tar", "a9.tar", "a10.tar", "b8.tar"):
        (tmp_path / name).touch()
    found = files_of("{a,b}8.tar", tmp_path, "data.source")
    assert [each.name for each in found] == ["a8.tar", "b8.tar"]
    found = files_of("a{8..10}.tar", tmp_path, "data.source")
    assert [each.name for each in found] == ["a8.tar", "a9.tar", "a10.tar"]
