"""An image folder: one folder per class, pictures anywhere below it."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Collection as Collected
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from auditor.base.errors import DataError
from auditor.language.speaking import N_
from auditor.records.accounting import OUTSIDE
from auditor.subject.collection import Collection, FileReader, text_path
from auditor.subject.contents import File, heads
from auditor.subject.formats import FORMAT_NAMES, is_decoded, is_picture, kind_of
from auditor.subject.links import Inside
from auditor.subject.remote import Remote

# fmt: off
IMAGE_SUFFIXES = frozenset({
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".dib", ".gif", ".tif", ".tiff",
    ".ppm", ".pgm", ".pbm", ".pnm", ".avif", ".heic", ".heif", ".dcm",
})
OTHER_IMAGE_SUFFIXES = frozenset({
    ".svg", ".psd", ".jp2", ".jxl", ".ico", ".eps", ".exr", ".hdr",
    ".tga", ".raw", ".cr2", ".nef", ".arw", ".dng",
})
# fmt: on
MANAGERS = ("thumbs.db", "desktop.ini")  # what a file manager leaves behind

HIDDEN = N_("hidden file")
HIDDEN_PICTURE = N_("picture whose name begins with a dot")
NOT_AN_IMAGE = N_("not an image")
OTHER_FORMAT = f"image format other than {FORMAT_NAMES}"
UNKNOWN_KIND = N_("of a kind that is not read")
NO_CLASS = N_("not inside a class folder")


@dataclass(frozen=True)
class Listed:
    """A file below the folder of the data: the parts of its path from there, and the file."""

    parts: tuple[str, ...]
    file: File

    @property
    def path(self) -> str:
        """Return its path as text, with forward slashes."""
        return text_path("/".join(self.parts))

    @property
    def suffix(self) -> str:
        """Return the suffix of its name, in lower case."""
        return PurePosixPath(self.parts[-1]).suffix.lower()

    @property
    def bare(self) -> tuple[str, ...]:
        """Return its path without the suffix."""
        return (*self.parts[:-1], PurePosixPath(self.parts[-1]).stem)


def read_folder(root: Path, *, outside: bool = False) -> Collection:
    """Return the pictures below ``root``; the first folder of each path is the label.

    Files named like pictures are kept whatever they hold: what is wrong with them is found when
    they are read. Files named otherwise are kept when their first bytes are a picture's. Links are
    followed; ``outside``: also where they lead out of ``root``.

    Raises:
        DataError: no class folder, no picture in any, or a link that leads out of ``root``.
    """
    folders = sorted(
        entry.name for entry in _entries(root) if entry.is_dir() and not _hidden(entry.name)
    )
    listed = [Listed(path.relative_to(root).parts, path) for path in _walk(root)]
    data = _arranged(root.name, folders, listed)
    if not outside:
        _check_links(root, data)
    return data


def read_remote_folder(root: Remote) -> Collection:
    """Return the pictures at and below an address, as `read_folder` does.

    Raises:
        DataError, StoppedError: no class folder, no picture in any, or the service fails.
    """
    listed = [Listed(tuple(path.split("/")), root.below(path)) for path in root.files()]
    folders = sorted({each.parts[0] for each in listed if len(each.parts) > 1})
    return _arranged(root.name, [name for name in folders if not _hidden(name)], listed)


def _arranged(name: str, folders: Sequence[str], listed: Sequence[Listed]) -> Collection:
    """Return the pictures among the files of a folder of this name."""
    if not folders:
        raise DataError(
            f"the image folder '{name}' has no class folders; put the pictures of each class "
            f"in a folder of its own, or give a table (.csv) with path and label.{_packed(listed)}"
        )
    found: list[Listed] = []
    aside: list[tuple[Listed, str]] = []
    for each, reason in zip(listed, _reasons_to_leave_out(listed), strict=True):
        if reason is None:
            found.append(each)
        else:
            aside.append((each, reason))
    excluded = _by_class(aside, {each.bare for each in found})
    if not found:
        reasons = sum((Counter(each) for each in excluded.values()), Counter[str]())
        counted = "; ".join(f"{count} x {reason}" for reason, count in sorted(reasons.items()))
        raise DataError(
            f"the image folder '{name}' holds no picture that can be used (class folders: "
            f"{', '.join(folders[:10])}; files set aside: {counted or 'none'}); it needs "
            f"{FORMAT_NAMES} files inside the class folders.{_packed(listed)}"
        )
    labels = tuple(text_path(each.parts[0]) for each in found)
    names = tuple(text_path(name) for name in folders)
    return Collection(
        paths=tuple(each.path for each in found),
        labels=labels,
        names=names,
        reader=FileReader(tuple(each.file for each in found)),
        excluded=excluded,
        notes=(*_notes(names, labels, excluded), *_hidden_pictures(aside)),
    )


def _packed(listed: Sequence[Listed]) -> str:
    """Return what to write for files that hold pictures, after a space; nothing where none is."""
    for each in listed:
        if each.suffix in (".parquet", ".tar"):
            pattern = "/".join((*each.parts[:-1], f"*{each.suffix}"))
            return f" It holds {each.suffix} files: name them, as in data.source: .../{pattern}."
    return ""


def _by_class(
    aside: Sequence[tuple[Listed, str]], pictures: Collected[tuple[str, ...]]
) -> dict[str, dict[str, int]]:
    """Count what is set aside by class folder and reason; a file beside its picture is none.

    ``pictures`` are their paths without suffix. Where a class folder holds files and no picture,
    each of them counts as one that is lost.
    """
    counted: defaultdict[str, Counter[str]] = defaultdict(Counter)
    with_pictures = {parts[0] for parts in pictures}
    for each, reason in aside:
        parts = each.parts
        if reason == NOT_AN_IMAGE and len(parts) > 1 and parts[0] not in with_pictures:
            reason = UNKNOWN_KIND  # all that a class has
        elif reason == UNKNOWN_KIND and (len(parts) < 2 or each.bare in pictures):
            reason = NOT_AN_IMAGE
        inside = len(parts) > 1 and not _hidden(parts[0])
        counted[text_path(parts[0]) if inside else OUTSIDE][reason] += 1
    return {label: dict(sorted(counted[label].items())) for label in sorted(counted)}


def _notes(
    names: tuple[str, ...], labels: tuple[str, ...], excluded: Mapping[str, Mapping[str, int]]
) -> tuple[str, ...]:
    notes = []
    lost = {label for label in excluded if set(excluded[label]) - {HIDDEN, NOT_AN_IMAGE}}
    empty = sorted(set(names) - set(labels) - lost)
    if empty:
        shown = ", ".join(empty[:10]) + (", ..." if len(empty) > 10 else "")
        notes.append(f"{len(empty)} class folders hold no pictures: {shown}")
    return tuple(notes)


def _hidden_pictures(aside: Sequence[tuple[Listed, str]]) -> tuple[str, ...]:
    """Say which hidden folders hold pictures: one may be a class."""
    folders = sorted({each.parts[0] for each, _ in aside if each.suffix in IMAGE_SUFFIXES})
    hidden = [text_path(name) for name in folders if _hidden(name)]
    if not hidden:
        return ()
    return (f"pictures in hidden folders are left out: {', '.join(hidden[:10])}",)


def _check_links(root: Path, data: Collection) -> None:
    assert isinstance(data.reader, FileReader)
    inside = Inside(root)
    leaving = [
        path
        for path, file in zip(data.paths, data.reader.files, strict=True)
        if isinstance(file, Path) and not inside.holds(file)
    ]
    if leaving:
        raise DataError(
            f"{len(leaving)} of {len(data)} pictures of '{root.name}' are behind links that lead "
            f"out of that folder (the first: '{leaving[0]}'); set data.allow_outside: true to "
            "follow them, or take them out."
        )


def _reasons_to_leave_out(listed: Sequence[Listed]) -> Iterator[str | None]:
    """Yield why each file is no item, None where it is one; looks into those named otherwise."""
    in_hidden = [any(map(_hidden, each.parts[:-1])) for each in listed]
    looked_at = [
        at
        for at, each in enumerate(listed)
        if not in_hidden[at] and (_hidden(each.parts[-1]) or each.suffix not in IMAGE_SUFFIXES)
    ]
    found = dict(zip(looked_at, heads([listed[at].file for at in looked_at]), strict=True))
    for at, each in enumerate(listed):
        if in_hidden[at]:
            yield HIDDEN
        elif at in found and (reason := _by_content(each, found[at])) is not None:
            yield reason
        else:
            yield NO_CLASS if len(each.parts) < 2 else None


def _by_content(each: Listed, head: bytes | None) -> str | None:
    """Return why a file that is not named like a picture is none by its first bytes."""
    kind = kind_of(head or b"")
    if _hidden(each.parts[-1]):
        return HIDDEN_PICTURE if is_decoded(kind) else HIDDEN
    if is_decoded(kind):
        return None
    if each.suffix in OTHER_IMAGE_SUFFIXES or is_picture(kind):
        return OTHER_FORMAT
    text = each.parts[-1].lower() in MANAGERS or (head is not None and b"\0" not in head)
    return NOT_AN_IMAGE if text else UNKNOWN_KIND


def _walk(root: Path) -> Iterator[Path]:
    """Yield everything that is not a plain folder, sorted; folders reached twice are read once.

    Raises:
        DataError: links put one folder into two classes.
    """
    seen: dict[str, Path] = {}
    pending = [root]
    files: list[Path] = []
    while pending:
        folder = pending.pop()
        real = os.path.realpath(folder)
        before = seen.setdefault(real, folder)
        if before != folder:
            _check_same_class(root, before, folder)
            continue
        for entry in sorted(_entries(folder), reverse=True):
            if not entry.is_dir():
                files.append(entry)
                continue
            pending.append(entry)
            if entry.suffix.lower() in IMAGE_SUFFIXES and folder != root:
                files.append(entry)  # a folder that claims to be a picture: quarantined later
    yield from sorted(files)


def _check_same_class(root: Path, first: Path, second: Path) -> None:
    one, two = (each.relative_to(root).parts for each in (first, second))
    inside = one[:1] != two[:1] and first not in second.parents  # a link upwards is a circle
    if inside and not any(_hidden(part) for part in (*one, *two)):
        names = " and ".join(f"'{text_path(each.relative_to(root))}'" for each in (first, second))
        raise DataError(
            f"{names} of '{root.name}' are one folder, by a link, in two classes: take the link "
            "out."
        )


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError as error:
        raise DataError(
            f"the folder '{folder.name}' cannot be listed: {error.strerror}; "
            "make it readable or take it out."
        ) from error


def _hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"
