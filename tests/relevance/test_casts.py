"""Models that compute a part in another precision are explained as without that."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from auditor import Explainer


class Casts(nn.Module):
    """A product of two factors between convolutions, in a precision of its own."""

    def __init__(self, inner: torch.dtype, *, like: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 5, 3)
        self.last = nn.Linear(5, 3)
        self.inner, self.like = inner, like

    def forward(self, images: Tensor) -> Tensor:
        before = self.first(images)
        inside = torch.relu(before.to(self.inner))
        inside = inside @ inside.transpose(-1, -2)
        after = inside.type_as(before) if self.like else inside.to(before.dtype)
        return self.last(self.second(after).mean((2, 3)))


@pytest.mark.parametrize("like", [False, True])
@pytest.mark.parametrize(
    ("outer", "inner"),
    [
        (torch.float32, torch.float64),
        (torch.float64, torch.float32),
        (torch.float32, torch.bfloat16),
    ],
)
def test_a_part_in_another_precision(outer: torch.dtype, inner: torch.dtype, like: bool) -> None:
    images = torch.rand(2, 3, 12, 12, generator=torch.Generator().manual_seed(0)).to(outer)
    found, plain = (
        Explainer(Casts(each, like=like).to(outer).eval(), images[:1]) for each in (inner, outer)
    )
    wanted = plain.explain(images).heatmap
    loose = 0.05 if inner == torch.bfloat16 else 1e-4
    given = found.explain(images).heatmap
    assert given.dtype == outer
    assert float((given - wanted).norm() / wanted.norm()) < loose
    parts = found.conditional_heatmaps(images, "first", [0, 1, 2, 3])
    assert float((parts.sum(0) - given).norm() / given.norm()) < loose
