"""Bring what shows an earlier audit's findings into the run that is compared with it."""

from __future__ import annotations

from pathlib import Path

from auditor.base.errors import IntegrityError
from auditor.report.document.review import Comparison, FindingChange
from auditor.report.show.picture_store import read_image
from auditor.run.manifest import write_listed


def with_pictures(comparison: Comparison, earlier: Path, now: Path) -> Comparison:
    """Copy the earlier findings' pictures from run ``earlier`` into run ``now``.

    Pictures are named by content, so nothing is overwritten. One that is missing or changed there
    is not shown; the comparison stands without it.
    """
    brought: dict[str, bytes] = {}
    changes = [_shown(change, earlier / "images", brought) for change in comparison.findings]
    write_listed(now, {f"images/{name}": content for name, content in brought.items()})
    return comparison.model_copy(update={"findings": changes})


def _shown(change: FindingChange, source: Path, brought: dict[str, bytes]) -> FindingChange:
    picture = change.earlier_picture
    if picture is None:
        return change
    try:
        brought[picture.file] = read_image(source, picture.file)
    except IntegrityError:
        return change.model_copy(update={"earlier_picture": None})
    return change
