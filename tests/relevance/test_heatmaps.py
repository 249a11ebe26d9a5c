"""What heatmaps ask of the engine: each image once, the right conditions, in the right order."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import pytest
import torch

from auditor.base.errors import DataError
from auditor.concepts.similarity import similarity_matrix
from auditor.records.stages import References
from auditor.relevance.explainer import Explainer
from auditor.relevance.over_data.heatmaps import (
    HeatmapRequest,
    MapRequest,
    activation_products,
    concept_maps,
    heatmaps,
    plain_heatmaps,
    sample_concept_maps,
)

SAMPLES, LAYER = 9, "2"


@dataclass
class Pictures:
    """Random images; remembers what was loaded."""

    images: torch.Tensor
    broken: frozenset[int] = frozenset()
    loaded: list[int] = field(default_factory=list)

    def __call__(self, rows):
        if self.broken & set(rows):
            raise DataError("sample 3 is not what it was")
        self.loaded += list(rows)
        return self.images[list(rows)]


@dataclass
class Counting:
    """The engine, with the images of every call counted."""

    engine: Explainer
    forwarded: list[int] = field(default_factory=list)
    pairs: list[int] = field(default_factory=list)

    def paired_heatmaps(self, images, layer, samples, concepts, targets=None, positions=None):
        self.forwarded.append(len(images))
        self.pairs.append(len(samples))
        return self.engine.paired_heatmaps(images, layer, samples, concepts, targets, positions)

    def __getattr__(self, name):
        return getattr(self.engine, name)


@pytest.fixture(scope="module")
def network():
    """A small network of random weights."""
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.Conv2d(4, 6, 3, padding=1, stride=2),
        torch.nn.ReLU(),
        torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(),
        torch.nn.Linear(6, 5),
    ).eval()


@pytest.fixture(scope="module")
def explainer(network):
    """The engine on the small network."""
    return Explainer(network, torch.zeros(1, 3, 12, 12))


@pytest.fixture
def pictures():
    """Nine images."""
    return Pictures(torch.randn(SAMPLES, 3, 12, 12, generator=torch.Generator().manual_seed(1)))


@pytest.fixture
def targets():
    """The explained output of each sample."""
    return np.array([0, 1, 2, 3, 4, 0, 1, 2, 3])


def request(row, concepts, *, output=None, peak=None, origin="relevance"):
    """Return a request with a score of its own."""
    score = 10.0 * row + concepts[0]
    return MapRequest(LAYER, concepts, output, origin, row, score, peak)


REQUESTS = [
    request(7, (2,), peak=5),
    request(3, (0, 4)),
    request(7, (2,), peak=5, origin="activation"),
    request(7, (1,), output=4, peak=0),
    request(0, (5,), peak=35),
    request(7, (2,), output=2, peak=5),
    request(1, (3,), peak=14),
]


@pytest.mark.parametrize("batch", [1, 2, 16])
def test_concept_maps_equal_one_request_at_a_time(explainer, pictures, targets, batch):
    found = concept_maps(explainer, pictures, REQUESTS, targets, batch=batch)
    assert len(found) == len(REQUESTS)
    for asked, (heatmap, at_peak) in zip(REQUESTS, found, strict=True):
        target = int(targets[asked.row]) if asked.output is None else asked.output
        for position, given in ((None, heatmap), (asked.peak, at_peak)):
            if position is None and given is at_peak:
                continue
            alone = explainer.paired_heatmaps(
                pictures.images[[asked.row]],
                LAYER,
                [0],
                [asked.concepts],
                torch.tensor([target]),
                [position],
            )[0].numpy()
            assert given.dtype == np.float32
            np.testing.assert_allclose(given, alone, rtol=1e-4, atol=1e-6)
        assert (at_peak is None) == (asked.peak is None)


def test_maps_differ_by_concept_class_and_position(explainer, pictures, targets):
    found = concept_maps(explainer, pictures, REQUESTS, targets)
    (first, field), (other, _) = found[0], found[3]
    assert np.abs(first).max() > 0
    assert not np.allclose(first, other)
    assert not np.allclose(first, field)


def test_each_image_runs_once_and_equal_requests_share_a_sweep(explainer, pictures, targets):
    counting = Counting(explainer)
    concept_maps(counting, pictures, REQUESTS, targets, batch=16)
    assert sorted(pictures.loaded) == [0, 1, 3, 7]
    assert counting.forwarded == [5]
    assert counting.pairs == [9]


def test_layers_are_asked_one_after_the_other(explainer, pictures, targets):
    requests = [request(1, (0,)), replace(request(1, (0,)), layer="0"), request(2, (1,))]
    found = concept_maps(explainer, pictures, requests, targets)
    for asked, (heatmap, _) in zip(requests, found, strict=True):
        alone = explainer.conditional_heatmaps(
            pictures.images[[asked.row]],
            layer=asked.layer,
            concepts=[asked.concepts[0]],
            targets=torch.tensor([asked.row]),
        )[0, 0]
        np.testing.assert_allclose(heatmap, alone.numpy(), rtol=1e-4, atol=1e-6)


def test_progress_counts_the_heatmaps(explainer, pictures):
    done = []
    requests = [HeatmapRequest(LAYER, row, 1, (0, 2)) for row in (3, 1, 3)]
    found = heatmaps(explainer, pictures, requests, batch=1, progress=done.append)
    assert sum(done) == len(requests)
    np.testing.assert_array_equal(found[0], found[2])


def test_no_request_needs_no_image(explainer, pictures, targets):
    assert concept_maps(explainer, pictures, [], targets) == []
    assert pictures.loaded == []


def test_plain_heatmaps_explain_the_asked_output(explainer, pictures):
    found = plain_heatmaps(explainer, pictures, [6, 2, 6], [0, 1, 3], batch=2)
    assert found.shape == (3, 12, 12)
    assert found.dtype == np.float32
    for row, target, heatmap in zip([6, 2, 6], [0, 1, 3], found, strict=True):
        alone = explainer.explain(pictures.images[[row]], torch.tensor([target])).heatmap
        np.testing.assert_allclose(heatmap, alone[0].numpy(), rtol=1e-4, atol=1e-6)
    assert plain_heatmaps(explainer, pictures, [], []).shape == (0, 0, 0)


def test_all_concepts_of_a_sample_sum_to_its_plain_heatmap(explainer, pictures):
    maps = sample_concept_maps(explainer, pictures, LAYER, 4, 3, list(range(6)))
    plain = plain_heatmaps(explainer, pictures, [4], [3])[0]
    assert maps.shape == (6, 12, 12)
    np.testing.assert_allclose(maps.sum(axis=0), plain, rtol=1e-3, atol=1e-5)
    assert sample_concept_maps(explainer, pictures, LAYER, 4, 3, []).shape == (0, 12, 12)


@pytest.mark.parametrize("batch", [1, 2, 16])
def test_activation_products_equal_concatenated_vectors(explainer, pictures, batch):
    rows = np.array([[0, 3, -1], [3, 4, 8], [-1, -1, -1], [8, 0, 5], [1, -1, -1], [2, 3, 4]])
    blank = np.zeros(rows.shape)
    references = References(LAYER, "relevance", None, rows, blank, blank.astype(int))
    compared = [5, 0, 3, 2]
    found = activation_products(explainer, pictures, LAYER, references, compared, batch=batch)
    activation = explainer.activations(pictures.images, [LAYER])[LAYER].clamp(min=0).double()

    def vector(concept, of):
        parts = [activation[row, concept].flatten() for row in rows[of] if row >= 0]
        return torch.cat(parts) if parts else torch.zeros(0, dtype=torch.float64)

    for i, q in enumerate(compared):
        for j, p in enumerate(compared):
            own, other = vector(q, q), vector(p, q)
            assert found[0][i, j] == pytest.approx(float(own @ other), rel=1e-6)
            assert found[1][i, j] == pytest.approx(float(other @ other), rel=1e-6)
    assert sorted(pictures.loaded) == [0, 2, 3, 4, 5, 8]
    similarity = similarity_matrix(*found)
    assert np.array_equal(similarity, similarity.T)
    assert not found[0][3].any()


@pytest.mark.parametrize("ask", ["concept_maps", "plain", "sample", "products"])
def test_what_loading_raises_goes_through(explainer, pictures, targets, ask):
    pictures.broken = frozenset({3})
    references = References(
        LAYER, "relevance", None, np.array([[3]]), np.ones((1, 1)), np.zeros((1, 1), dtype=int)
    )
    asked = {
        "concept_maps": partial(concept_maps, explainer, pictures, REQUESTS, targets),
        "plain": partial(plain_heatmaps, explainer, pictures, [1, 3], [0, 0]),
        "sample": partial(sample_concept_maps, explainer, pictures, LAYER, 3, 0, [1]),
        "products": partial(activation_products, explainer, pictures, LAYER, references, [0]),
    }
    with pytest.raises(DataError, match="sample 3 is not what it was"):
        asked[ask]()
