"""Pasting regions without the search: the naive baseline, and the score of a member by a region."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from auditor.demo.training import to_inputs
from auditor.shortcuts.propose.heat import smoothed_positive
from auditor.shortcuts.propose.windows import dictionary, masks_of, place
from tests.benchmarks.shortcuts.audited import Audited
from tests.benchmarks.shortcuts.baselines import LEAST, Verdict

NAIVE = "naive transplant"
TARGETS = 6
SHAPE = "small square"
GAP = "background gap"
MIDDLE = 0.7  # of half the side: an ellipse of two fifths of the picture


def naive(
    audited: Audited, output: int
) -> tuple[Verdict, Bool[np.ndarray, "member height width"]] | None:
    """Paste every member's most relevant square into pictures of other classes, uncontrolled.

    Members score by the mean margin gained, the class by the share of pictures that turn into it,
    over the quarter of members with most. Also returns the squares. None: too few members.
    """
    rows = audited.members(output)
    if len(rows) < LEAST:
        return None
    heat = smoothed_positive(audited.heatmaps[rows])
    size = (heat.shape[1], heat.shape[2])
    shape = next(each for each in dictionary(*size) if each.name == SHAPE)
    masks = masks_of(place(heat, shape), shape, size)
    return _pasted_into_others(audited, output, rows, masks), masks


def background_gap(
    audited: Audited, output: int
) -> tuple[Verdict, Bool[np.ndarray, "member height width"]] | None:
    """Paste every member's surround, all but an ellipse in the middle, into pictures of others.

    The background gap of Xiao et al. 2021 without masks of objects. Scores are those of `naive`.
    """
    rows = audited.members(output)
    if len(rows) < LEAST:
        return None
    height, width = audited.heatmaps.shape[1:]
    lines, columns = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    outside = lines**2 + columns**2 > MIDDLE**2
    masks = np.broadcast_to(outside, (len(rows), height, width))
    return _pasted_into_others(audited, output, rows, masks), masks


def _pasted_into_others(
    audited: Audited, output: int, rows: np.ndarray, masks: np.ndarray
) -> Verdict:
    targets = _targets(audited, output, np.random.default_rng([5, output]))[:TARGETS]
    gains, turned = np.zeros((len(rows), len(targets))), np.zeros((len(rows), len(targets)))
    for column, target in enumerate(targets):
        logits = _pasted(audited, rows, masks, int(target))
        before = audited.samples.logits[target][None]
        gains[:, column] = _margin(logits, output) - _margin(before, output)
        turned[:, column] = logits.argmax(axis=1) == output
    top = np.sort(turned.mean(axis=1))[::-1][: max(1, len(rows) // 4)]
    return Verdict(gains.mean(axis=1), float(top.mean()))


def region_gains(
    audited: Audited,
    output: int,
    rows: Int[np.ndarray, "member"],
    masks: Bool[np.ndarray, "member height width"],
) -> Float[np.ndarray, "member"]:
    """Return the margin each member's region gains over another picture's content there.

    The mean over `TARGETS` pictures of other classes, the content from as many others.
    """
    chosen = _targets(audited, output, np.random.default_rng([6, output]))
    if len(chosen) < 2:
        return np.zeros(len(rows))
    half = min(TARGETS, len(chosen) // 2)
    gains = np.zeros((len(rows), half))
    for column, (target, filler) in enumerate(
        zip(chosen[:half], chosen[half : 2 * half], strict=True)
    ):
        with_region = _pasted(audited, rows, masks, int(target))
        without = _pasted(audited, np.full(len(rows), filler), masks, int(target))
        gains[:, column] = _margin(with_region, output) - _margin(without, output)
    mean: np.ndarray = gains.mean(axis=1)
    return mean


def _targets(
    audited: Audited, output: int, generator: np.random.Generator
) -> Int[np.ndarray, "target"]:
    samples = audited.samples
    rows = np.flatnonzero((samples.labels != output) & (samples.prediction != output))
    shuffled: np.ndarray = generator.permutation(rows)
    return shuffled


def _pasted(
    audited: Audited, rows: np.ndarray, masks: np.ndarray, target: int
) -> Float[np.ndarray, "member output"]:
    images = audited.subject.images
    mixed = np.where(masks[..., None], images[rows], images[target][None])
    with torch.no_grad():
        parts = [audited.subject.model(batch) for batch in torch.split(to_inputs(mixed), 256)]
    logits: np.ndarray = torch.cat(parts).numpy()
    return logits


def _margin(logits: Float[np.ndarray, "sample output"], output: int) -> np.ndarray:
    others = np.delete(logits, output, axis=1).max(axis=1)
    margins: np.ndarray = logits[:, output] - others
    return margins
