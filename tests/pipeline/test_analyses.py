"""The analyses in whole audits: every part is filled, or says in words why it is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from auditor.__main__ import run
from auditor.base.errors import UnknownNameError
from auditor.config.audit import AuditConfig
from auditor.pipeline.decisions import compared_pairs
from auditor.pipeline.positional import MEMORY, SIDE, _blocks, chosen_rows
from auditor.records.stages import LayerRelevance, Manifest, Samples
from auditor.report.document.result import AuditResult
from tests.pipeline.small import write_own_model_audit

QUICK = {"references": 3, "class_references": 2, "concepts": 2, "atlas_samples": 0}


def audit(folder: Path, **sections: dict) -> AuditResult:
    config = write_own_model_audit(folder, **sections)
    command = ["run", str(config), "--out", str(folder / "runs"), "--quiet", "--format", "html"]
    assert run(command) == 0
    (made,) = (folder / "runs").glob("*/")
    assert (made / "report.html").stat().st_size > 10_000
    return AuditResult.model_validate_json((made / "audit.json").read_text())


def test_every_part_is_filled(tmp_path: Path) -> None:
    result = audit(
        tmp_path,
        per_class=24,
        audit={**QUICK, "pairs": [["cat", "dog"]], "flipping_images": 12, "component_samples": 8},
        shortcuts={"enabled": False},
    )
    last = result.units[-1]
    assert last.choice
    assert last.components
    assert all(item.pictures for item in last.components)
    assert all(item.components or item.note for item in last.classes)
    for unit in result.units:
        for name in [report.name for report in result.classes]:
            assert 0 < sum(item.share[name] for item in unit.components) <= 1 + 1e-6
    assert result.planes
    named = [card for card in result.planes.cards if card.named]
    assert {(card.first, card.second) for card in named} == {("cat", "dog")}
    assert all(axis.crops for card in named for axis in card.axes)
    assert all(axis.crops[0].label == axis.speaks_for for card in named for axis in card.axes)
    assert named[0].auc.value > 0.9
    assert result.strategies
    assert all(item.strategies or item.note for item in result.strategies.classes)
    assert result.errors
    assert result.errors.pairs or result.errors.note
    for card in result.ranking:
        assert card.trust != "not trusted"
        assert card.figure
        for way in card.ways:
            gain = {each.order: each.gain.low for each in way.orders}
            assert gain["random"] > 0
    assert result.identity
    assert len(result.identity.samples) == 72
    assert all(concept.reading for concept in result.concepts)


def test_where_all_is_wrong_every_part_says_why(tmp_path: Path) -> None:
    config = write_own_model_audit(tmp_path, per_class=1, audit=QUICK, shortcuts={"enabled": False})
    images = tmp_path / "photos" / "val"
    (images / "cat").rename(images / "spare")
    (images / "dog").rename(images / "cat")
    (images / "horse").rename(images / "dog")
    (images / "spare").rename(images / "horse")
    command = ["run", str(config), "--out", str(tmp_path / "runs"), "--quiet", "--format", "html"]
    assert run(command) == 0
    (made,) = (tmp_path / "runs").glob("*/")
    result = AuditResult.model_validate_json((made / "audit.json").read_text())
    assert result.performance.accuracy.value == 0
    for unit in result.units:
        assert "No picture" in unit.components_note
        assert "No picture" in unit.choice_note
        assert "samples are needed" in unit.directions_note
    assert result.planes
    assert not result.planes.cards
    assert all("right decisions of each class are needed" in g.reason for g in result.planes.gaps)
    assert {(g.first, g.second) for g in result.planes.gaps} >= {("cat", "dog")}
    assert result.strategies
    assert all("need" in item.note for item in result.strategies.classes)
    assert result.errors
    assert result.errors.pairs
    assert all("Too few" in pair.reason and pair.examples for pair in result.errors.pairs)
    assert [card.trust for card in result.ranking] == ["not tested"] * len(result.ranking)
    assert all("No concepts were switched" in card.sentence for card in result.ranking)


def samples(labels: list[int]) -> Samples:
    known = np.array(labels)
    return Samples(
        manifest=Manifest(tuple(map(str, range(len(known)))), known, ("a", "b", "c")),
        valid=np.ones(len(known), bool),
        quarantine=(None,) * len(known),
        logits=np.eye(3)[known],
        prediction=known,
        target=known,
        discovery=np.arange(len(known)) % 2 == 0,
    )


def test_a_pair_of_the_config_must_have_samples() -> None:
    config = AuditConfig(pairs=[("a", "nothing")])
    with pytest.raises(UnknownNameError, match="nothing"):
        compared_pairs(config, samples([0, 0, 1]), (0, 1))
    (pair, *_) = compared_pairs(AuditConfig(pairs=[("B", "a")]), samples([0, 0, 1]), (0, 1))
    assert (pair.first, pair.second, pair.named) == (0, 1, True)


def test_blocks_keep_the_sum_and_bound_the_positions() -> None:
    relevance = torch.rand(2, 3, 61, 112, dtype=torch.float64) - 0.5
    small = _blocks(relevance)
    assert max(small.shape[2:]) <= SIDE
    assert torch.allclose(small.sum((2, 3)), relevance.sum((2, 3)))
    tokens = torch.rand(2, 3, 1, 197)
    assert _blocks(tokens) is tokens


@pytest.mark.parametrize("channels", [3, 4096])
def test_the_memory_of_positional_relevance_is_bounded(channels: int) -> None:
    known = samples([0] * 40 + [1] * 40)
    relevance = np.random.default_rng(0).random((80, channels), dtype=np.float32)
    layer = LayerRelevance("wide", (112, 112), relevance, np.zeros((80, channels), int),
                           relevance, cuts=True)  # fmt: skip
    rows, explained = chosen_rows(known, layer, (0, 1), 20)
    assert set(explained) == {0, 1}
    assert len(rows) * channels * SIDE * SIDE * 4 <= max(MEMORY, 2 * channels * SIDE * SIDE * 4)
    assert len(chosen_rows(known, layer, (0, 1), 0)[0]) == 0
    assert len(rows) == 40 if channels == 3 else len(rows) < 40
