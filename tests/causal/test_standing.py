"""Regions on models of tokens: their concepts are those of the patches under them."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from auditor.causal.images import Members, Stage, load_pool
from auditor.causal.screening import Screened
from auditor.causal.standing import lies_in_the_picture, standing_layer
from auditor.causal.zeroing import COMPARED, LOOKED_UP, region_concepts, zeroing
from auditor.config.audit import AuditConfig, ShortcutConfig
from auditor.pipeline.illustrate import with_places
from auditor.pipeline.positional import analyse_positional, positional_relevance
from auditor.records.concepts import Empty
from auditor.records.stages import LayerRelevance, Subspaces
from auditor.relevance.explainer import Explainer
from auditor.relevance.graph.geometry import Geometry
from auditor.relevance.over_data.heatmaps import MapRequest
from auditor.relevance.sweep.results import peaks
from auditor.shortcuts.propose.proposals import Proposal
from tests.causal.worlds import SIZE, world
from tests.relevance.tokens import LastChannels, Tokens, swin


def made(build: object, *given: object, **options: object) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return build(*given, **options)  # type: ignore[operator, no-any-return]


def at_hand(model: nn.Module) -> tuple[Stage, Members, Screened]:
    """Return images and a region of a model that was never trained, whatever it decides."""
    subject = world(per_class=8, model=model)
    search = subject.search(config=ShortcutConfig(targets=24, permutations=200))
    samples = search.samples
    pool = load_pool(search, np.arange(24), 24, name="any")
    members = Members(
        output=0,
        rows=np.arange(8),
        discovery=samples.discovery[:8],
        inputs=subject.load(range(8)),
        heat=np.ones((8, SIZE, SIZE), np.float32),
        pictures=subject.pictures(subject.load(range(8))),
        logits=samples.logits[:8],
    )
    proposal = Proposal("spot", np.zeros((8, SIZE, SIZE), bool), 1.0, "")
    everyone = np.arange(8)
    screened = Screened(proposal, everyone, np.ones(8), everyone, everyone[:0], everyone[:0], 1.0)
    return Stage(search, pool, pool, 1), members, screened


@pytest.mark.parametrize(
    ("model", "layer"),
    [
        (made(Tokens, 0), "blocks.0"),
        (made(Tokens, 0, order=list(range(63, -1, -1))), "blocks.0"),
        (made(Tokens, 5, faint=1.0), "blocks.0"),
        (made(swin), "features.1.1"),
        (made(LastChannels), "mix"),
    ],
    ids=["vit", "vit, patches from behind", "registers", "swin", "channels last"],
)
@pytest.mark.parametrize("corner", ["upper left", "lower left", "right half"])
def test_the_concepts_of_a_region_are_those_of_its_patches(
    model: nn.Module, layer: str, corner: str
) -> None:
    stage, members, screened = at_hand(model)
    masks = np.zeros((len(members.rows), SIZE, SIZE), bool)
    place = {
        "upper left": (slice(0, 8), slice(0, 8)),
        "lower left": (slice(24, 32), slice(0, 8)),
        "right half": (slice(0, 32), slice(16, 32)),
    }[corner]
    masks[(slice(None), *place)] = True
    moved = replace(screened, proposal=replace(screened.proposal, masks=masks))
    explainer = stage.probe.explainer
    where = explainer.geometry(layer)
    assert isinstance(where, Geometry)
    found, _part = region_concepts(stage, members, moved, layer, where)
    inputs = members.inputs[screened.references[:LOOKED_UP]]
    every = range(explainer.channels(layer))
    heat = stage.probe.concept_heatmaps(inputs, 0, layer, list(every))
    inside = heat[(slice(None), slice(None), *place)].sum(axis=(2, 3)).mean(axis=1)
    best = np.argsort(-inside)[:5]
    assert found[0] == best[0]
    assert len(set(best) & set(found)) >= 3, (best, found)
    assert len(found) <= COMPARED


def test_a_layer_of_which_only_the_class_token_is_read_stands_aside() -> None:
    stage, members, _screened = at_hand(made(Tokens, 1, faint=1.0))
    assert not lies_in_the_picture(stage.probe, [members], "blocks.1")
    lower, notes = standing_layer(stage.probe, [members], "blocks.1")
    assert lower.startswith("blocks.0")
    assert len(notes) == 1
    assert "class token" in notes[0]
    assert f"layer {lower}" in notes[0]
    assert standing_layer(stage.probe, [members], lower) == (lower, ())


def test_a_layer_that_lies_in_the_picture_stays() -> None:
    for model, layer in ((made(Tokens, 0), "blocks.1"), (made(swin), "features.3.1")):
        stage, members, _screened = at_hand(model)
        assert standing_layer(stage.probe, [members], layer) == (layer, ())


def test_where_nothing_lies_in_the_picture_that_is_said() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(3 * SIZE * SIZE, 24), nn.ReLU(), nn.Linear(24, 3))
    stage, members, screened = at_hand(net)
    layer, notes = standing_layer(stage.probe, [members], "2")
    assert layer == "2"
    assert "cannot be told" in notes[0]
    carry = np.ones(len(members.rows), bool)
    found = zeroing(stage, members, screened, carry, "2", np.random.default_rng(0))
    assert found == (
        "A region of the picture cannot be found again in layer 2: its positions stand for the "
        "whole picture."
    )


def test_a_peak_on_the_class_token_crops_nothing() -> None:
    explainer = Explainer(made(Tokens, 1).eval(), torch.zeros(1, 3, SIZE, SIZE))
    requests = [
        MapRequest("blocks.1", (3,), 0, "relevance", 0, 1.0, peak) for peak in (0, 1, 64, None)
    ]
    assert [each.peak for each in with_places(explainer, requests)] == [None, 1, 64, None]


def test_components_take_the_places_of_the_picture_and_not_the_class_token() -> None:
    for model, layer, share in (
        (made(Tokens, 1, faint=1.0), "blocks.1", 0.0),
        (made(Tokens, 0), "blocks.1", 1.0),
    ):
        subject = world(per_class=2, model=model)
        explainer = subject.probe().explainer
        found, placed = positional_relevance(
            explainer, subject.load, layer, np.arange(4), np.zeros(4, int),
            batch=3, progress=lambda done: None,
        )  # fmt: skip
        assert found.shape == (4, 48, 8, 8)
        assert placed == pytest.approx(share)
    images = subject.load(range(4))
    whole = explainer.explain(images, torch.zeros(4, dtype=torch.long), layers=("blocks.1",))
    expected = whole.relevance["blocks.1"].sum((2, 3)).numpy()
    assert found.sum(axis=(2, 3)) == pytest.approx(expected, abs=1e-5)


def test_components_of_a_class_token_are_said_to_have_no_places() -> None:
    subject = world(per_class=6, model=made(Tokens, 1, faint=1.0))
    explainer, samples = subject.probe().explainer, subject.samples()
    images = subject.load(range(18))
    maps = explainer.explain(images, torch.from_numpy(samples.target), layers=("blocks.1",))
    relevance = maps.relevance["blocks.1"]
    layer = LayerRelevance(
        "blocks.1", (1, 65), relevance.sum((2, 3)).numpy(), peaks(relevance).numpy(),
        maps.activation["blocks.1"].amax((2, 3)).numpy(), True,
    )  # fmt: skip
    assert set(np.unique(layer.peak[np.abs(layer.relevance) > 1e-9])) >= {0}
    outputs = [int(each) for each in np.unique(samples.prediction)]
    subspaces = Subspaces(
        "blocks.1", np.zeros(0, int), np.zeros((0, 0)), np.zeros(0, int),
        np.zeros((len(outputs), 0)), 0.0, "",
    )  # fmt: skip
    context = SimpleNamespace(
        config=SimpleNamespace(audit=AuditConfig(component_samples=4, batch=8, seed=0)),
        explainer=explainer,
        subject=subject,
        samples=samples,
        outputs=outputs,
    )
    analysis = SimpleNamespace(layer=layer, subspaces=subspaces)
    found = analyse_positional(
        context,  # type: ignore[arg-type]
        analysis,  # type: ignore[arg-type]
        within_classes=True,
        progress=lambda done: None,
    )
    assert isinstance(found[0], Empty)
    assert isinstance(found[2], Empty)
    if len(samples.members(outputs[0])):
        assert "no place in the picture" in found[0].reason
