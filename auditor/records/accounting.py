"""What was found, used and set aside, by class: it adds up, or the audit stops.

Besides, whether the model's answers agree with how labels met its outputs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from auditor.base.errors import IntegrityError
from auditor.language.speaking import N_
from auditor.records.part import Number, Part
from auditor.records.stages import Manifest, Samples

OUTSIDE = ""
# Why a picture has no row that data.limit left out.
NOT_ASKED = N_("in a row that data.rows does not ask for")
BEYOND_LIMIT = N_("beyond the limit (stratified random sample)")


class ClassCount(Part):
    """What became of a class (`OUTSIDE`: of what belongs to none): found = used + set aside.

    ``set_aside`` counts by reason, most first; ``losses`` are those of ``pictures`` that were asked
    for and could not be used. ``share`` is how much of the class that is: of a random sample
    (``data.limit``) what its pictures tell.
    """

    name: str
    found: int
    used: int
    set_aside: dict[str, int]
    losses: dict[str, int]
    pictures: int
    share: Number

    @property
    def lost(self) -> int:
        """Number of pictures that could not be used."""
        return sum(self.losses.values())


class Agreement(Part):
    """How many of ``n`` pictures are right as labels met outputs, and by the best other assignment.

    ``better`` maps outputs as matched to outputs of the best assignment, None where no other one is
    far better; ``best_right`` is counted on pictures that the assignment was not chosen on.
    ``expected`` is how many would be right if answers had nothing to do with labels, ``below``
    whether the count is significantly under it. ``other`` counts those right by the other usual
    order of the labels, None where there is none.
    """

    n: int
    right: int
    best_right: int
    better: dict[int, int] | None
    expected: Number
    below: bool
    other: int | None = None
    settled: bool = True

    @property
    def contradicts(self) -> bool:
        """Tell whether the answers speak against how labels met outputs."""
        return self.better is not None or self.below


def accounts(samples: Samples) -> tuple[ClassCount, ...]:
    """Return the account of every class that anything was found of, in the order of outputs.

    Raises:
        IntegrityError: found is not used and set aside together.
    """
    manifest = samples.manifest
    rows = Counter(manifest.classes[int(label)] for label in manifest.labels)
    used = Counter(manifest.classes[int(label)] for label in manifest.labels[samples.valid])
    broken: dict[str, Counter[str]] = {}
    for label, reason, valid in zip(
        manifest.labels, samples.quarantine, samples.valid, strict=True
    ):
        if bool(valid) == (reason is not None):
            raise IntegrityError(
                "a picture is both used and set aside, or neither: the pass over the data "
                "contradicts itself. Delete the run folder and run the same command again."
            )
        if reason is not None:
            broken.setdefault(manifest.classes[int(label)], Counter())[reason] += 1
    found = dict(manifest.found) or _of_rows(manifest, rows)
    known = [name for name in manifest.classes if name in found]
    names = [*known, *sorted(set(found) - set(known) - {OUTSIDE})]
    names += [OUTSIDE] if OUTSIDE in found else []
    return tuple(
        _account(manifest, name, found[name], used[name], broken.get(name, Counter()))
        for name in names
    )


def lost_share(of: Iterable[ClassCount]) -> float:
    """Return how much of all pictures is lost, from 0 to 1."""
    kept = total = 0.0
    for each in of:
        total += each.pictures
        kept += each.pictures * (1 - each.share)
    return 1 - kept / total if total else 0.0


def _of_rows(manifest: Manifest, rows: Mapping[str, int]) -> dict[str, int]:
    """Return what was found where the source did not count it: rows and what was left out."""
    left = {name: sum(reasons.values()) for name, reasons in manifest.excluded.items()}
    return {name: rows.get(name, 0) + left.get(name, 0) for name in {*rows, *left}}


def _account(
    manifest: Manifest, name: str, found: int, used: int, broken: Mapping[str, int]
) -> ClassCount:
    left = manifest.excluded.get(name, {})
    quarantined = sum(broken.values())
    if found != used + quarantined + sum(left.values()):
        raise IntegrityError(
            f"of '{name or 'no class'}' {found} were found, but {used} are used and "
            f"{quarantined + sum(left.values())} set aside: the counts contradict each other. "
            "Delete the run folder and run the same command again."
        )
    no_loss = (*manifest.not_pictures, *manifest.by_choice)
    lost = {reason: count for reason, count in left.items() if reason not in no_loss}
    excluded = sum(lost.values())
    aside = sum(left.get(reason, 0) for reason in manifest.not_pictures)
    pictures = excluded if name == OUTSIDE else found - aside
    # A limit draws from what is left after `excluded`, and says of it what share is broken.
    kept = (1 - excluded / pictures) if pictures else 1.0
    if used + quarantined:
        kept *= used / (used + quarantined)
    return ClassCount(
        name=name,
        found=found,
        used=used,
        set_aside=_joined(left, broken),
        losses=_joined(lost, broken),
        pictures=pictures,
        share=1 - kept,
    )


def _joined(left: Mapping[str, int], broken: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted((Counter(left) + Counter(broken)).items(), key=_most))


def _most(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]
