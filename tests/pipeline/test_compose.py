"""Composition graphs of a net whose parts are known, and the words where there is no graph."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from auditor.concepts.composition import shares
from auditor.pipeline.compose import Composer
from auditor.records.shortcuts import Plausibility, SearchLimits
from auditor.records.stages import (
    Candidate,
    Finding,
    LayerRelevance,
    Manifest,
    Samples,
    ShortcutReport,
)
from auditor.relevance.explainer import Explainer
from auditor.relevance.over_data.flows import chain_of
from auditor.report.document.result import CompositionPart
from auditor.report.show.picture_store import ImageStore
from tests.relevance.test_composition import Planted

SIDE, COUNT = 16, 5


@dataclass(frozen=True)
class Images:
    """A subject of grey pictures of growing brightness."""

    def load(self, rows: Sequence[int]) -> torch.Tensor:
        level = torch.tensor([1.0 + row for row in rows], dtype=torch.float64)
        return level[:, None, None, None].expand(-1, 3, SIDE, SIDE)

    def picture(self, row: int) -> np.ndarray:
        return np.full((SIDE, SIDE, 3), 40 * row, dtype=np.uint8)


class Deep(nn.Module):
    """Four layers of positive weights: relevance of a path is the product along it."""

    def __init__(self) -> None:
        super().__init__()
        sizes = {"low": (3, 4), "middle": (4, 3), "high": (3, 5)}
        generator = torch.Generator().manual_seed(0)
        for name, (inputs, outputs) in sizes.items():
            layer = nn.Conv2d(inputs, outputs, 1, bias=False)
            layer.weight.data = torch.rand(outputs, inputs, 1, 1, generator=generator)
            self.add_module(name, layer)
        self.head = nn.Linear(5, 2, bias=False)
        weight = torch.rand(1, 5, generator=generator)
        self.head.weight.data = torch.cat([weight, weight / 2])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.middle(torch.relu(self.low(x))))
        return self.head(torch.relu(self.high(x)).mean((2, 3)))


def composer(
    *,
    keep: int = 3,
    layers: tuple[str, ...] = ("lower", "upper"),
    model: nn.Module | None = None,
    **net,
) -> Composer:
    model = (Planted(**net) if model is None else model).double().eval()
    explainer = Explainer(model, torch.ones(1, 3, SIDE, SIDE).double(), "epsilon")
    found = explainer.explain(Images().load(range(COUNT)), layers=layers)
    logits = found.logits.numpy().astype(np.float32)
    own = np.zeros(COUNT, dtype=np.int64)
    samples = Samples(
        manifest=Manifest(tuple(f"{row}.png" for row in range(COUNT)), own, ("grey", "none")),
        valid=np.ones(COUNT, dtype=bool),
        quarantine=(None,) * COUNT,
        logits=logits,
        prediction=logits.argmax(axis=1),
        target=own,
        discovery=np.arange(COUNT) % 2 == 0,
    )
    tables = {
        layer: LayerRelevance(
            layer=layer,
            size=(SIDE, SIDE),
            relevance=found.relevance[layer].sum((2, 3)).numpy(),
            peak=found.relevance[layer].flatten(2).argmax(2).numpy(),
            activation=found.activation[layer].amax((2, 3)).numpy(),
            cuts=True,
        )
        for layer in layers
    }
    chain = chain_of(explainer, layers)
    return Composer(Images(), explainer, samples, tables, chain, keep, 2)  # type: ignore[arg-type]


def test_a_planted_graph_is_recovered_with_its_shares() -> None:
    graph = composer().of_class(0)
    top, below = graph.steps
    assert (top.upper, top.lower, top.parents) == (None, "upper", (0,))
    assert top.children == (0, 1)
    # Of the score of 18 (times the mean brightness) 12 come from channel 0 and 6 from channel 1.
    np.testing.assert_allclose(shares(top), [[2 / 3, 1 / 3]], atol=1e-5)
    assert below.parents == (0, 1)
    places = {concept: place for place, concept in enumerate(below.children)}
    assert set(places) == {0, 1, 3}
    part = shares(below)
    np.testing.assert_allclose(part[0, [places[1], places[3]]], [0.75, 0.25], atol=1e-5)
    np.testing.assert_allclose(part[1, places[0]], 1.0, atol=1e-5)
    np.testing.assert_allclose([*top.absorbed, *below.absorbed, *below.rest], 0, atol=1e-4)
    # The brightest picture has the most relevance of everything.
    assert graph.best == ((4, 4), (4, 4, 4))


def test_what_is_not_kept_is_counted() -> None:
    below = composer(keep=1).of_class(0).steps[1]
    assert (below.parents, below.children, below.others) == ((0,), (1,), 3)
    np.testing.assert_allclose(below.rest / below.relevance, 0.25, atol=1e-5)


def test_biases_and_bypasses_are_printed() -> None:
    biased = composer(bias=4.0).of_class(0).steps[1]
    # With the mean brightness of 3 channel 0 is 12 * 3 + 4.
    np.testing.assert_allclose(biased.absorbed / biased.relevance, [4 / 40, 4 / 22], atol=1e-4)
    skipping = composer(skip=True).of_class(0).steps[0]
    np.testing.assert_allclose(skipping.bypass / skipping.relevance, 3 / 21, atol=1e-4)


@pytest.mark.parametrize("keep", [2, 5])
def test_three_layers_follow_the_paths_through_what_was_kept(keep: int) -> None:
    model = Deep().double()
    graph = composer(keep=keep, layers=("middle", "low", "high"), model=model).of_class(0)
    assert [part.lower for part in graph.steps] == ["high", "middle", "low"]
    top, middle, low = graph.steps
    # At the mean brightness of 3 the lowest layer's activation is 3 times its weights' sum.
    names = ("high", "middle", "low")
    weights = {name: getattr(model, name).weight[:, :, 0, 0] for name in names}
    activation = 3 * weights["low"].sum(1)
    paths = (
        (
            model.head.weight[0][:, None, None]
            * weights["high"][:, :, None]
            * weights["middle"][None]
            * activation
        )
        .detach()
        .numpy()
    )
    assert top.children == tuple(np.argsort(-paths.sum((1, 2)))[:keep])
    kept = paths[list(top.children)]
    np.testing.assert_allclose(top.flow[0], kept.sum((1, 2)), rtol=1e-4)
    np.testing.assert_allclose(middle.flow, kept.sum(2)[:, list(middle.children)], rtol=1e-4)
    through = kept[:, list(middle.children)].sum(0)
    np.testing.assert_allclose(low.flow, through[:, list(low.children)], rtol=1e-4)
    np.testing.assert_allclose(low.relevance, middle.flow.sum(axis=0), rtol=1e-6)
    for part in graph.steps:
        out = part.flow.sum(axis=1) + part.rest + part.bypass + part.absorbed
        np.testing.assert_allclose(out, part.relevance)
        np.testing.assert_allclose(part.absorbed / part.relevance, 0, atol=1e-4)


def finding(
    layer: str | None, concepts: tuple[int, ...], grade: str, name: str = "gravel/1"
) -> Finding:
    masks = np.zeros((3, SIDE, SIDE), dtype=bool)
    masks[:, 2:6, 2:6] = True
    candidate = Candidate(
        id=name,
        output=0,
        kind="P1",
        shape="spot",
        layer=layer,
        concepts=concepts,
        rows=np.array([0, 2, 4]),
        masks=masks,
        score=1.0,
        reason="",
    )
    return Finding(
        candidate=candidate,
        evidence={},
        plausibility=Plausibility(terms={}, score=0.9),
        grade=grade,  # type: ignore[arg-type]
        severity="high",
        confidence="high",
        lead="",
        detail="",
        reasons=(),
        actions=(),
        verification="",
        triplets=(),
        fingerprint="",
    )


@pytest.mark.parametrize(
    ("layer", "concepts", "top"),
    [("upper", (1,), (1,)), (None, (), (0, 1)), ("lower", (2,), (0, 1))],
)
def test_a_finding_starts_from_its_own_concepts_or_those_of_its_region(
    layer: str | None, concepts: tuple[int, ...], top: tuple[int, ...]
) -> None:
    graph = composer(keep=2).of_finding(finding(layer, concepts, "A"))
    assert graph.candidate == "gravel/1"
    assert graph.rows.tolist() == [0, 2, 4]
    assert graph.steps[0].children == top


def all_of(made: Composer, folder: Path, *grades: str) -> CompositionPart:
    report = ShortcutReport(
        findings=tuple(
            finding("upper", (1,), grade, f"gravel/{number}")
            for number, grade in enumerate(grades, start=1)
        ),
        limits=SearchLimits(ran=True),
    )
    return made.all([0, 1], report, ImageStore(folder), lambda _: None)


def test_the_report_gets_every_graph_with_a_crop_for_every_concept(tmp_path: Path) -> None:
    made = composer()
    part = all_of(made, tmp_path, "A", "C")
    assert [(card.class_name, card.finding) for card in part.cards] == [
        ("grey", ""),
        ("none", ""),
        ("grey", "F1"),
    ]
    own = part.cards[0]
    assert [node.level for node in own.nodes] == [0, 1, 1, 2, 2, 2]
    for node in own.nodes[1:]:
        assert node.crop is not None
        assert (tmp_path / node.crop.file).is_file()
    for place, node in enumerate(own.nodes[:3]):
        out = sum(edge.share for edge in own.edges if edge.source == place)
        assert node.rest is not None
        assert node.bypass is not None
        assert node.absorbed is not None
        assert out + node.rest + node.bypass + node.absorbed == pytest.approx(1, abs=1e-6)
    assert part.cards[1].reason == "No image is recognised as 'none'."


def test_one_layer_or_none_kept_gives_words(tmp_path: Path) -> None:
    one = all_of(composer(layers=("upper",)), tmp_path)
    assert one.reason.startswith("Only one layer is audited (upper)")
    assert one.cards == []
    off = all_of(composer(keep=0), tmp_path)
    assert "switched off" in off.reason


def test_a_score_that_is_not_positive_has_no_shares() -> None:
    made = composer()
    samples = dataclasses.replace(made.samples, logits=-made.samples.logits)
    graph = dataclasses.replace(made, samples=samples).of_class(0)
    assert graph.steps == ()
    assert "cannot be divided into shares" in graph.reason
