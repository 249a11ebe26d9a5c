"""The contact sheet of a case: pictures with the artefact, what the model saw, what was found."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, UInt8
from matplotlib import colormaps
from PIL import Image

from auditor.records.stages import ShortcutReport
from tests.benchmarks.shortcuts.audited import Audited
from tests.benchmarks.shortcuts.manipulation import Effect
from tests.benchmarks.shortcuts.worlds import Planted

SHOWN = 4
SCALE = 2
GAP = 4
ARTEFACT, FOUND, SECOND = (0, 200, 0), (255, 0, 0), (255, 160, 0)


def write_sheet(
    path: Path,
    report: ShortcutReport,
    effects: Sequence[Effect],
    planted: Planted,
    audited: Audited,
) -> None:
    """Write one block of rows per planted class: pictures, heatmaps, regions.

    Columns are up to `SHOWN` members that carry the artefact. Green: the artefact; red: the best
    finding of the class; orange: the second one.
    """
    blocks = [_block(report, effect, planted, audited) for effect in effects[:2]]
    _write(path, blocks)


def write_alarms(
    path: Path, report: ShortcutReport, places: Sequence[int], audited: Audited
) -> None:
    """Write one block per finding that is no artefact: pictures, heatmaps, its region in red.

    ``places`` are those of the findings in the report; without any no file is written.
    """
    blocks = []
    for place in list(places)[:SHOWN]:
        candidate = report.findings[place].candidate
        columns = []
        for number in range(0, len(candidate.rows), max(1, len(candidate.rows) // SHOWN)):
            row = candidate.rows[number]
            picture = _large(audited.subject.images[row])
            outlined = _outlined(picture, candidate.masks[number], FOUND)
            parts = [picture, _coloured(audited.heatmaps[row]), outlined]
            columns.append(_stacked(parts, axis=0))
        if columns:
            blocks.append(_stacked(columns[:SHOWN], axis=1))
    if blocks:
        _write(path, blocks)


def _write(path: Path, blocks: Sequence[np.ndarray]) -> None:
    wide = max(block.shape[1] for block in blocks)
    padded = [
        np.pad(block, ((0, GAP), (0, wide - block.shape[1]), (0, 0)), constant_values=255)
        for block in blocks
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.concatenate(padded)).save(path)


def _block(
    report: ShortcutReport, effect: Effect, planted: Planted, audited: Audited
) -> UInt8[np.ndarray, "height width 3"]:
    members = audited.members(effect.output)
    carriers = members[planted.carries[effect.plant, members]]
    rows = carriers[:: max(1, len(carriers) // SHOWN)][:SHOWN]
    own = [each.candidate for each in report.findings if each.candidate.output == effect.output]
    columns = []
    for row in rows:
        picture = _large(planted.images[row])
        outlined = _outlined(picture, planted.masks[effect.plant, row], ARTEFACT)
        for candidate, colour in reversed(list(zip(own, (FOUND, SECOND), strict=False))):
            place = np.flatnonzero(candidate.rows == row)
            if len(place):
                outlined = _outlined(outlined, candidate.masks[place[0]], colour)
        columns.append(_stacked([picture, _coloured(audited.heatmaps[row]), outlined], axis=0))
    if not columns:
        return np.full((GAP, GAP, 3), 255, np.uint8)
    return _stacked(columns, axis=1)


def _stacked(parts: Sequence[np.ndarray], *, axis: int) -> np.ndarray:
    width = [(0, GAP), (0, 0)] if axis == 0 else [(0, 0), (0, GAP)]
    return np.concatenate(
        [np.pad(part, (*width, (0, 0)), constant_values=255) for part in parts], axis=axis
    )


def _large(picture: np.ndarray) -> UInt8[np.ndarray, "height width 3"]:
    return picture.repeat(SCALE, axis=0).repeat(SCALE, axis=1)


def _coloured(heatmap: Float[np.ndarray, "height width"]) -> UInt8[np.ndarray, "height width 3"]:
    limit = float(np.quantile(np.abs(heatmap), 0.995)) or 1.0
    colours = colormaps["seismic"]((np.clip(heatmap / limit, -1, 1) + 1) / 2)[..., :3]
    return _large((colours * 255).astype(np.uint8))


def _outlined(
    picture: UInt8[np.ndarray, "height width 3"],
    mask: Bool[np.ndarray, "small_height small_width"],
    colour: tuple[int, int, int],
) -> UInt8[np.ndarray, "height width 3"]:
    large = np.pad(_large(mask[..., None])[..., 0], 1)
    inner = large[:-2, 1:-1] & large[2:, 1:-1] & large[1:-1, :-2] & large[1:-1, 2:]
    marked = picture.copy()
    marked[large[1:-1, 1:-1] & ~inner] = colour
    return marked
