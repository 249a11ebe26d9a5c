"""Bring what shows an earlier audit's findings into the run that is compared with it."""

from __future__ import annotations

from pathlib import Path

from auditor.errors import IntegrityError
from auditor.report.images import read_image
from auditor.report.review_parts import Comparison, FindingChange
from auditor.runfolder import write_atomic


def with_pictures(comparison: Comparison, earlier: Path, now: Path) -> Comparison:
    """Copy the earlier findings' pictures from run ``earlier`` into run ``now``.

    Pictures are named by content, so nothing is overwritten. One that is missing or changed there
    is not shown; the comparison stands without it.
    """
    changes = [
        _copied(change, earlier / "images", now / "images") for change in comparison.findings
    ]
    return comparison.model_copy(update={"findings": changes})


def _copied(change: FindingChange, source: Path, target: Path) -> FindingChange:
    picture = change.earlier_picture
    if picture is None:
        return change
    try:
        data = read_image(source, picture.file)
    except IntegrityError:
        return change.model_copy(update={"earlier_picture": None})
    if not (target / picture.file).exists():
        write_atomic(target / picture.file, data)
    return change
