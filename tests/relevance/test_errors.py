"""What a user meets when something does not fit, and that the model is never touched."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from auditor.base.errors import CaptureError, ConfigError, ModelError, UnknownNameError
from auditor.relevance.explainer import Explainer
from tests.relevance import models
from tests.relevance.conftest import explained
from tests.relevance.test_networks import distance


class Wrapped(nn.Module):
    """A convolution, a function, and a linear head."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.inner = Inner(function)
        self.head = nn.LazyLinear(5)
        self.eval()
        self(torch.zeros(1, 3, 8, 8))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.inner(torch.relu(self.conv(x))).flatten(1))


class Inner(nn.Module):
    """A function as a module with a name."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


X = torch.ones(1, 3, 8, 8)


def test_an_operation_without_a_rule_runs_as_gradient_and_is_named() -> None:
    explainer = Explainer(Wrapped(lambda x: x * torch.cumprod(x, 1)), X)
    assert any("cumprod (1x)" in note and "Gradient x input" in note for note in explainer.notes)
    assert [rule for node, rule in explainer.rule_table() if node.operation == "cumprod"] == [
        "gradient x input"
    ]


def test_a_model_that_export_refuses_gives_a_reason() -> None:
    def decides(x: Tensor) -> Tensor:
        return x if x.sum() > 0 else -x

    with pytest.raises(
        CaptureError, match=r"test_errors.py, line \d+ \(`return x if .*torch.where"
    ):
        Explainer(Wrapped(decides), X)


def test_a_model_that_returns_no_logits_is_refused() -> None:
    with pytest.raises(ModelError, match=r"logits"):
        Explainer(nn.Conv2d(3, 4, 3), X)


def test_a_random_model_is_refused() -> None:
    def noisy(x: Tensor) -> Tensor:
        return nn.functional.dropout(x, 0.5, training=True)

    torch.manual_seed(0)
    with pytest.raises(CaptureError):
        Explainer(Wrapped(noisy), X)


def test_a_fixed_batch_size_in_a_reshape_is_no_obstacle() -> None:
    model = Wrapped(FixedReshape())
    x = torch.randn(5, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert distance(Explainer(model, x[:1]).predict(x), model(x)) < 1e-5


class FixedReshape:
    """Reshape with the batch size as a plain integer, which fixes it while capturing."""

    def __call__(self, x: Tensor) -> Tensor:
        return x.reshape(int(x.shape[0]), -1)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning")
def test_uneven_same_padding_becomes_a_pad_of_its_own() -> None:
    model = Wrapped(nn.Conv2d(4, 4, 4, padding="same"))
    x = torch.randn(3, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert distance(Explainer(model, x[:1]).predict(x), model(x)) < 1e-5


def test_unknown_names_are_errors_with_the_nearest_match() -> None:
    model, explainer = explained("resnet_basic")
    x = models.images(1)
    with pytest.raises(UnknownNameError, match=r"unknown layer 'layer2\.1'.*Did you mean"):
        explainer.explain(x, layers=("layer2.1",))
    with pytest.raises(UnknownNameError, match="unknown layer"):
        explainer.channels("nothing")
    with pytest.raises(UnknownNameError, match="unknown composite 'epsilon-plus'"):
        Explainer(model, x, "epsilon-plus")
    with pytest.raises(UnknownNameError, match="unknown bias"):
        Explainer(model, x, bias="keep")  # type: ignore[arg-type]


def test_values_that_do_not_fit_are_errors() -> None:
    model, explainer = explained("resnet_basic")
    x = models.images(2)
    with pytest.raises(ConfigError, match="concept 64 does not exist"):
        explainer.conditional_heatmaps(x, "layer1.0", [64])
    with pytest.raises(ConfigError, match="sample 2 does not exist"):
        explainer.paired_heatmaps(x, "layer1.0", [2], [0])
    with pytest.raises(ConfigError, match="position 64 does not exist"):
        explainer.paired_heatmaps(x, "layer1.0", [0], [0], positions=[64])
    with pytest.raises(ConfigError, match="do not pair up"):
        explainer.paired_heatmaps(x, "layer1.0", [0, 1], [0])
    with pytest.raises(ConfigError, match="targets must be 2 class indices from 0 to 5"):
        explainer.explain(x, torch.tensor([0, 6]))
    with pytest.raises(ConfigError, match="do not fit"):
        explainer.predict(x[:, :, :-1])
    with pytest.raises(ConfigError, match="one image"):
        Explainer(model, x)


def _fingerprint(model: nn.Module) -> list[object]:
    found: list[object] = [model.training, sorted(vars(model))]
    for name, module in model.named_modules():
        hooks = [len(getattr(module, each)) for each in ("_forward_hooks", "_backward_hooks")]
        found.append((name, type(module), module.training, hooks, sorted(vars(module))))
    for name, value in [*model.named_parameters(), *model.named_buffers()]:
        data = value.detach().numpy().tobytes()
        found.append((name, id(value), value.data_ptr(), value.requires_grad, data))
        found.append(value.grad)
    return found


def test_the_model_is_bit_identical_after_use() -> None:
    model = models.make("own")
    model.train()
    model.head.eval()
    before = _fingerprint(model)
    x = models.images(2)
    explainer = Explainer(model, x[:1])
    explainer.explain(x, layers=explainer.layers)
    explainer.conditional_heatmaps(x, explainer.automatic_layers()[0], [0, 1])
    assert _fingerprint(model) == before


def test_the_model_is_bit_identical_after_a_failure() -> None:
    def fails(x: Tensor) -> Tensor:
        raise ValueError("half-way")

    for composite, error in (("nonsense", UnknownNameError), ("auto", ValueError)):
        model = Wrapped(torch.relu)
        model.train()
        model.head.eval()
        if error is ValueError:
            model.inner.function = fails
        before = _fingerprint(model)
        with pytest.raises(error):
            Explainer(model, X, composite)
        assert _fingerprint(model) == before
