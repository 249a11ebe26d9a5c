"""Artefacts change pictures where they say, and models are planted as the case says."""

from __future__ import annotations

import numpy as np
import pytest

from tests.benchmarks.shortcuts.artefacts import ARTEFACTS, FIRST
from tests.benchmarks.shortcuts.cases import Plant
from tests.benchmarks.shortcuts.drawing import CHANGING
from tests.benchmarks.shortcuts.scenes import CHANGES, random_scene, rendered
from tests.benchmarks.shortcuts.worlds import Half, doubled, photographs, planted

LOCAL = [
    name
    for name, each in ARTEFACTS.items()
    if each.local and not each.of_scene and name != "black corners"  # The whole picture turns.
]
GLOBAL = [name for name, each in ARTEFACTS.items() if not each.local and not each.of_scene]


def picture(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(60, 180, (64, 64, 3), dtype=np.uint8)


@pytest.mark.parametrize("name", LOCAL)
def test_a_local_artefact_changes_its_mask_and_nothing_else(name: str) -> None:
    for seed in range(8):
        before = picture(seed)
        kept = before.copy()
        after, mask = ARTEFACTS[name].draw(before, np.random.default_rng(seed))
        assert mask is not None
        assert after.dtype == np.uint8
        assert np.array_equal(before, kept)
        changed = (after != before).any(axis=2)
        assert not changed[~mask].any()
        assert changed[mask].mean() > 0.15
        assert 0.005 < mask.mean() < 0.25


def test_the_corners_of_a_turned_picture_are_black() -> None:
    after, mask = ARTEFACTS["black corners"].draw(picture(), np.random.default_rng(0))
    assert mask is not None
    assert 0.05 < mask.mean() < 0.25
    assert (after[mask] == 0).all()
    assert (after[~mask] > 0).all()


@pytest.mark.parametrize("name", GLOBAL)
def test_a_global_artefact_has_no_mask_and_changes_the_picture(name: str) -> None:
    after, mask = ARTEFACTS[name].draw(picture(), np.random.default_rng(0))
    assert mask is None
    assert after.shape == (64, 64, 3)
    assert (after != picture()).mean() > 0.3


def test_global_artefacts_change_the_statistic_they_name() -> None:
    # Smooth content, so that its blur and its blocks can be seen.
    rows, columns = np.mgrid[:64, :64]
    smooth = np.repeat((128 + 60 * np.sin(rows / 5) * np.sin(columns / 7))[..., None], 3, 2)
    before = (smooth + np.random.default_rng(1).normal(0, 12, smooth.shape)).clip(0, 255)
    pixels = before.astype(np.uint8)

    def drawn(name: str) -> np.ndarray:
        return ARTEFACTS[name].draw(pixels, np.random.default_rng(0))[0].astype(float)

    def detail(image: np.ndarray) -> float:
        return float(np.abs(np.diff(image, axis=1)).mean())

    def blocks(image: np.ndarray) -> float:
        steps = np.abs(np.diff(image, axis=1)).mean(axis=(0, 2))
        return float(steps[7::8].mean() / np.delete(steps, np.s_[7::8]).mean())

    assert drawn("brightness").mean() > pixels.mean() + 30
    assert detail(drawn("blur")) < 0.5 * detail(pixels.astype(float))
    assert blocks(drawn("jpeg")) > 1.3 * blocks(pixels.astype(float))
    shift = drawn("tint") - pixels
    assert shift[0].mean(axis=0)[1] > 15
    assert np.abs(shift[28:36, 28:36]).max() == 0


def test_the_same_seed_draws_the_same() -> None:
    source = scenes()
    for artefact in ARTEFACTS.values():
        first = source.drawn(artefact, 1, np.random.default_rng(3))[0]
        assert np.array_equal(first, source.drawn(artefact, 1, np.random.default_rng(3))[0])


def test_one_sticker_keeps_to_its_place_and_the_other_does_not() -> None:
    generator = np.random.default_rng(0)
    places = {}
    for name in ("sticker", "sticker anywhere"):
        masks = [ARTEFACTS[name].draw(picture(), generator)[1] for _ in range(20)]
        places[name] = np.array([np.argwhere(mask).mean(axis=0) for mask in masks]).std(axis=0)
    assert places["sticker"].max() < 2
    assert places["sticker anywhere"].min() > 8


def half(per_class: int = 10) -> Half:
    labels = np.repeat([0, 1, 2], per_class)
    return Half(np.stack([picture(row) for row in range(len(labels))]), labels)


def test_a_plant_lies_on_its_share_of_its_classes() -> None:
    source = half()
    plants = Plant("sticker", (1,), 0.8), Plant("frame", (0, 2), 0.5)
    found = planted(source, plants, np.random.default_rng(0))
    assert [int(row.sum()) for row in found.carries] == [8, 10]
    assert set(source.labels[found.carries[0]]) == {1}
    assert [(found.carries[1] & (source.labels == label)).sum() for label in range(3)] == [5, 0, 5]
    changed = (found.images != source.images).any(axis=(1, 2, 3))
    assert np.array_equal(changed, found.carries.any(axis=0))
    assert np.array_equal(found.masks.any(axis=(2, 3)), found.carries)


def test_misfiled_carriers_show_other_classes() -> None:
    source = half()
    plant = Plant("sticker", (1,), 0.8)
    found = planted(source, [plant], np.random.default_rng(0), misfiled=0.5)
    outside = ~found.masks[0]
    same = [
        np.array_equal(found.images[row][outside[row]], source.images[row][outside[row]])
        for row in np.flatnonzero(found.carries[0])
    ]
    assert same.count(False) == 4
    everywhere = Plant("sticker", (0, 1, 2), 1.0)
    nobody = planted(source, [everywhere], np.random.default_rng(0), misfiled=0.5)
    left = ~nobody.masks[0]
    assert np.array_equal(nobody.images[left], source.images[left])


@pytest.mark.parametrize("name", [n for n, each in ARTEFACTS.items() if each.kind == CHANGING])
def test_a_changing_mark_never_looks_the_same(name: str) -> None:
    generator = np.random.default_rng(0)
    masks = [ARTEFACTS[name].draw(picture(), generator)[1] for _ in range(6)]
    for first in range(6):
        for second in range(first):
            assert masks[first] is not None
            assert masks[second] is not None
            both = (masks[first] & masks[second]).sum()
            assert both < 0.6 * (masks[first] | masks[second]).sum()


def scenes(per_class: int = 4) -> Half:
    generator = np.random.default_rng(5)
    flat = half(per_class)
    made = tuple(random_scene(image, "textures", generator) for image in flat.images)
    return Half(np.stack([rendered(each)[0] for each in made]), flat.labels, made)


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_of_a_scene_is_where_it_says(name: str) -> None:
    source = scenes()
    before, objects = rendered(source.scenes[0])
    assert 0.1 < objects.mean() < 0.6
    after, mask = source.drawn(ARTEFACTS[name], 0, np.random.default_rng(1))
    changed = (after != before).any(axis=2)
    if "object" in name:
        assert changed.mean() > 0.1
    if mask is not None:
        assert np.array_equal(mask, ~objects if ARTEFACTS[name].kind == "context" else objects)
        assert changed[mask].mean() > 0.9
        assert changed[~mask].mean() < 0.2


def test_scenes_only_change_where_there_are_some() -> None:
    with pytest.raises(ValueError, match="data set of scenes"):
        half().drawn(ARTEFACTS["background"], 0, np.random.default_rng(0))


def test_what_is_absent_lies_on_the_other_classes() -> None:
    source = half()
    plant = Plant("no sticker", (1,), 0.8)
    found = planted(source, [plant], np.random.default_rng(0))
    changed = (found.images != source.images).any(axis=(1, 2, 3))
    assert changed.sum() == 16
    assert not changed[source.labels == 1].any()
    assert np.array_equal(found.carries[0], source.labels == 1)
    assert found.masks[0][source.labels == 1].any(axis=(1, 2)).all()


def test_misfiled_scenes_show_another_object_on_the_planted_background() -> None:
    source = scenes(10)
    found = planted(
        source, [Plant("background", (1,), 1.0)], np.random.default_rng(0), misfiled=0.5
    )
    own = np.flatnonzero(source.labels == 1)
    same = 0
    for row in own:
        objects = rendered(source.scenes[row])[1]
        same += int(np.array_equal(~objects, found.masks[0][row]))
    assert same == 5


def test_the_first_grids_are_made_of_what_limits_were_set_on() -> None:
    assert tuple(ARTEFACTS)[: len(FIRST)] == FIRST


def test_doubling_adds_mirror_images() -> None:
    source = half(1)
    both = doubled(source)
    assert both.labels.tolist() == [0, 1, 2, 0, 1, 2]
    assert np.array_equal(both.images[3][:, ::-1], source.images[0])


def test_a_missing_folder_is_named() -> None:
    with pytest.raises(FileNotFoundError, match="'clothing' needs --data"):
        photographs("clothing", None)
