"""Complex numbers on the way (Fourier transforms): relevance passes, and all of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from auditor.relevance.check.explained import check
from auditor.relevance.explainer import Explainer


class Through(nn.Module):
    """Two linear layers without biases and a function of the feature maps between them."""

    def __init__(self, between: Callable[[Tensor], Tensor], width: int = 4) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(3, 4, 3, padding=1, bias=False)
        self.between = nn.Sequential(Named(between))
        self.head = nn.Linear(width, 5, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.between(self.conv(x)).mean((2, 3)))


class Named(nn.Module):
    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function
        self.filter = nn.Parameter(torch.randn(4, 8, 5, dtype=torch.complex64))

    def forward(self, x: Tensor) -> Tensor:
        return (
            self.function(x) if self.function.__code__.co_argcount == 1 else self.function(x, self)
        )


def filtered(x: Tensor, module: Named) -> Tensor:
    return torch.fft.irfft2(torch.fft.rfft2(x) * module.filter, s=x.shape[-2:])


def halves(x: Tensor) -> Tensor:
    parts = torch.view_as_real(torch.fft.fft2(x, norm="ortho"))
    return torch.cat([parts[..., 0], parts[..., 1]], 1)


def turned(x: Tensor) -> Tensor:
    pairs = torch.view_as_complex(x.reshape(*x.shape[:-1], -1, 2).contiguous())
    return torch.view_as_real(pairs * 1j + pairs.conj()).flatten(-2)


def shifted(x: Tensor) -> Tensor:
    spectrum = torch.fft.fftshift(torch.fft.fft2(x), dim=(-2, -1))
    return torch.fft.ifft2(torch.fft.ifftshift(spectrum, dim=(-2, -1))).real


LINEAR = {"filtered": filtered, "turned": turned, "shifted": shifted}
X = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", [*LINEAR, "halves"])
def test_relevance_is_gradient_times_input_where_all_is_linear(name: str) -> None:
    model = Through(LINEAR.get(name, halves), 8 if name == "halves" else 4)
    explainer = Explainer(model, X[:1], "epsilon", epsilon=1e-12)
    found = explainer.explain(X, layers=("conv", "between"))
    images = X.clone().requires_grad_()
    model(images).max(1).values.sum().backward()
    assert images.grad is not None
    expected = (images * images.grad).sum(1)
    assert torch.allclose(found.heatmap, expected, atol=1e-5)
    assert torch.allclose(
        found.relevance["conv"].sum((1, 2, 3)), found.logits.max(1).values, atol=1e-4
    )
    assert not any("without a relevance rule" in note for note in explainer.notes)


def test_amplitudes_pass_on_all_that_arrives() -> None:
    model = Through(lambda x: torch.fft.rfft2(x).abs())
    explainer = Explainer(model, X[:1], "epsilon", epsilon=1e-12)
    result = check(explainer, X)
    assert result.pixels == pytest.approx(1, abs=1e-5)
    assert result.word == "conserves"


def test_what_reads_memory_in_its_order_reads_it_in_that_of_the_model() -> None:
    """The engine's images lie channels last; strides that a model writes down mean its own."""
    model = Through(lambda x: x.as_strided(x.shape, (256, 64, 1, 8)) * 2)
    images = torch.rand(3, 3, 8, 8)
    with torch.no_grad():
        expected = model(images)
    assert torch.allclose(Explainer(model, images[:1]).predict(images), expected, atol=1e-6)


def test_an_operation_that_is_not_linear_is_named() -> None:
    explainer = Explainer(Through(lambda x: torch.fft.rfft2(x).angle()), X[:1])
    assert any("angle (1x)" in note for note in explainer.notes)
    assert check(explainer, X).unruled


def test_what_holds_complex_numbers_is_no_layer() -> None:
    class Spectrum(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.fft.rfft2(x)

    class Around(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.spectrum, self.head = nn.Conv2d(3, 4, 3), Spectrum(), nn.Linear(4, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.spectrum(self.conv(x)).abs().mean((2, 3)))

    assert Explainer(Around(), X[:1]).layers == ("conv",)
