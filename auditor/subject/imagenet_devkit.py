"""ImageNet's validation pictures in one folder, with the numbers of their classes in the devkit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from auditor.base.errors import DataError
from auditor.config.audit import DataConfig
from auditor.subject.table_text import Table

TRUTH = "ILSVRC2012_validation_ground_truth.txt"
META = "meta.mat"
_PICTURE = re.compile(r"ILSVRC2012_val_(\d{8})\.JPEG", re.IGNORECASE)
# Where people unpack the devkit, seen from the folder of the pictures.
_PLACES = (".", "data", "ILSVRC2012_devkit_t12/data", "devkit/data", "ILSVRC2012_devkit_t12")


def truth_of(folder: Path) -> Path | None:
    """Return the devkit's file of numbers for a folder that holds its pictures, if there is one."""
    for start in (folder, folder.parent):
        for place in _PLACES:
            if (start / place / TRUTH).is_file() and any(_pictures(folder)):
                return start / place / TRUTH
    return None


def read_devkit(truth: Path, pictures: Path, config: DataConfig) -> Table:
    """Return path and wnid of ImageNet's validation pictures, by the number in their names.

    Line n of the devkit's file is the class of picture n, as the devkit's own numbers; its
    ``meta.mat`` says which wnid a number is, which is not their sorted order.

    Raises:
        DataError: no such pictures or ``meta.mat``, a line that is no number of a class, or a
            picture without a line.
    """
    found = dict(_pictures(pictures))
    if not found:
        raise DataError(
            f"'{pictures.name}' holds no pictures called as ILSVRC2012_val_00000001.JPEG, whose "
            f"classes {TRUTH} has; set data.root to their folder."
        )
    wnids = _wnids(truth.parent)
    lines = truth.read_text(encoding="ascii", errors="replace").split()
    rows, places = [], []
    for number, name in sorted(found.items()):
        place = f"{truth.name}:{number}"
        if not 1 <= number <= len(lines):
            raise DataError(
                f"{place}: no line for the picture '{name}'; the file has {len(lines):,} lines."
            )
        text = lines[number - 1]
        if not text.isdecimal() or int(text) not in wnids:
            raise DataError(f"{place}: '{text[:40]}' is no number of a class of {META}.")
        rows.append((name, wnids[int(text)]))
        places.append(place)
    notes = [f"{truth.name}: numbers of {len(rows):,} pictures became wnids by {META}"]
    if len(rows) < len(lines):
        notes.append(f"{truth.name}: {len(lines) - len(rows):,} of its pictures are not there")
    return Table(
        truth.name,
        (config.columns.path, config.columns.labels[0]),
        tuple(rows),
        tuple(places),
        tuple(notes),
    )


def _pictures(folder: Path) -> Iterator[tuple[int, str]]:
    for entry in folder.iterdir() if folder.is_dir() else ():
        match = _PICTURE.fullmatch(entry.name)
        if match:
            yield int(match[1]), entry.name


def _wnids(folder: Path) -> dict[int, str]:
    """Return the wnid of each of the devkit's numbers; those above 1,000 are no single classes."""
    file = folder / META
    if not file.is_file():
        raise DataError(
            f"{TRUTH} has the devkit's own numbers, and {META}, which says which wnid each is, is "
            "not beside it; copy it there from ILSVRC2012_devkit_t12/data."
        )
    from scipy.io import loadmat

    try:
        synsets: Any = loadmat(file, squeeze_me=True)["synsets"]
        found = {int(each["ILSVRC2012_ID"]): str(each["WNID"]) for each in synsets}
    except Exception as error:  # scipy raises its own, KeyError, ValueError and more
        raise DataError(f"cannot read {META}: {str(error)[:200]}.") from error
    wrong = next((wnid for wnid in found.values() if not re.fullmatch(r"n\d{8}", wnid)), None)
    if wrong is not None:
        raise DataError(f"{META}: '{wrong[:40]}' is no wnid, such as n01440764.")
    return {number: wnid for number, wnid in found.items() if number <= 1000}
