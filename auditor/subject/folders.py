"""An image folder: one folder per class, pictures anywhere below it."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Collection as Collected
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from auditor.base.errors import DataError
from auditor.language.speaking import N_
from auditor.records.accounting import OUTSIDE
from auditor.subject.collection import Collection, FileReader, text_path
from auditor.subject.formats import FORMAT_NAMES, is_decoded, is_picture
from auditor.subject.images import kind_of_file
from auditor.subject.links import Inside

# fmt: off
IMAGE_SUFFIXES = frozenset({
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".dib", ".gif", ".tif", ".tiff",
    ".ppm", ".pgm", ".pbm", ".pnm", ".avif", ".heic", ".heif",
})
OTHER_IMAGE_SUFFIXES = frozenset({
    ".svg", ".psd", ".jp2", ".jxl", ".ico", ".eps", ".exr", ".hdr",
    ".tga", ".raw", ".cr2", ".nef", ".arw", ".dng",
})
# fmt: on

HIDDEN = N_("hidden file")
HIDDEN_PICTURE = N_("picture whose name begins with a dot")
NOT_AN_IMAGE = N_("not an image")
OTHER_FORMAT = f"image format other than {FORMAT_NAMES}"
UNKNOWN_KIND = N_("of a kind that is not read")
NO_CLASS = N_("not inside a class folder")


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
    if not folders:
        raise DataError(
            f"the image folder '{root.name}' has no class folders; put the pictures of each class "
            "in a folder of its own, or give a table (.csv) with path and label."
        )
    found: list[Path] = []
    aside: list[tuple[Path, str]] = []
    for path in _walk(root):
        parts = path.relative_to(root).parts
        reason = _reason_to_leave_out(path, parts)
        if reason is None:
            found.append(path)
        else:
            aside.append((path, reason))
    excluded = _by_class(root, aside, {path.with_suffix("") for path in found})
    if not found:
        reasons = sum((Counter(each) for each in excluded.values()), Counter[str]())
        counted = "; ".join(f"{count} x {reason}" for reason, count in sorted(reasons.items()))
        raise DataError(
            f"the image folder '{root.name}' holds no picture that can be used (class folders: "
            f"{', '.join(folders[:10])}; files set aside: {counted or 'none'}); it needs "
            f"{FORMAT_NAMES} files inside the class folders."
        )
    relative = [path.relative_to(root) for path in found]
    if not outside:
        _check_links(root, found)
    labels = tuple(text_path(path.parts[0]) for path in relative)
    names = tuple(text_path(name) for name in folders)
    return Collection(
        paths=tuple(text_path(path) for path in relative),
        labels=labels,
        names=names,
        reader=FileReader(tuple(found)),
        excluded=excluded,
        notes=(*_notes(names, labels, excluded), *_hidden_pictures(root, aside)),
    )


def _by_class(
    root: Path, aside: Sequence[tuple[Path, str]], pictures: Collected[Path]
) -> dict[str, dict[str, int]]:
    """Count what is set aside by class folder and reason; a file beside its picture is none.

    Where a class folder holds files and no picture, each of them counts as one that is lost.
    """
    counted: defaultdict[str, Counter[str]] = defaultdict(Counter)
    with_pictures = {path.relative_to(root).parts[0] for path in pictures}
    for path, reason in aside:
        parts = path.relative_to(root).parts
        if reason == NOT_AN_IMAGE and len(parts) > 1 and parts[0] not in with_pictures:
            reason = UNKNOWN_KIND  # all that a class has
        elif reason == UNKNOWN_KIND and (len(parts) < 2 or path.with_suffix("") in pictures):
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


def _hidden_pictures(root: Path, aside: Sequence[tuple[Path, str]]) -> tuple[str, ...]:
    """Say which hidden folders hold pictures: one may be a class."""
    folders = sorted(
        {
            path.relative_to(root).parts[0]
            for path, _ in aside
            if path.suffix.lower() in IMAGE_SUFFIXES
        }
    )
    hidden = [text_path(name) for name in folders if _hidden(name)]
    if not hidden:
        return ()
    return (f"pictures in hidden folders are left out: {', '.join(hidden[:10])}",)


def _check_links(root: Path, found: Sequence[Path]) -> None:
    inside = Inside(root)
    leaving = [path for path in found if not inside.holds(path)]
    if leaving:
        first = text_path(leaving[0].relative_to(root))
        raise DataError(
            f"{len(leaving)} of {len(found)} pictures of '{root.name}' are behind links that lead "
            f"out of that folder (the first: '{first}'); set data.allow_outside: true to follow "
            "them, or take them out."
        )


def _reason_to_leave_out(path: Path, parts: tuple[str, ...]) -> str | None:
    if any(_hidden(part) for part in parts[:-1]):
        return HIDDEN
    if _hidden(parts[-1]):
        return HIDDEN_PICTURE if is_decoded(kind_of_file(path)) else HIDDEN
    suffix = path.suffix.lower()
    if suffix not in IMAGE_SUFFIXES:
        kind = kind_of_file(path)
        if not is_decoded(kind):
            if suffix in OTHER_IMAGE_SUFFIXES or is_picture(kind):
                return OTHER_FORMAT
            return NOT_AN_IMAGE if _is_text(path) else UNKNOWN_KIND
    return NO_CLASS if len(parts) < 2 else None


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


def _is_text(path: Path) -> bool:
    """Say whether a file is text, or what a file manager leaves behind."""
    if path.name.lower() in ("thumbs.db", "desktop.ini"):
        return True
    try:
        with path.open("rb") as file:
            return b"\0" not in file.read(1024)
    except OSError:
        return False


def _hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"
