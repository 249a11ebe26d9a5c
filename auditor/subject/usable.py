"""Why pictures cannot be used, in one sentence, and the one cause that explains most of it.

A cause is never guessed from the look of a path alone where the data can tell: it counts where the
file that it stands for is there, or where the content says what it is.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from auditor.base.errors import AuditorError, DataError, StoppedError
from auditor.subject.collection import Changed, Collection, FileReader, Gone, Reader
from auditor.subject.folders import IMAGE_SUFFIXES
from auditor.subject.images import Unreadable

# Files that a cause is looked for in, and folders that a misplaced file is looked for in.
LOOKED_AT = 200
FOLDERS = 50
# What the first bytes of a file that is no picture say, and what to do about it.
CONTENTS: Mapping[str, re.Pattern[bytes]] = {
    "web pages, such as a download leaves behind that failed: download the pictures again": (
        re.compile(rb"\s*(\xef\xbb\xbf)?<(!doctype|html|\?xml)", re.IGNORECASE)
    ),
    "pointers of Git LFS in place of the files: run 'git lfs pull'": re.compile(
        rb"version https://git-lfs"
    ),
    "arrays of numpy: give them by a dataset factory (data.source: file.py:factory)": re.compile(
        rb"\x93NUMPY"
    ),
    "PDF files: convert them to PNG": re.compile(rb"%PDF"),
    "archives: unpack them": re.compile(rb"PK\x03\x04|\x1f\x8b|7z\xbc\xaf"),
}


@dataclass(frozen=True)
class Lost:
    """A picture that cannot be used: its path as the data has it, why, and its file if it has one.

    ``content`` are the first bytes of the file.
    """

    path: str
    reason: str
    file: Path | None
    content: bytes


def nothing_usable(
    paths: Sequence[str], quarantine: Mapping[int, str], reader: Reader, *, asked: str = ""
) -> DataError:
    """Return the error that none of the rows asked for can be used.

    ``quarantine`` has the reason of each of them; ``asked`` says which they are of all.
    """
    return DataError(
        f"none of the {len(quarantine)} pictures{asked} can be used, so there is nothing to audit. "
        f"{first_and_cause(paths, quarantine, reader)}"
    )


def not_there(name: str, reason: Unreadable) -> AuditorError:
    """Return the error that one picture, or its mask, is not what it was; ``name`` is quoted."""
    if isinstance(reason, Gone):
        return StoppedError(
            f"{name} could be read when the audit began and cannot be now: it {reason}. Put it "
            "back and run the same command again: it goes on from here."
        )
    if isinstance(reason, Changed):
        return DataError(
            f"{name} {reason}. Put back what was there, and the same command goes on from here; "
            "what is there now needs an audit of its own."
        )
    return DataError(f"{name} {reason}.")


def unreadable_note(data: Collection, quarantine: Mapping[int, str]) -> tuple[str, ...]:
    """Say how many pictures cannot be read, and why; nothing where all can be."""
    if not quarantine:
        return ()
    why = first_and_cause(data.paths, quarantine, data.reader)
    return (f"{len(quarantine)} of {len(data)} pictures cannot be read. {why}",)


def first_and_cause(paths: Sequence[str], quarantine: Mapping[int, str], reader: Reader) -> str:
    """Return the first reason and, where one explains more than half, the cause, as sentences."""
    first = min(quarantine)
    sentence = f"The first: '{paths[first]}' {quarantine[first]}."
    files = reader.files if isinstance(reader, FileReader) else None
    lost = [
        _lost(paths[row], quarantine[row], _on_disk(files, row))
        for row in islice(sorted(quarantine), LOOKED_AT)
    ]
    known: Counter[str] = Counter()
    examples: dict[str, str] = {}
    for each in lost:
        for cause in CAUSES:
            found = cause(each)
            if found is not None:
                advice, example = found
                known[advice] += 1
                examples.setdefault(advice, example)
                break
    if known:
        advice, count = known.most_common(1)[0]
        if 2 * count > len(lost):
            looked = "" if len(lost) == len(quarantine) else " looked at"
            return f"{sentence} {count} of {len(lost)}{looked} {advice}{examples[advice]}."
    return sentence


def _on_disk(files: Sequence[object] | None, row: int) -> Path | None:
    file = files[row] if files else None
    return file if isinstance(file, Path) else None


def _lost(path: str, reason: str, file: Path | None) -> Lost:
    content = b""
    if file is not None and file.is_file():
        try:
            with file.open("rb") as opened:
                content = opened.read(256)
        except OSError:
            content = b""
    return Lost(path, reason, file, content)


# What is wrong with many and what mends it, and an example of this one.
Found = tuple[str, str]


def _content_in_place_of_a_path(lost: Lost) -> Found | None:
    if not re.match(r"b['\"]|\{'bytes'|data:image|<PIL", lost.path):
        return None
    return (
        "hold the pictures themselves where a path is expected: save them as files, or give them "
        "by a dataset factory (data.source: file.py:factory); data.columns.path names the column",
        "",
    )


def _suffix(lost: Lost) -> Found | None:
    if lost.file is None or lost.file.exists():
        return None
    for suffix in sorted(IMAGE_SUFFIXES):
        for written in (suffix, suffix.upper()):
            other = lost.file.with_suffix(written)
            if lost.file.suffix and other.is_file():
                return (
                    "have another suffix than the file: write the name that the file has in the "
                    "column of data.columns.path",
                    f"; '{Path(lost.path).with_suffix(written).as_posix()}' is there",
                )
    return None


def _place(lost: Lost) -> Found | None:
    """Look for the file below another folder, or without the first folders of its path."""
    root = _root(lost)
    if root is None or lost.file is None or lost.file.exists():
        return None
    parts = Path(lost.path).parts
    for dropped in range(1, len(parts)):
        if root.joinpath(*parts[dropped:]).is_file():
            gone = "/".join(parts[:dropped])
            return (
                f"begin with '{gone}', which is not below the table's folder: take it out of the "
                "paths, or set data.root to the folder that they start from",
                f"; '{'/'.join(parts[dropped:])}' is there",
            )
    for folder in _folders(root):
        if (folder / lost.path).is_file():
            place = folder.relative_to(root).as_posix()
            return (
                f"start from the folder '{place}': write it before the paths, or set data.root to "
                "it",
                f"; '{place}/{lost.path}' is there",
            )
    return None


def _content(lost: Lost) -> Found | None:
    for what, begins in CONTENTS.items():
        if begins.match(lost.content):
            return f"are {what}", ""
    return None


def _same_reason(lost: Lost) -> Found | None:
    """Name the common reason where nothing more is known; what to do depends on it."""
    for part, advice in REASONS.items():
        if part in lost.reason:
            return advice, ""
    return None


REASONS: Mapping[str, str] = {
    "does not exist": "do not exist: paths start from the folder of the table; set data.root "
    "where they start from another one",
    "is a link to a missing file": "are links to files that are not there: copy the files",
    "is empty": "are empty files: download or copy them again",
    "cannot be read (Permission denied)": "may not be read by this user: give it the permission",
    "is not a JPEG": "hold no picture of a format that is read: convert them to PNG",
    "smaller than the crop": "are smaller than the crop: set preprocess.resize, or a smaller "
    "preprocess.crop",
    "where the model is given": "have another size than the model is given: make the dataset of "
    "data.source give that size",
    "cannot be decoded": "are damaged or cut short: download or copy them again",
    "the dataset failed": "fail in the dataset's own code: mend its __getitem__, or the "
    "transform that it is given",
    "the dataset gave": "are of a kind that cannot be audited: mend what the dataset returns",
    "the model gives": "make the model give NaN or infinity: check its weights and preprocess",
}


def _root(lost: Lost) -> Path | None:
    """Return the folder that the paths of the data start from."""
    if lost.file is None:
        return None
    depth = len(Path(lost.path).parts)
    return lost.file.parents[depth - 1] if 0 < depth <= len(lost.file.parents) else None


def _folders(root: Path) -> list[Path]:
    """Return the folders below ``root``, two levels deep, few of them."""
    try:
        first = sorted(path for path in root.iterdir() if path.is_dir())[:FOLDERS]
        second = [path for folder in first for path in sorted(folder.iterdir()) if path.is_dir()]
    except OSError:
        return []
    return first + second[:FOLDERS]


CAUSES: tuple[Callable[[Lost], Found | None], ...] = (
    _content_in_place_of_a_path,
    _suffix,
    _place,
    _content,
    _same_reason,
)
