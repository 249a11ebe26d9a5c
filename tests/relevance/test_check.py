"""What `check` says is true: every share is accounted for, every fault is named."""

from __future__ import annotations

import dataclasses
import json

import pytest
import torch
from torch import Tensor, nn

from auditor.base.errors import ConfigError, UnknownNameError
from auditor.cli.check.text import reason, verdict
from auditor.relevance.check.at_layers import bypass, concentration, flow_rows, likeness
from auditor.relevance.check.explained import Check, check
from auditor.relevance.check.flow import Kept, account, average
from auditor.relevance.explainer import Explainer
from auditor.relevance.sweep.finite import first_non_finite
from tests.relevance import models
from tests.relevance.conftest import explained


def total(kept: dict[str, Kept]) -> Kept:
    found = Kept()
    for each in kept.values():
        found = found.plus(each)
    return found


def plan_of(explainer: Explainer):  # type: ignore[no-untyped-def]
    return explainer.plan


def checked(model: nn.Module, images: Tensor, **options: object) -> Check:
    return check(Explainer(model, images[:1]), images, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("composite", ["epsilon-plus-flat", "epsilon", "epsilon-alpha2-beta1"])
def test_what_is_kept_and_what_arrives_make_up_the_logit(family: str, composite: str) -> None:
    _, explainer = explained(family, composite)
    image = models.images(2, family)
    out = explainer.explain(image)
    for place in range(2):
        target, found = account(plan_of(explainer), image[place : place + 1], None)
        assert target == int(out.targets[place])
        assert out.conservation is not None
        assert found.pixels / found.logit == pytest.approx(float(out.conservation[place]), rel=1e-9)
        assert found.pixels + total(found.kept).total == pytest.approx(found.logit, rel=1e-9)


def test_without_biases_nothing_is_kept_by_biases(family: str) -> None:
    _, explainer = explained(family, zero_bias=True)
    _, found = account(plan_of(explainer), models.images(1, family), None)
    kept = total(found.kept)
    assert kept.biases == 0
    assert abs(kept.nowhere / found.logit) < 1e-9
    assert 0 < kept.stabilisers / found.logit < 1e-4
    assert found.pixels / found.logit == pytest.approx(1, abs=1e-4)


class OneUnit(nn.Module):
    """Units whose shares can be worked out by hand: z = 2 x + 1, and one with its bias alone."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Conv2d(3, 2, 1)
        self.head = nn.Linear(2, 2, bias=False)
        with torch.no_grad():
            self.hidden.weight.zero_()
            self.hidden.weight[0, 0] = 2.0
            self.hidden.weight[1, 1] = -0.25
            self.hidden.bias.copy_(torch.tensor([1.0, 3.0]))
            self.head.weight.copy_(torch.tensor([[1.0, 2.0], [0.0, 0.0]]))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.relu(self.hidden(x)).mean((2, 3)))


def test_each_cause_gets_what_the_rule_gives_it() -> None:
    """z-plus on x = 1: unit 0 says 3 = 2 + bias 1; unit 1 says 2.75 = 3 - 0.25, by its bias."""
    model = OneUnit().double()
    image = torch.ones(1, 3, 2, 2, dtype=torch.float64)
    composite = {"base": "epsilon-plus-flat", "layers": {"hidden": "z-plus"}}
    explainer = Explainer(model, image, composite, epsilon=1e-9)
    _, found = account(plan_of(explainer), image, 0)
    kept = total(found.kept)
    assert found.logit == pytest.approx(3 + 2 * 2.75)
    assert kept.biases == pytest.approx(1)
    assert kept.nowhere == pytest.approx(2 * 2.75)
    assert found.pixels == pytest.approx(2)
    assert 0 < kept.stabilisers < 1e-6


def test_stabilisers_keep_what_a_large_epsilon_takes() -> None:
    model = OneUnit().double()
    with torch.no_grad():
        model.hidden.bias.zero_()
    image = torch.ones(1, 3, 2, 2, dtype=torch.float64)
    composite = {"base": "epsilon", "layers": {"hidden": "epsilon"}}
    explainer = Explainer(model, image, composite, epsilon=0.5)
    _, found = account(plan_of(explainer), image, 0)
    # The head keeps 0.5 / 2.5 of the logit 2; the hidden unit 0.5 / 2.5 of what is left.
    assert total(found.kept).stabilisers == pytest.approx(2 * (1 - (2 / 2.5) ** 2))
    assert found.pixels == pytest.approx(2 * (2 / 2.5) ** 2)


def test_what_goes_through_a_block_and_around_it_is_the_whole() -> None:
    _, explainer = explained("resnet_basic", zero_bias=True)
    _, found = account(plan_of(explainer), models.images(1, "resnet_basic"), None)
    shares = average([found])
    layers = explainer.layout
    for layer in ("layer1.0.conv2", "layer2.0.bn1", "layer3.0.conv2"):
        assert not explainer.cuts(layer)
        through = shares.arrived[layers.nodes[layer]]
        around = bypass(layers, layer, shares)
        assert through + around == pytest.approx(1, abs=1e-4)
        assert abs(around) > 0.01
    assert bypass(layers, "layer2.0", shares) == 0


def test_the_flow_falls_by_what_was_kept_from_row_to_row() -> None:
    _, explainer = explained("mobilenet")
    _, found = account(plan_of(explainer), models.images(1, "mobilenet"), None)
    rows = flow_rows(explainer.layout, average([found]), ["features.1"])
    above = 1.0
    for row in rows:
        assert row.arrives == pytest.approx(above - row.kept.total, abs=1e-9)
        above = row.arrives
    names = [row.layer for row in rows]
    assert names[-1] == "pixels"
    assert "features.1" in names
    assert all(explainer.cuts(name) for name in names[:-1])


def test_shares_of_several_images_weigh_each_by_its_logit() -> None:
    _, explainer = explained("vgg")
    images = models.images(3, "vgg")
    accounts = [account(plan_of(explainer), images[i : i + 1], None)[1] for i in range(3)]
    found = average(accounts)
    assert found.pixels == pytest.approx(
        sum(each.pixels for each in accounts) / sum(each.logit for each in accounts)
    )
    assert found.pixels + total(found.kept).total == pytest.approx(1)


def test_an_operation_without_a_rule_is_listed_with_what_it_keeps() -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.last = nn.Conv2d(3, 4, 3), nn.Linear(4, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.last(torch.logcumsumexp(torch.relu(self.first(x)), 2).mean((2, 3)))

    torch.manual_seed(0)
    found = checked(Odd().double(), models.images(2))
    assert [row.operation for row in found.unruled] == ["logcumsumexp"]
    assert any("logcumsumexp (1x)" in text for text in verdict(found)["advice"])
    assert found.kept.unruled != 0
    assert found.pixels is not None
    assert found.pixels + found.kept.total == pytest.approx(1)


def test_a_branch_that_only_weighs_another_gets_no_relevance() -> None:
    class Gated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.gate = nn.Conv2d(3, 4, 3), nn.Linear(4, 4)
            self.last = nn.Linear(4, 3)

        def forward(self, x: Tensor) -> Tensor:
            x = torch.relu(self.first(x)).mean((2, 3))
            return self.last(x * torch.sigmoid(self.gate(x)))

    torch.manual_seed(0)
    found = checked(Gated().double(), models.images(1))
    assert {row.module for row in found.rules if not row.reached} >= {"gate"}
    assert all(row.reached for row in found.rules if row.module in {"first", "last"})


def test_a_weight_that_is_no_number_is_named() -> None:
    model = models.make("resnet_basic")
    with torch.no_grad():
        model.layer3[0].conv1.weight[0, 0, 0, 0] = torch.nan
    images = models.images(2)
    explainer = Explainer(model, images[:1])
    problems = explainer.non_finite(images)
    assert [problem.constant for problem in problems if problem] == ["weight", "weight"]
    # The batch norm behind the convolution is folded into it.
    assert problems[0] is not None
    assert problems[0].module in {"layer3.0.conv1", "layer3.0.bn1"}
    assert problems[0].value == "NaN"
    found = check(explainer, images)
    assert found.word == "not finite"
    assert problems[0].sentence in verdict(found)["sentence"]
    assert found.pixels is None
    assert found.images[0].non_finite == problems[0]


class Grows(nn.Module):
    """A value that overflows for large images only, between two harmless layers."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Conv2d(3, 4, 3), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.exp(self.first(x)).mean((2, 3)))


def test_the_operation_that_overflows_is_named_for_the_images_that_do() -> None:
    torch.manual_seed(0)
    model = Grows()
    with torch.no_grad():
        model.first.weight.abs_()
    images = torch.stack([torch.zeros(3, 8, 8), torch.full((3, 8, 8), 1e4)])
    explainer = Explainer(model, images[:1])
    fine, broken = first_non_finite(plan_of(explainer), images)
    assert fine is None
    assert broken is not None
    assert (broken.operation, broken.value, broken.direction) == ("exp", "infinity", "forward")
    found = check(explainer, images)
    assert "1 of 2 images" in verdict(found)["sentence"]
    assert found.images[1].logit is None
    assert found.images[0].logit is not None
    assert found.pixels is not None


def test_pixels_that_are_no_numbers_are_the_image_itself() -> None:
    _, explainer = explained("vgg")
    image = models.images(1)
    image[0, 1, 2, 3] = torch.nan
    (problem,) = explainer.non_finite(image)
    assert problem is not None
    assert problem.sentence == "the image itself holds NaN"


def test_relevance_that_overflows_on_the_way_back_is_named() -> None:
    """Logits are finite; the multiplier of a layer without a stabiliser is not."""

    class Cancels(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.head = nn.Conv2d(3, 2, 1), nn.Linear(2, 2, bias=False)
            with torch.no_grad():
                self.first.weight.fill_(1e-30)
                self.first.bias.fill_(1.0)
                self.head.weight.fill_(1e20)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.first(x).mean((2, 3)))

    image = torch.ones(1, 3, 4, 4)
    explainer = Explainer(Cancels(), image, "epsilon", epsilon=0.0, bias="exclude")
    assert explainer.predict(image).isfinite().all()
    (problem,) = explainer.non_finite(image, torch.tensor([0]))
    assert problem is not None
    assert problem.direction == "reverse"
    assert problem.module == "first"


def test_a_logit_of_zero_is_said_in_words() -> None:
    model = models.make("vgg")
    nn.init.zeros_(model.classifier[3].weight)
    nn.init.zeros_(model.classifier[3].bias)
    found = checked(model, models.images(2))
    assert found.word == "nothing to explain"
    assert found.pixels is None
    assert found.layers[0].half is None
    assert "nan" not in json.dumps(dataclasses.asdict(found)).lower()


def test_a_check_holds_what_its_reader_needs() -> None:
    model, explainer = explained("squeezenet")
    before = {name: value.clone() for name, value in model.state_dict().items()}
    images = models.images(2, "squeezenet")
    found = check(explainer, images, model=model)
    assert found.word in {"conserves", "absorbs"}
    assert found.forward_difference is not None
    assert found.forward_difference < 1e-12
    assert [layer.layer for layer in found.layers] == list(explainer.automatic_layers())
    for layer in found.layers:
        assert layer.additivity is not None
        assert layer.additivity < 1e-10
        assert layer.half is not None
        assert layer.ninety is not None
        assert 1 <= layer.half <= layer.ninety <= layer.channels
    assert [row.node for row in found.rules] == [node.name for node, _ in explainer.rule_table()]
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    json.dumps(dataclasses.asdict(found), allow_nan=False)


class Muffled(nn.Module):
    """Biases far larger than what inputs say: next to nothing of the logit comes through."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3)
        self.last = nn.Linear(4, 3, bias=False)
        for layer in (self.first, self.second):
            nn.init.constant_(layer.weight, 0.001)
            nn.init.constant_(layer.bias, 5.0)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.second(torch.relu(self.first(x))))
        return self.last(x.mean((2, 3)))


def test_a_layer_that_little_reaches_is_warned_of() -> None:
    torch.manual_seed(0)
    model = Muffled().double()
    with torch.no_grad():
        model.last.weight.abs_()
    image = models.images(1).abs()
    found = checked(model, image, layers=["first"])
    assert found.word == "absorbs"
    (layer,) = found.layers
    # 36 inputs of about 5 weigh 0.001 each beside a bias of 5.
    assert layer.through == pytest.approx(0.18 / 5.18, rel=0.02)
    assert any("of the logit reaches 'first'" in text for text in verdict(found)["advice"])
    assert any("audit.bias: exclude" in text for text in verdict(found)["advice"])
    excluding = check(Explainer(model, image, bias="exclude"), image)
    assert excluding.kept.biases == 0
    assert excluding.pixels == pytest.approx(1, abs=1e-4)


def test_a_named_layer_that_is_bypassed_has_no_additivity_but_a_bypass() -> None:
    _, explainer = explained("resnet_basic")
    found = check(explainer, models.images(1), layers=["layer2.0.conv1"])
    (layer,) = found.layers
    assert layer.additivity is None
    assert layer.bypass != 0
    assert reason(layer).startswith("you named it")


def test_another_model_than_the_captured_one_is_noticed() -> None:
    _, explainer = explained("vgg")
    other = models.make("vgg", seed=5)
    found = check(explainer, models.images(1), model=other)
    assert found.word == "not exact"
    assert found.forward_difference is not None
    assert found.forward_difference > 1e-3


def test_a_final_softmax_is_put_back_before_logits_are_compared() -> None:
    model = nn.Sequential(models.make("vgg"), nn.Softmax(1))
    found = check(Explainer(model, models.images(1)), models.images(2), model=model)
    assert found.forward_difference is not None
    assert found.forward_difference < 1e-12


def test_wrong_layers_and_targets_are_refused() -> None:
    _, explainer = explained("vgg")
    with pytest.raises(UnknownNameError):
        check(explainer, models.images(1), layers=["features.99"])
    with pytest.raises(ConfigError, match="one class index per image"):
        check(explainer, models.images(2), torch.tensor([1]))


def test_concentration_counts_channels_by_a_full_sort() -> None:
    relevance = torch.zeros(2, 5, 1, 2)
    relevance[0, :, 0, 0] = torch.tensor([5.0, -3.0, 1.0, 1.0, 0.0])
    relevance[1, :, 0, 1] = torch.tensor([5.0, 3.0, -1.0, 0.0, 1.0])
    assert concentration(relevance) == (pytest.approx(0.5), 1, 4 - 1)
    assert concentration(torch.zeros(1, 3, 1, 1)) is None


def test_likeness_is_the_mean_cosine() -> None:
    maps = torch.tensor([[[1.0, 0.0]], [[2.0, 0.0]], [[0.0, 1.0]], [[0.0, 0.0]]])
    assert likeness(maps) == pytest.approx(1 / 3)
    assert likeness(maps[:1]) is None
