"""The rows that are audited, and what became of all that was found."""

from __future__ import annotations

from collections.abc import Collection as Names
from dataclasses import dataclass, replace

import numpy as np

from auditor.base.errors import DataError
from auditor.config.audit import Config
from auditor.language.speaking import gettext as _
from auditor.records.several import Several
from auditor.records.stages import Manifest
from auditor.subject.collection import UNREADABLE, Collection, ahead
from auditor.subject.copies import copies_note
from auditor.subject.found import BY_CHOICE, NOT_PICTURES, count_found, lost_classes
from auditor.subject.matching import Matching
from auditor.subject.selection import select
from auditor.subject.several import (
    count_labels,
    drawn_items,
    label_notes,
    label_rows,
    row_names,
    thresholds_of,
)
from auditor.subject.usable import nothing_usable, unreadable_note


@dataclass(frozen=True, eq=False)
class Rows:
    """The items that are audited, what each holds, and notes on them."""

    kept: Collection
    manifest: Manifest
    contents: tuple[str, ...]
    notes: tuple[str, ...]


def rows_of_labels(
    config: Config, everything: Collection, matching: Matching, known: tuple[str, ...] | None
) -> Rows:
    """Choose the pictures that are audited, and make a row of each label that is present.

    Raises:
        DataError: as `class_rows`.
        UnknownNameError: a threshold of no label.
    """
    assert everything.states is not None
    states, names = everything.states.states, matching.classes[:-1]
    chosen = drawn_items(states, config.data.limit, config.audit.seed)
    rows = label_rows(states, chosen, thresholds_of(config.model.threshold, names))
    counted = count_labels(states, chosen, matching.classes, everything.excluded)
    kept = everything.take(rows.item.tolist())
    pictures = kept.take(np.flatnonzero(rows.several.first).tolist())
    digests = known if known is None else _of_pictures(known, rows.several)
    seen, unreadable = _contents(pictures, digests)
    contents = tuple(seen[at] for at in rows.several.picture.tolist())
    kept = replace(kept, paths=row_names(kept.paths, rows.label.tolist(), matching.classes))
    manifest = Manifest(
        paths=kept.paths,
        labels=rows.label,
        classes=matching.classes,
        metadata=kept.metadata,
        excluded=counted.excluded,
        label_rule=_(
            "%(rule)s; a picture counts once for each label that is present (%(rows)s rows of "
            "%(pictures)s pictures)",
            rule=matching.rule,
            rows=len(rows.label),
            pictures=len(pictures),
        ),
        found=counted.found,
        not_pictures=NOT_PICTURES,
        by_choice=BY_CHOICE,
        several=rows.several,
    )
    notes = (
        *kept.notes,
        *label_notes(states, names),
        *unreadable_note(pictures, unreadable),
        *copies_note(pictures, seen),
    )
    return Rows(kept, manifest, contents, notes)


def _of_pictures(contents: tuple[str, ...], several: Several) -> tuple[str, ...]:
    """Return what the pictures held of which rows are known; all of them where rows differ."""
    if len(contents) != len(several.picture):
        return contents
    return tuple(contents[row] for row in np.flatnonzero(several.first).tolist())


def _contents(
    kept: Collection, known: tuple[str, ...] | None
) -> tuple[tuple[str, ...], dict[int, str]]:
    """Return what each item holds, and why some cannot be read; ``known``: what they held.

    Raises:
        DataError: none of them can be read, or they are not as many as are known.
    """
    contents = known or tuple(map(kept.reader.digest, ahead(kept.reader, range(len(kept)))))
    if len(contents) != len(kept):
        raise DataError(
            f"the data has {len(kept)} pictures to audit where it had {len(contents)} when the "
            "audit began: run the same command again."
        )
    unreadable = {
        row: content.removeprefix(UNREADABLE)
        for row, content in enumerate(contents)
        if content.startswith(UNREADABLE)
    }
    if len(unreadable) == len(kept):
        raise nothing_usable(kept.paths, unreadable, kept.reader)
    return contents, unreadable


def class_rows(
    config: Config,
    everything: Collection,
    wanted: Names[str],
    matching: Matching,
    known: tuple[str, ...] | None,
) -> Rows:
    """Choose the items that are audited, and account for all others; ``known``: what they held.

    Raises:
        DataError: none of them can be read, or they are not as many as are known.
    """
    chosen = select(
        everything.labels,
        everything.names,
        classes=config.data.classes,
        limit=config.data.limit,
        seed=config.audit.seed,
    )
    kept = everything.take(chosen)
    named = {label: matching.classes[output] for label, output in matching.outputs.items()}
    counted = count_found(everything, chosen, wanted, named)
    contents, unreadable = _contents(kept, known)
    manifest = Manifest(
        paths=kept.paths,
        labels=np.array([matching.outputs[label] for label in kept.labels], dtype=np.int64),
        classes=matching.classes,
        metadata=kept.metadata,
        excluded=counted.excluded,
        label_rule=matching.rule,
        found=counted.found,
        not_pictures=NOT_PICTURES,
        by_choice=BY_CHOICE,
    )
    notes = (
        *kept.notes,
        *lost_classes(counted, {named[label] for label in kept.labels}),
        *unreadable_note(kept, unreadable),
        *copies_note(kept, contents),
    )
    return Rows(kept, manifest, contents, notes)
