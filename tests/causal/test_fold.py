"""A projection that is folded into weights does what it does to the tensor itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from auditor.causal.fold import Site, features, folded, sites

IMAGES = torch.rand(5, 3, 12, 12, generator=torch.Generator().manual_seed(0))


class Net(nn.Module):
    """A block that one convolution reads, and a head behind a pooling that is not linear."""

    def __init__(self, *, padding: int = 0, skip: bool = False, bias: bool = True) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.block = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())
        self.next = nn.Conv2d(8, 8, 3, padding=padding, bias=bias)
        self.skip = skip
        self.head = nn.Linear(8, 4)

    def upper(self, maps: Tensor) -> Tensor:
        """Return the logits of the block's maps."""
        after = self.next(maps)
        if self.skip:
            after = after + maps[..., 1:-1, 1:-1]
        logits: Tensor = self.head(after.relu().amax(dim=(2, 3)))
        return logits

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits."""
        return self.upper(self.block(images))


def basis_of(count: int, channels: int) -> np.ndarray:
    drawn = np.random.default_rng(0).standard_normal((channels, count))
    return np.linalg.qr(drawn)[0].T


def without(maps: Tensor, basis: np.ndarray, mean: np.ndarray) -> Tensor:
    units, level = torch.from_numpy(basis).float(), torch.from_numpy(mean).float()
    away = torch.einsum("dc,bchw->bdhw", units, maps - level[:, None, None])
    return maps - torch.einsum("dc,bdhw->bchw", units, away)


def place_of(net: Net) -> list[Site]:
    with torch.no_grad():
        return sites(net.eval(), IMAGES, net.block(IMAGES), None)


def test_where_a_layer_is_read_and_where_the_logits_are_made() -> None:
    assert [site.modules for site in place_of(Net())] == [("next",), ("head",)]


@pytest.mark.parametrize("rank", [1, 3])
def test_a_convolution_without_padding_reads_what_the_projection_leaves(rank: int) -> None:
    net = Net()
    site, _head = place_of(net)
    basis, mean = basis_of(rank, 8), np.linspace(-1, 1, 8)
    with torch.no_grad():
        expected = net.upper(without(net.block(IMAGES), basis, mean))
        assert (expected - net(IMAGES)).abs().max() > 1e-2
        torch.testing.assert_close(folded(net, site, basis, mean)(IMAGES), expected)


def test_padding_counts_as_the_mean_and_the_middle_is_exact() -> None:
    net = Net(padding=1)
    site, _head = place_of(net)
    basis, mean = basis_of(2, 8), np.linspace(-1, 1, 8)
    with torch.no_grad():
        maps = net.block(IMAGES)
        mended = folded(net, site, basis, mean).next(maps)
        expected = net.next(without(maps, basis, mean))
    torch.testing.assert_close(mended[..., 1:-1, 1:-1], expected[..., 1:-1, 1:-1])
    assert (mended - expected).abs().max() > 1e-3


def test_a_reader_without_bias_goes_to_zero_along_the_directions() -> None:
    net = Net(bias=False)
    site, _head = place_of(net)
    basis = basis_of(2, 8)
    with torch.no_grad():
        expected = net.upper(without(net.block(IMAGES), basis, np.zeros(8)))
        torch.testing.assert_close(folded(net, site, basis, np.ones(8))(IMAGES), expected)


def test_the_original_keeps_its_weights_and_the_names_stay() -> None:
    net = Net()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    mended = folded(net, place_of(net)[-1], basis_of(1, 8), np.zeros(8))
    assert list(mended.state_dict()) == list(before)
    for name, value in net.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)


def test_the_pooled_tensor_of_a_flattening_head_is_told_by_channel() -> None:
    torch.manual_seed(2)
    body, head = nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.MaxPool2d(5)), nn.Linear(24, 3)
    net = nn.Sequential(body, nn.Flatten(), head).eval()
    with torch.no_grad():
        maps = body(IMAGES)
        (site, last) = sites(net, IMAGES, maps, None)
        assert (site, last) == (Site(("2",), 4), Site(("2",)))
        np.testing.assert_allclose(features(net, site, IMAGES), maps.mean((2, 3)), rtol=1e-5)
        basis, mean = basis_of(2, 6), np.linspace(0, 1, 6)
        expected = head(without(maps, basis, mean).flatten(1))
        torch.testing.assert_close(folded(net, site, basis, mean)(IMAGES), expected)


def test_grouped_convolutions_and_shared_weights_are_left_alone() -> None:
    class Shared(Net):
        def __init__(self) -> None:
            super().__init__()
            self.next = nn.Conv2d(8, 8, 3, groups=2)
            self.twin = nn.Linear(8, 4)
            self.twin.weight = self.head.weight

    assert place_of(Shared()) == []
