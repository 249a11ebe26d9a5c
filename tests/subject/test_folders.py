"""Image folders: what counts as a picture, what is left out and counted, what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.base.errors import DataError
from auditor.subject.folders import (
    HIDDEN,
    HIDDEN_PICTURE,
    NO_CLASS,
    NOT_AN_IMAGE,
    OTHER_FORMAT,
    UNKNOWN_KIND,
    read_folder,
)
from auditor.subject.images import Unreadable
from tests.subject.small import image_folder, noise


def test_pictures_are_listed_sorted_with_their_folder_as_label(tmp_path: Path) -> None:
    root = image_folder(tmp_path / "photos", {"b": 2, "a": 1})
    (root / "a" / "deep" / "deeper").mkdir(parents=True)
    noise().save(root / "a" / "deep" / "deeper" / "x.PNG")
    found = read_folder(root)
    assert found.paths == ("a/000.png", "a/deep/deeper/x.PNG", "b/000.png", "b/001.png")
    assert found.labels == ("a", "a", "b", "b")
    assert found.names == ("a", "b")
    assert found.excluded == {}


def test_everything_else_is_counted_by_reason(tmp_path: Path) -> None:
    root = image_folder(tmp_path / "photos", {"a": 1})
    (root / "a" / ".DS_Store").touch()
    (root / ".git").mkdir()
    (root / ".git" / "x.png").touch()
    (root / "__MACOSX").mkdir()
    (root / "__MACOSX" / "y.png").touch()
    (root / "a" / "list.txt").write_text("text")
    (root / "a" / "photo.psd").write_bytes(b"8BPS")
    noise().save(root / "loose.png")
    noise().save(root / "a" / "renamed.dat", "PNG")
    found = read_folder(root)
    assert found.paths == ("a/000.png", "a/renamed.dat")
    assert found.excluded == {
        "": {HIDDEN: 2, NO_CLASS: 1},
        "a": {HIDDEN: 1, NOT_AN_IMAGE: 1, OTHER_FORMAT: 1},
    }
    assert found.names == ("a",)


def test_bad_pictures_stay_rows_so_that_they_can_be_listed(tmp_path: Path) -> None:
    root = image_folder(tmp_path / "photos", {"a": 1})
    (root / "a" / "empty.jpg").touch()
    (root / "a" / "folder.jpg").mkdir()
    (root / "a" / "page.jpg").write_text("<html>")
    (root / "a" / "dangling.jpg").symlink_to("nowhere.jpg")
    found = read_folder(root)
    reasons = {}
    for index, path in enumerate(found.paths):
        try:
            found.reader.read(index, found.reader.digest(index))
        except Unreadable as reason:
            reasons[path] = str(reason)
    assert set(found.paths) - set(reasons) == {"a/000.png"}
    assert "is empty" in reasons["a/empty.jpg"]
    assert "is a folder" in reasons["a/folder.jpg"]
    assert "is not a JPEG" in reasons["a/page.jpg"]
    assert "link to a missing file" in reasons["a/dangling.jpg"]


def test_links_are_followed_once(tmp_path: Path) -> None:
    outside = image_folder(tmp_path / "elsewhere", {"set": 2})
    root = image_folder(tmp_path / "photos", {"a": 1})
    (root / "b").symlink_to(outside / "set")
    (root / "a" / "loop").symlink_to(root)
    with pytest.raises(DataError, match=r"2 of 3 pictures .* links that lead out .*'b/000.png'"):
        read_folder(root)
    found = read_folder(root, outside=True)
    assert sorted(found.paths) == ["a/000.png", "b/000.png", "b/001.png"]


def test_links_inside_are_followed_and_dangling_ones_are_listed(tmp_path: Path) -> None:
    root = image_folder(tmp_path / "photos", {"a": 1})
    (root / "a" / "same.png").symlink_to("000.png")
    (root / "a" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    assert read_folder(root).paths == ("a/000.png", "a/gone.png", "a/same.png")
    (root / "a" / "leaving.png").symlink_to(tmp_path / "photos.png")
    noise().save(tmp_path / "photos.png")  # beside the folder, and its name begins alike
    with pytest.raises(DataError, match=r"1 of 4 pictures .*data.allow_outside: true"):
        read_folder(root)


def test_names_that_are_not_text_are_written_as_text(tmp_path: Path) -> None:
    root = image_folder(tmp_path / "photos", {"a": 1})
    target = Path(str(root / "a") + "/caf\udce9.png")
    try:
        noise().save(target)
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    found = read_folder(root)
    assert found.paths[1] == "a/caf\\xe9.png"
    assert found.reader.read(1, found.reader.digest(1)).size == (12, 12)


def test_empty_class_folders_are_named(tmp_path: Path) -> None:
    root = image_folder(tmp_path / "photos", {"a": 1, "b": 0})
    found = read_folder(root)
    assert found.names == ("a", "b")
    assert found.notes == ("1 class folders hold no pictures: b",)


def test_folder_without_class_folders_or_pictures(tmp_path: Path) -> None:
    root = tmp_path / "photos"
    root.mkdir()
    noise().save(root / "x.png")
    with pytest.raises(DataError, match="'photos' has no class folders; put the pictures"):
        read_folder(root)
    (root / "a").mkdir()
    (root / "a" / "notes.txt").touch()
    with pytest.raises(
        DataError,
        match=r"holds no picture that .*1 x not inside a class.*1 x of a kind",
    ):
        read_folder(root)


def test_a_folder_of_packed_files_says_how_to_name_them(tmp_path: Path) -> None:
    (tmp_path / "photos" / "data").mkdir(parents=True)
    (tmp_path / "photos" / "data" / "val-0.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match=r"as in data.source: \.\.\./data/\*\.parquet\.$"):
        read_folder(tmp_path / "photos")
    (tmp_path / "tars").mkdir()
    (tmp_path / "tars" / "0.tar").touch()
    with pytest.raises(DataError, match=r"data.source: \.\.\./\*\.tar\.$"):
        read_folder(tmp_path / "tars")


def test_pictures_whose_names_begin_with_a_dot_are_lost_not_unseen(tmp_path: Path) -> None:
    for name in ("apple", "cherry", ".plum"):
        (tmp_path / name).mkdir()
        noise(8, 8).save(tmp_path / name / ("a.png" if name == "apple" else ".a.png"))
    (tmp_path / "apple" / "._a.png").write_bytes(b"\x00\x05\x16\x07 what a Mac leaves behind")
    found = read_folder(tmp_path)
    assert found.excluded["cherry"] == {HIDDEN_PICTURE: 1}
    assert found.excluded["apple"] == {HIDDEN: 1}
    assert "pictures in hidden folders are left out: .plum" in found.notes


def test_a_class_of_nothing_but_other_files_is_lost(tmp_path: Path) -> None:
    for name in ("apple", "cherry"):
        (tmp_path / name).mkdir()
    noise(8, 8).save(tmp_path / "apple" / "a.png")
    (tmp_path / "apple" / "read me.txt").write_text("hello")
    (tmp_path / "cherry" / "a.txt").write_text("aGVsbG8=")
    found = read_folder(tmp_path)
    assert found.excluded["cherry"] == {UNKNOWN_KIND: 1}
    assert found.excluded["apple"] == {NOT_AN_IMAGE: 1}


def test_one_folder_in_two_classes_is_an_error(tmp_path: Path) -> None:
    for name in ("apple", "banana"):
        (tmp_path / name / "more").mkdir(parents=True)
        noise(8, 8).save(tmp_path / name / "a.png")
        noise(8, 8).save(tmp_path / name / "more" / "b.png")
    (tmp_path / "apple" / "again").symlink_to(tmp_path / "apple" / "more")
    (tmp_path / "apple" / "circle").symlink_to(tmp_path)
    assert len(read_folder(tmp_path)) == 4
    (tmp_path / "banana" / "extra").symlink_to(tmp_path / "apple")
    with pytest.raises(DataError, match=r"'apple' and 'banana/extra'.*one folder.*two classes"):
        read_folder(tmp_path)
