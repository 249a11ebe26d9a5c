"""What a program is captured from: constants that decide, state, chance, images one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from auditor.base.errors import CaptureError
from auditor.relevance.explainer import Explainer


class Head(nn.Module):
    """A convolution, a function of images and module, and a head."""

    def __init__(self, function: Callable[[Tensor, Any], Tensor]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(3, 4, 3)
        self.head = nn.Linear(4, 3)
        self.function = function
        self.register_buffer("scale", torch.tensor([1.0, 0.5, 2.0, 1.5]))
        self.register_buffer("power", torch.tensor(2))
        self.switch = torch.tensor(True)  # no buffer: a plain attribute
        self.seen: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.function(torch.relu(self.conv(x)), self).mean((2, 3)))


def images(count: int) -> Tensor:
    return torch.rand(count, 3, 8, 8, generator=torch.Generator().manual_seed(1))


def guarded(x: Tensor, module: Head) -> Tensor:
    if not (module.scale > 0).all():
        raise ValueError("scales are positive")
    if module.switch:
        x = x * module.scale[:, None, None]
    if (module.scale == 2).any():
        x = x + 1
    return x ** int(module.power)


def by_item(x: Tensor, module: Head) -> Tensor:
    for place in range(2):
        if module.scale[place].item() > 0.7:
            x = x * 3
    return x * float(module.scale.sum()) + max(module.scale.tolist())


def by_equality(x: Tensor, module: Head) -> Tensor:
    return x * 2 if torch.equal(module.scale, module.scale.flip(0)) else x * 5


def assigning(x: Tensor, module: Head) -> Tensor:
    module.seen.append(x)
    return module.seen[-1] * 2


@pytest.mark.parametrize("function", [guarded, by_item, by_equality, assigning])
def test_what_weights_alone_decide_is_no_obstacle(function: Callable[..., Tensor]) -> None:
    model = Head(function)
    explainer = Explainer(model, images(1))
    assert not model.seen
    with torch.no_grad():
        expected = model(images(4))
    assert torch.allclose(explainer.predict(images(4)), expected, rtol=1e-5)


def loops(x: Tensor, module: Head) -> Tensor:
    while x.abs().max() > 1:
        x = x / 2
    return x


def sizes(x: Tensor, module: Head) -> Tensor:
    return x[:, :, : int(x.mean() * 100) + 3]


def asserts(x: Tensor, module: Head) -> Tensor:
    assert torch.isfinite(x).all()
    return x


def counts(x: Tensor, module: Head) -> Tensor:
    return x * len(torch.unique(x.round()))


def repeated(x: Tensor, module: Head) -> Tensor:
    return x.repeat_interleave(module.power + 0 * x.sum().long(), dim=0)[: len(x)]


def array(x: Tensor, module: Head) -> Tensor:
    import numpy as np

    return x * float(np.asarray(x.detach()).max())


def listed(x: Tensor, module: Head) -> Tensor:
    return x * torch.tensor(x.mean((2, 3)).tolist())[:, :, None, None]


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (loops, r"`while x.abs\(\).max\(\) > 1:`\) turns a value that depends on the picture"),
        (sizes, r"`return x\[.*turns a value"),
        (asserts, r"`assert torch.isfinite\(x\).all\(\)`\) turns a value"),
        (counts, r"`return x \* len\(torch.unique.*a tensor whose size depends on the picture"),
        (repeated, r"repeat_interleave.*a tensor whose size depends on the picture"),
        (array, r"np.asarray.*leaves torch \(__array__\)"),
        (listed, r"tolist\(\).*turns a value"),
    ],
)
def test_what_a_picture_decides_is_refused_by_file_and_line(
    function: Callable[..., Tensor], words: str
) -> None:
    with pytest.raises(CaptureError, match=r"^test_capture.py, line \d+ .*" + words):
        Explainer(Head(function), images(1))


def test_what_torch_itself_refuses_is_one_sentence_without_its_pages(
    capfd: pytest.CaptureFixture[str],
) -> None:
    def refuses(x: Tensor, module: Head) -> Tensor:
        if torch.compiler.is_exporting():
            print("torch says more")
            raise RuntimeError("nothing like that is possible\nand here is why\nat length")
        return x

    with pytest.raises(CaptureError, match=r"possible \(test_capture.py, line \d+[^\n]*$"):
        Explainer(Head(refuses), images(1))
    assert capfd.readouterr() == ("", "")


def test_mixing_is_seen_where_the_batch_is_fixed_too() -> None:
    """Captured for two images, an image alone would be its own mean."""

    def mixes(x: Tensor, module: Head) -> Tensor:
        return x.reshape(int(x.shape[0]), -1).reshape(x.shape) - x.mean(0, keepdim=True)

    with pytest.raises(CaptureError, match=r"depends on the other images|mixes the images"):
        Explainer(Head(mixes), images(1))


def test_state_that_answers_depend_on_is_named() -> None:
    def drifts(x: Tensor, module: Head) -> Tensor:
        module.scale.mul_(0.9)
        return x * module.scale[:, None, None]

    model = Head(drifts)
    with pytest.raises(CaptureError, match="its buffer 'scale' changes at every call"):
        Explainer(model, images(1))
    assert model.scale.tolist() == [1.0, 0.5, 2.0, 1.5]


def test_chance_is_named() -> None:
    def drops(x: Tensor, module: Head) -> Tensor:
        return nn.functional.dropout(x, 0.5, training=True)

    with pytest.raises(CaptureError, match=r"is random \(\w+ in test_capture.py, line \d+"):
        Explainer(Head(drops), images(1))


def test_an_image_one_by_one_that_uses_another_is_refused() -> None:
    def first(x: Tensor, module: Head) -> Tensor:
        return torch.cat([x[i : i + 1] - x[:1] for i in range(len(x))])

    with pytest.raises(CaptureError, match=r"does not repeat .* lets images depend"):
        Explainer(Head(first), images(1))


def test_parts_of_a_batch_are_followed_to_the_last() -> None:
    """A loop over parts of four was captured for the first of them."""

    class Parts(Head):
        def forward(self, x: Tensor) -> Tensor:
            return torch.cat([super(Parts, self).forward(part) for part in x.split(4)])

    model = Parts(lambda x, module: x).eval()
    explainer = Explainer(model, images(1))
    with torch.no_grad():
        assert torch.allclose(explainer.predict(images(11)), model(images(11)), atol=1e-5)


@pytest.mark.parametrize("size", [2, 4, 16])
def test_what_is_done_to_large_batches_only_is_seen(size: int) -> None:
    class Sized(Head):
        def forward(self, x: Tensor) -> Tensor:
            answer = super().forward(x)
            return answer.roll(1, 1) if x.shape[0] > size else answer

    with pytest.raises(CaptureError, match=r"how many they are|size of the batch|batches of one"):
        Explainer(Sized(lambda x, module: x).eval(), images(1))
