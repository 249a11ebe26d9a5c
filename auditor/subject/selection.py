"""Which samples are audited: some of the classes, and a seeded, stratified random sample."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from auditor.base.errors import DataError, UnknownNameError
from auditor.base.streams import stream
from auditor.language.speaking import N_

OTHER_CLASS = N_("of a class that was not asked for")


def select(
    labels: Sequence[str],
    names: Sequence[str],
    *,
    classes: Sequence[str] | None,
    limit: int | None,
    seed: int,
) -> tuple[int, ...]:
    """Return the positions of ``classes`` (None: all), at most ``limit`` of them, stratified.

    Raises:
        UnknownNameError: a class that the data does not name.
        DataError: no sample is left.
    """
    for name in classes or ():
        if name not in names:
            raise UnknownNameError("class in data.classes; the data has no such label", name, names)
    wanted = set(names if classes is None else classes)
    kept = [index for index, label in enumerate(labels) if label in wanted]
    if not kept:
        raise DataError(
            f"no picture is labelled {', '.join(classes or names)}; "
            f"the data has pictures of {', '.join(sorted(set(labels))[:10]) or 'nothing'}."
        )
    if limit is not None and limit < len(kept):
        chosen = stratified_sample([labels[index] for index in kept], limit, seed)
        kept = [kept[position] for position in chosen]
    return tuple(kept)


def stratified_sample(labels: Sequence[str], limit: int, seed: int) -> list[int]:
    """Return ``limit`` positions drawn without replacement, per label as ``allocate`` says.

    Which of a label's samples are drawn depends on no other label.
    """
    names, member_of = np.unique(np.array(labels, dtype=object), return_inverse=True)
    counts = np.bincount(member_of, minlength=len(names))
    sizes = allocate(counts, limit, stream(seed, "sizes of the sample"))
    chosen: list[int] = []
    for stratum, size in enumerate(sizes):
        members = np.flatnonzero(member_of == stratum)
        drawn = stream(seed, "sample", names[stratum]).choice(members, size=size, replace=False)
        chosen.extend(int(index) for index in drawn)
    return sorted(chosen)


def allocate(
    counts: Int[np.ndarray, "stratum"], limit: int, rng: np.random.Generator
) -> Int[np.ndarray, "stratum"]:
    """Share ``limit`` samples out in proportion to ``counts``, at least one each when possible.

    The result has the smallest sum of squared differences to the exact shares
    ``limit * counts / total`` among all whole numbers that keep the bounds; ties fall at random.
    """
    if limit >= counts.sum():
        return counts.copy()
    shares = limit * counts / counts.sum()
    least = 1 if limit >= len(counts) else 0
    sizes: Int[np.ndarray, "stratum"] = np.maximum(np.floor(shares).astype(np.int64), least)
    order = rng.permutation(len(counts))  # argmax takes the first of equals: here a random one
    while sizes.sum() != limit:
        lacking = (shares - sizes)[order]
        if sizes.sum() < limit:
            lacking[(sizes >= counts)[order]] = -np.inf
            sizes[order[np.argmax(lacking)]] += 1
        else:
            lacking[(sizes <= least)[order]] = np.inf
            sizes[order[np.argmin(lacking)]] -= 1
    return sizes
