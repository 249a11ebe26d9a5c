"""WebDataset tars: the files of one key are a sample, ``a/17.jpg`` with ``a/17.cls``.

A tar is gone through once for where its members lie; pictures are then read by ranges of bytes. The
label of a key is its ``.cls``, or the entry ``data.columns.label`` of its ``.json``, or its
``.txt``; ``data.columns.label: cls`` (or ``txt``) takes that one alone.
"""

from __future__ import annotations

import json
import re
import tarfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from auditor.base.errors import DataError
from auditor.config.audit import DataConfig
from auditor.language.speaking import N_
from auditor.records.accounting import OUTSIDE
from auditor.subject.collection import Collection, FileReader, sorted_names
from auditor.subject.folders import HIDDEN, IMAGE_SUFFIXES
from auditor.subject.limits import Unreadable
from auditor.subject.patterns import files_of
from auditor.subject.remote import Remote
from auditor.subject.table_columns import kept_columns
from auditor.subject.table_text import Table

NO_PICTURE = N_("label without a picture")
NO_LABEL = N_("picture without a label")
LABELS = ("cls", "json", "txt")
MOST_LABEL = 1_000_000  # bytes of a member that holds a label
LONGEST = 200  # characters of a label


@dataclass(frozen=True, slots=True)
class Member:
    """A file inside of a tar: where its content lies."""

    tar: Path | Remote
    name: str
    start: int
    length: int

    @property
    def distant(self) -> bool:
        """Return whether it comes over a network."""
        return isinstance(self.tar, Remote)

    def content(self, most: int) -> bytes:
        """Return up to ``most`` bytes of it.

        Raises:
            Unreadable: the tar is not there any more, or shorter.
            DataError, StoppedError: the service that holds it refuses or fails.
        """
        most = min(most, self.length)
        if isinstance(self.tar, Remote):
            data = self.tar.content(most, self.start) if most else b""
        else:
            try:
                with self.tar.open("rb") as file:
                    file.seek(self.start)
                    data = file.read(most)
            except OSError as error:
                raise Unreadable(f"cannot be read ({error.strerror})") from None
        if len(data) < most:
            raise Unreadable(f"lies beyond the end of '{self.tar.name}'")
        return data


@dataclass
class Sample:
    """The members of one key: pictures and texts of labels by their ending."""

    pictures: dict[str, Member] = field(default_factory=dict)
    texts: dict[str, bytes] = field(default_factory=dict)


def read_tars(text: str, config: DataConfig, base: Path) -> Collection:
    """Return the samples of the tars that a text names (``val-{000..003}.tar``), in their order.

    Raises:
        ConfigError: the text names no files.
        DataError: a tar is missing, no tar or cut short; a member is there twice; a key has two
            labels or several pictures; no key has both.
        StoppedError: the service that holds them fails.
    """
    samples: dict[tuple[str, str], Sample] = {}
    hidden = 0
    tars = files_of(text, base, "data.source")
    alike = len({tar.name for tar in tars}) < len(tars)
    for at, tar in enumerate(tars):
        hidden += _index(tar, f"{at:05d}-{tar.name}" if alike else tar.name, samples)
    keys = [key for _tar, key in samples]
    shared = len(set(keys)) < len(keys)
    rows: list[tuple[str, str, Member, Mapping[str, Any]]] = []
    excluded: defaultdict[str, Counter[str]] = defaultdict(Counter)
    lacking: dict[str, str] = {}
    for (tar_name, key), sample in samples.items():
        entries = _entries(sample, key, tar_name)
        label = _label(sample, entries, config.columns.labels[0], f"'{key}' of '{tar_name}'")
        picture = _picture(sample, key, tar_name)
        if picture is None or label is None:
            reason = NO_PICTURE if picture is None else NO_LABEL
            excluded[label or OUTSIDE][reason] += 1
            lacking.setdefault(reason, key)
            continue
        name = f"{tar_name}/{picture.name}" if shared else picture.name
        rows.append((name, label, picture, entries))
    if hidden:
        excluded[OUTSIDE][HIDDEN] += hidden
    if not rows:
        counted = "; ".join(f"{count} x {reason}" for reason, count in _sum(excluded).items())
        raise DataError(
            f"no key of '{text}' has a picture and a label ({counted or 'no members'}); a label is "
            "a .cls, .json or .txt of the picture's key; data.columns.label names the entry of the "
            ".json."
        )
    return _collection(rows, config, excluded, [*_notes(lacking, excluded, shared)])


def _collection(
    rows: Sequence[tuple[str, str, Member, Mapping[str, Any]]],
    config: DataConfig,
    excluded: Mapping[str, Counter[str]],
    notes: Sequence[str],
) -> Collection:
    paths, labels, members, entries = zip(*rows, strict=True)
    header = tuple(sorted({name for each in entries for name in each} - {config.columns.labels[0]}))
    cells = tuple(tuple(str(each.get(name, "")) for name in header) for each in entries)
    table = Table("the .json members", header, cells, paths)
    kept, kept_notes = kept_columns(table, config, lambda _cell: False)
    return Collection(
        paths=paths,
        labels=labels,
        names=sorted_names(labels),
        reader=FileReader(members),
        metadata={name: tuple(row[at].strip() for row in cells) for name, at in kept.items()},
        excluded={label: dict(sorted(excluded[label].items())) for label in sorted(excluded)},
        numbering="possible" if all(re.fullmatch(r"\d+", label) for label in labels) else "none",
        notes=(*notes, *kept_notes),
    )


def _notes(
    lacking: Mapping[str, str], excluded: Mapping[str, Counter[str]], shared: bool
) -> Iterator[str]:
    for reason, key in lacking.items():
        count = _sum(excluded)[reason]
        yield f"{count:,} keys of the tars are left out: {reason} (the first: '{key}')"
    if shared:
        yield "tars share keys: each picture is named by its tar too, and counts by itself"


