"""The one place that writes ``review.json``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from auditor.report.document.review import Review
from auditor.report.show.render import read_review
from auditor.run.manifest import write_listed


def update_review(run: Path, name: str, *, as_of: str, **parts: Any) -> Review:
    """Put ``parts`` of a review into the run's review.json, keep its others, and return it.

    ``name`` is the id of the audit, ``as_of`` the day (YYYY-MM-DD) on which expiry was judged. A
    judgement rests on the comparison and the decisions: where these change without a new one, it
    is taken out.

    Raises:
        IntegrityError: the review.json that is there cannot be read, or is of another audit.
        StorageError: it cannot be written.
    """
    before = read_review(run) or Review(run=name, as_of=as_of)
    document = before.model_dump() | {"run": name, "as_of": as_of}
    review = Review.model_validate(document | parts)
    moved = (before.comparison, before.decisions) != (review.comparison, review.decisions)
    if moved and "judgement" not in parts:
        review = review.model_copy(update={"judgement": None})
    write_listed(run, {"review.json": review.model_dump_json(indent=1).encode()})
    return review
