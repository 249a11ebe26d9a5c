"""The user's model is called as its user would, and is afterwards what it was."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from auditor.subject.calling import ask, ask_logits
from auditor.subject.wrappers import unwrap
from tests.pipeline.test_users_models import state


class Restless(nn.Module):
    """Change everything that a forward can change."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(3, 2)
        self.register_buffer("calls", torch.zeros(()))
        self.seen: list[Tensor] = []
        self.by_name: dict[str, Tensor] = {}
        self.memory = torch.zeros(3)
        self.count = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        self.count += 1
        self.memory.add_(1)
        self.head.weight.data = self.head.weight.data.clamp(-0.1, 0.1)
        self.head.bias.data.mul_(2)
        self.new = x
        x.add_(1)
        features = x.mean((2, 3))
        self.seen.append(features)
        self.by_name["last"] = features
        print("shape", x.shape)
        return self.head(features)


def test_nothing_that_a_forward_changes_stays(capsys: pytest.CaptureFixture[str]) -> None:
    model = Restless().train()
    images = torch.rand(2, 3, 4, 4)
    before, kept, chance = state(model), images.clone(), torch.random.get_rng_state()
    ask(model, images)
    assert state(model) == before
    assert model.training
    assert torch.equal(images, kept)
    assert torch.equal(torch.random.get_rng_state(), chance)
    out, err = capsys.readouterr()
    assert not out
    assert "shape" in err


def test_nothing_stays_when_the_forward_fails() -> None:
    class Failing(Restless):
        def forward(self, x: Tensor) -> Tensor:
            super().forward(x)
            raise ValueError("half-way")

    model = Failing()
    before = state(model)
    with pytest.raises(ValueError, match="half-way"):
        ask(model, torch.rand(2, 3, 4, 4))
    assert state(model) == before


def test_images_come_as_a_loader_gives_them() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(48, 2))
    images = torch.rand(3, 3, 4, 4, dtype=torch.float64).to(memory_format=torch.channels_last)
    found: list[Any] = []
    model.register_forward_hook(lambda m, inputs, output: found.append(inputs[0].is_contiguous()))
    ask(model, images)
    assert found == [True]


def test_a_head_that_squeezes_answers_one_picture_too() -> None:
    class Squeezing(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.mean((2, 3), keepdim=True).squeeze()

    images = torch.rand(1, 3, 4, 4)
    assert torch.allclose(ask_logits(Squeezing(), images, None), images.mean((2, 3)))


@pytest.mark.parametrize("entry", ["with", "decorator"])
def test_half_precision_is_left_out_and_stays_as_it_was(entry: str) -> None:
    class Cast(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(3, 2)

        def forward(self, x: Tensor) -> Tensor:
            with torch.autocast("cpu", dtype=torch.bfloat16):
                return self.head(x.mean((2, 3)).to(torch.bfloat16))

    class Decorated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(3, 2)

        @torch.autocast("cpu", dtype=torch.bfloat16)
        def forward(self, x: Tensor) -> Tensor:
            return self.head(x.mean((2, 3)).bfloat16())

    model = Cast() if entry == "with" else Decorated()
    images = torch.rand(2, 3, 4, 4)
    full = ask(model, images)
    assert full.dtype == torch.float32
    assert torch.equal(full, model.head(images.mean((2, 3))))
    assert model(images).dtype == torch.bfloat16


def test_wrappers_are_taken_off(tmp_path: Any) -> None:
    model = nn.Linear(2, 2)
    assert unwrap(model) == (model, ())
    assert unwrap(torch.compile(nn.DataParallel(model)))[0] is model
    store = torch.distributed.FileStore(str(tmp_path / "store"), 1)
    torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    try:
        found, notes = unwrap(nn.parallel.DistributedDataParallel(model))
    finally:
        torch.distributed.destroy_process_group()
    assert found is model
    assert notes == (
        "the model comes wrapped by DistributedDataParallel: the model inside is audited",
    )