def _sum(excluded: Mapping[str, Counter[str]]) -> Counter[str]:
    return sum(excluded.values(), Counter[str]())


def _index(tar: Path | Remote, called: str, samples: dict[tuple[str, str], Sample]) -> int:
    """Enter the members of a tar into ``samples``, by its name and their key; count hidden ones."""
    hidden = 0
    for member, data in _members(tar):
        folder, slash, name = member.name.rpartition("/")
        stem, _, ending = name.partition(".")
        if not stem or folder.partition("/")[0] == "__MACOSX":
            hidden += 1
            continue
        sample = samples.setdefault((called, f"{folder}{slash}{stem}"), Sample())
        ending = ending.lower()
        if ending in sample.pictures or ending in sample.texts:
            raise DataError(
                f"the tar '{tar.name}' holds '{member.name}' twice; write it anew with one of each."
            )
        if f".{ending.rpartition('.')[2]}" in IMAGE_SUFFIXES:
            sample.pictures[ending] = member
        elif data is not None:
            sample.texts[ending] = data
    return hidden


def _members(tar: Path | Remote) -> Iterator[tuple[Member, bytes | None]]:
    """Yield the regular files of a tar in order, those that may be labels with their content.

    Raises:
        DataError: it is missing, no tar, compressed, cut short, or holds a link.
    """
    last = ""
    try:
        with (
            tar.opened() if isinstance(tar, Remote) else tar.open("rb") as stream,
            tarfile.open(fileobj=stream, mode="r:") as archive,
        ):
            while (found := archive.next()) is not None:
                archive.members.clear()  # type: ignore[attr-defined]  # it would keep all
                if found.islnk() or found.issym():
                    raise DataError(
                        f"'{found.name}' of '{tar.name}' is a link to another file; write it anew "
                        "with the files themselves (tar --dereference --hard-dereference)."
                    )
                if not found.isreg():
                    continue
                last = re.sub(r"^(\./)+", "", found.name).encode("utf-8", "replace").decode()
                data = None
                if last.rpartition(".")[2].lower() in LABELS:
                    if found.size > MOST_LABEL:
                        raise DataError(f"'{last}' of '{tar.name}' is too large for a label.")
                    opened = archive.extractfile(found)
                    data = opened.read() if opened else b""
                yield Member(tar, last, found.offset_data, found.size), data
            stream.seek(archive.offset)
            ended = stream.read(tarfile.BLOCKSIZE) == tarfile.NUL * tarfile.BLOCKSIZE
    except (OSError, Unreadable) as error:
        raise DataError(f"cannot read the tar '{tar.name}': {_os_reason(error)}.") from error
    except tarfile.TarError as error:
        if not last:
            raise DataError(
                f"'{tar.name}' is no plain tar; unpack a compressed one, and write it anew as .tar."
            ) from error
        ended = False
    if not ended:
        raise DataError(
            f"the tar '{tar.name}' is cut short or damaged after '{last}'; download or write it "
            "again."
        )


def _os_reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)


def _entries(sample: Sample, key: str, tar: str) -> Mapping[str, Any]:
    """Return the plain values of the key's .json by name."""
    if "json" not in sample.texts:
        return {}
    try:
        loaded = json.loads(sample.texts["json"])
    except (ValueError, RecursionError):
        raise DataError(f"'{key}.json' of '{tar}' is no valid JSON; write it anew.") from None
    found = loaded if isinstance(loaded, dict) else {}
    return {
        str(name): int(value) if isinstance(value, float) and value.is_integer() else value
        for name, value in found.items()
        if isinstance(value, str | int | float) and not isinstance(value, bool)
    }


def _label(sample: Sample, entries: Mapping[str, Any], asked: str, what: str) -> str | None:
    """Return the label of a key, None where it has none.

    Raises:
        DataError: it has two, or one that is no text or too long for a label.
    """
    said = {
        ".cls": _text(sample.texts.get("cls"), what),
        f"'{asked}' of .json": " ".join(str(entries.get(asked, "")).split()),
    }
    if asked in ("cls", "txt"):
        said = {f".{asked}": _text(sample.texts.get(asked), what)}
    elif not any(said.values()):
        said = {".txt": _text(sample.texts.get("txt"), what)}
    labels = {label for label in said.values() if label}
    if len(labels) > 1:
        shown = " and ".join(f"'{label}' ({place})" for place, label in said.items())
        raise DataError(
            f"the key {what} has two labels, {shown}; say which counts: data.columns.label: cls, "
            "txt, or the name of an entry of the .json."
        )
    label = next(iter(labels), None)
    if label is not None and len(label) > LONGEST:
        raise DataError(
            f"the label of {what} has {len(label):,} characters; name the entry of the .json that "
            "holds labels as data.columns.label."
        )
    return label


def _text(data: bytes | None, what: str) -> str:
    try:
        return " ".join((data or b"").decode("utf-8-sig").split())
    except UnicodeDecodeError:
        raise DataError(f"the label of {what} is no UTF-8 text; write it anew.") from None


def _picture(sample: Sample, key: str, tar: str) -> Member | None:
    """Return the picture of a key: the one whose ending has a single part, else the only one.

    Raises:
        DataError: there are several.
    """
    plain = {ending: each for ending, each in sample.pictures.items() if "." not in ending}
    found = plain or sample.pictures
    if len(found) > 1:
        raise DataError(
            f"the key '{key}' of '{tar}' has {len(found)} pictures ({', '.join(sorted(found))}); "
            "keep one, or give each a key of its own."
        )
    return next(iter(found.values()), None)
