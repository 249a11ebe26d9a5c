"""Near-duplicates are told from pictures that are merely alike, left out, and counted."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from auditor.concepts.duplicates import ALIKE, first_of_each, likeness
from auditor.concepts.references import references
from auditor.demo.photographs import cut_crops
from auditor.relevance.over_data.fingerprints import fingerprints


def jpeg(image: np.ndarray) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=70)
    return np.asarray(Image.open(file).convert("RGB"))


CHANGES = {
    "saved again": jpeg,
    "darker": lambda image: (image * 0.7).astype(np.uint8),
    "half size": lambda image: np.asarray(Image.fromarray(image).resize((32, 32)).resize((64, 64))),
}


def prints(images: np.ndarray) -> np.ndarray:
    return fingerprints(torch.tensor(images).permute(0, 3, 1, 2) / 255).numpy()


@pytest.fixture(scope="module")
def crops() -> np.ndarray:
    return cut_crops("val", 12, clean=True, rng=np.random.default_rng(0)).images


@pytest.mark.parametrize("change", CHANGES)
def test_changed_pictures_are_near_duplicates(crops: np.ndarray, change: str) -> None:
    changed = np.stack([CHANGES[change](image) for image in crops])
    both = likeness(np.concatenate([prints(crops), prints(changed)]))
    own = np.diagonal(both[: len(crops), len(crops) :])
    assert (own >= ALIKE).mean() > 0.9


def test_crops_of_one_texture_are_not(crops: np.ndarray) -> None:
    assert (likeness(prints(crops)) >= ALIKE).mean() < 0.005


def test_plain_pictures_are_like_nothing() -> None:
    plain = prints(np.full((3, 64, 64, 3), 80, dtype=np.uint8))
    assert not likeness(plain).any()


def test_likeness_equals_the_slow_twin(crops: np.ndarray) -> None:
    found = prints(crops[:8])
    fast = likeness(found)
    for a, first in enumerate(found):
        for b, second in enumerate(found):
            one = {place for place in range(2048) if first[place // 8] >> (place % 8) & 1}
            two = {place for place in range(2048) if second[place // 8] >> (place % 8) & 1}
            assert fast[a, b] == pytest.approx(len(one & two) / len(one | two) if a != b else 0)


def test_the_first_of_each_is_kept() -> None:
    alike = np.zeros((4, 4), dtype=bool)
    # A chain: the third is like the second, which was not kept, so it stays.
    for a, b in ((0, 1), (1, 2)):
        alike[a, b] = alike[b, a] = True
    assert first_of_each(alike).tolist() == [True, False, True, True]


def test_references_leave_them_out_and_count(make_samples, make_layer, crops: np.ndarray) -> None:
    images = np.stack([crops[0], jpeg(crops[0]), crops[20], crops[40], jpeg(crops[20]), crops[50]])
    scores = np.array([[9.0, 1.0], [8.0, 2.0], [7.0, 3.0], [6.0, 4.0], [5.0, 5.0], [4.0, 6.0]])
    samples = make_samples(np.zeros(6, dtype=int))
    layer = make_layer(scores)
    plain = references(layer, samples, k=3, origin="relevance")
    assert plain.rows.tolist() == [[0, 1, 2], [5, 4, 3]]
    assert plain.left_out is None
    known = replace(samples, fingerprint=prints(images))
    found = references(layer, known, k=3, origin="relevance")
    assert found.rows.tolist() == [[0, 2, 3], [5, 4, 3]]
    assert found.left_out.tolist() == [1, 0]
    assert found.scores.tolist() == [[9.0, 7.0, 6.0], [6.0, 5.0, 4.0]]
    everything = references(layer, known, k=6, origin="relevance")
    assert everything.rows.tolist() == [[0, 2, 3, 5, -1, -1], [5, 4, 3, 1, -1, -1]]
    assert everything.left_out.tolist() == [2, 2]
