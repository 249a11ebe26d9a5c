"""What identifies a model's code: each change of what is computed gives another digest."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from auditor.base.errors import ModelError
from auditor.base.factories import load_factory
from auditor.relevance.graph.capture import capture
from auditor.subject.digests import weights_digest

IMAGE = torch.linspace(0, 1, 3 * 8 * 8).reshape(1, 3, 8, 8)


class Net(nn.Module):
    """Two convolutions with a residual; ``own`` is the part that the tests exchange."""

    table: Tensor

    def __init__(self, own: Callable[[Net, Tensor], Tensor]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.last = nn.Linear(4, 3)
        self.register_buffer("table", torch.tensor([1.0, 2.0, 0.5]), persistent=False)
        self.constant = torch.tensor(2.0)
        self.own = own

    def forward(self, x: Tensor) -> Tensor:
        return self.own(self, x)


def net(
    act: Callable[[Tensor], Tensor] = F.relu,
    pool: Callable[[Tensor], Tensor] = lambda x: F.max_pool2d(x, 2),
    joined: Callable[[Tensor, Tensor], Tensor] = lambda x, y: x + y,
    end: Callable[[Net, Tensor], Tensor] = lambda net, x: net.last(x.mean((2, 3))),
) -> Net:
    def forward(model: Net, x: Tensor) -> Tensor:
        x = pool(act(model.first(x)))
        return end(model, joined(x, act(model.second(x))))

    return Net(forward).eval()


def ended(change: Callable[[Net, Tensor], Tensor]) -> Net:
    return net(end=lambda model, x: change(model, model.last(x.mean((2, 3)))))


def branched(model: Net, x: Tensor) -> Tensor:
    kept = F.relu(model.first(x))
    return model.last((F.gelu(kept) if model.training else kept).mean((2, 3)))


VARIANTS: dict[str, Callable[[], Net]] = {
    "gelu": lambda: net(act=F.gelu),
    "gelu by tanh": lambda: net(act=lambda x: F.gelu(x, approximate="tanh")),
    "leaky": lambda: net(act=lambda x: F.leaky_relu(x, 0.1)),
    "leakier": lambda: net(act=lambda x: F.leaky_relu(x, 0.1000001)),
    "mean pooling": lambda: net(pool=lambda x: F.avg_pool2d(x, 2)),
    "stride": lambda: net(pool=lambda x: F.max_pool2d(x, 2, stride=1)),
    "padding": lambda: net(pool=lambda x: F.max_pool2d(x, 2, padding=1)),
    "dilation": lambda: net(pool=lambda x: F.max_pool2d(x, 2, dilation=2)),
    "no residual": lambda: net(joined=lambda x, y: y),
    "the other alone": lambda: net(joined=lambda x, y: x),
    "difference": lambda: net(joined=lambda x, y: x - y),
    "difference turned": lambda: net(joined=lambda x, y: y - x),
    "a constant": lambda: net(joined=lambda x, y: x + 0.5 * y),
    "an integer": lambda: net(joined=lambda x, y: x + 2 * y),
    "a float of that": lambda: net(joined=lambda x, y: x + 2.0000001 * y),
    "order": lambda: net(act=lambda x: F.relu(x * 2) - 1),
    "another order": lambda: net(act=lambda x: F.relu(x - 1) * 2),
    "inverted": lambda: ended(lambda model, x: -x),
    "turned": lambda: ended(lambda model, x: x.flip(1)),
    "permuted": lambda: ended(lambda model, x: x[:, [1, 2, 0]]),
    "permuted otherwise": lambda: ended(lambda model, x: x[:, [2, 0, 1]]),
    "another mean": lambda: net(end=lambda model, x: model.last(x.mean((3, 2)).sqrt())),
    "summed": lambda: net(end=lambda model, x: model.last(x.sum((2, 3)))),
    "cast": lambda: ended(lambda model, x: x.half().float()),
    "buffer": lambda: ended(lambda model, x: x * model.table),
    "tensor attribute": lambda: ended(lambda model, x: x * model.constant),
    "written out": lambda: ended(lambda model, x: x * torch.tensor([1.0, 2.0, 3.0])),
    "written otherwise": lambda: ended(lambda model, x: x * torch.tensor([1.0, 2.0, 3.5])),
    "clamped": lambda: ended(lambda model, x: x.clamp(-1, 1)),
    "clamped wider": lambda: ended(lambda model, x: x.clamp(-1, 2)),
    "sliced": lambda: net(end=lambda model, x: model.last(x[:, :, 1:].mean((2, 3)))),
    "sliced otherwise": lambda: net(end=lambda model, x: model.last(x[:, :, :-1].mean((2, 3)))),
    "weights exchanged": lambda: Net(
        lambda model, x: model.last(F.relu(model.second(F.relu(model.first(x)))).mean((2, 3)))
    ).eval(),
    "weights used twice": lambda: Net(
        lambda model, x: model.last(
            F.relu(model.second(F.relu(model.second(model.first(x))))).mean((2, 3))
        )
    ).eval(),
    "branch": lambda: Net(branched).eval(),
    "upsampled": lambda: net(pool=lambda x: F.interpolate(x, size=(4, 4), mode="nearest")),
    "upsampled smoothly": lambda: net(pool=lambda x: F.interpolate(x, size=(4, 4), mode="area")),
}


def program(model: nn.Module) -> str:
    return capture(model, IMAGE, IMAGE.device).program


# Tried at every change; the others take half a minute.
FEW = (
    "gelu", "mean pooling", "stride", "no residual", "difference turned", "a float of that",
    "inverted", "written out", "written otherwise", "weights exchanged",
)  # fmt: skip


@pytest.fixture(scope="module")
def few() -> dict[str, str]:
    return {name: program(VARIANTS[name]()) for name in FEW} | {"plain": program(net())}


def alike(programs: dict[str, str]) -> list[tuple[str, str]]:
    pairs = itertools.combinations(programs.items(), 2)
    return [(name, other) for (name, one), (other, two) in pairs if one == two]


def test_a_change_of_the_code_gives_another_program(few: dict[str, str]) -> None:
    assert not alike(few)
    assert {weights_digest(make()) for make in VARIANTS.values()} == {weights_digest(net())}


@pytest.mark.slow
def test_every_change_of_the_code_gives_another_program(few: dict[str, str]) -> None:
    others = {name: program(make()) for name, make in VARIANTS.items() if name not in few}
    assert not alike(few | others)


def test_hooks_and_changed_attributes_are_part_of_the_program(few: dict[str, str]) -> None:
    hooked = net()
    hooked.first.register_forward_hook(lambda module, given, found: found * 1.5)
    before = net()
    before.second.register_forward_pre_hook(lambda module, given: (given[0] * 1.5,))
    other = ended(lambda model, x: x * model.constant)
    other.constant = torch.tensor(3.0)
    changed = {"hook": program(hooked), "hook before": program(before), "constant": program(other)}
    assert not alike(few | changed)


def test_stride_and_padding_of_a_layer_are_part_of_the_program() -> None:
    found = set()
    for name, value in (("padding", (2, 2)), ("padding_mode", "reflect"), ("eps", 1e-3)):
        model = net()
        model.first = nn.Sequential(model.first, nn.BatchNorm2d(4).eval())
        setattr(model.first[name == "eps"], name, value)
        if name == "padding_mode":
            model.first[0]._reversed_padding_repeated_twice = [1, 1, 1, 1]
        found.add(program(model))
    assert len(found) == 3


def test_names_of_modules_count_because_rules_are_chosen_by_them() -> None:
    one = nn.Sequential(nn.Conv2d(3, 3, 8), nn.ReLU(), nn.Flatten())
    two = nn.Sequential()
    for name, layer in zip(("conv", "relu", "flat"), one, strict=True):
        two.add_module(name, layer)
    assert program(one.eval()) != program(two.eval())


def test_the_same_code_written_otherwise_is_the_same_program() -> None:
    class Renamed(Net):
        def forward(self, picture: Tensor) -> Tensor:
            hidden = F.relu(self.first(picture))
            pooled = F.max_pool2d(hidden, kernel_size=2)
            inner = F.relu(self.second(pooled))
            return self.last((pooled + inner).mean((2, 3)))

    assert program(Renamed(branched).eval()) == program(net())


def test_the_training_flag_does_not_count_because_the_model_is_evaluated() -> None:
    assert program(net().train()) == program(net())


def test_the_result_that_is_asked_for_counts() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = net()

        def forward(self, x: Tensor) -> dict[str, Tensor]:
            found = self.net(x)
            return {"one": found, "two": -found}

    found = {
        capture(Two().eval(), IMAGE, IMAGE.device, output=name).program for name in ("one", "two")
    }
    assert len(found) == 2


def test_a_single_logit_and_a_final_softmax_keep_their_program(few: dict[str, str]) -> None:
    single = program(ended(lambda model, x: x[:, :1]))
    soft = program(ended(lambda model, x: x.softmax(1)))
    assert not alike(few | {"single": single, "soft": soft, "none": ""})


CODE = """
import torch
from torch import nn
from torch.nn import functional as F
from {helper} import scales

class {name}(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Conv2d(3, 4, 8)
    def forward(self, {x}):
        return self.body({x}).flatten(1) * torch.tensor(scales(set("dcab")))
def build():
    torch.manual_seed(0)
    return {name}().eval()
"""
HELPER = """
def scales(names):
    return [{{name: float(ord(name)) for name in names}}[name] for name in sorted(names)]
"""


def written(folder: Path, *, name: str, x: str, helper: str) -> Path:
    folder.mkdir()
    (folder / f"{helper}.py").write_text(f"# {x}" + HELPER.format())
    path = folder / f"net_of_{name}.py"
    path.write_text(f"# the class {name}\n" + CODE.format(name=name, x=x, helper=helper))
    return path


def test_places_and_names_do_not_count(tmp_path: Path) -> None:
    one = written(tmp_path / "one", name="Net", x="x", helper="scales_of_one")
    two = written(tmp_path / "two", name="Other", x="picture", helper="scales_of_two")
    models = [load_factory(f"{path}:build", tmp_path, ModelError).target() for path in (one, two)]
    assert len({program(model) for model in models}) == 1


SCRIPT = """
import sys
import torch
from pathlib import Path
from auditor.base.errors import ModelError
from auditor.relevance.graph.capture import capture
from auditor.base.factories import load_factory
image = torch.zeros(1, 3, 8, 8)
model = load_factory(sys.argv[1] + ":build", Path("."), ModelError).target()
print(capture(model, image, image.device).program)
"""


@pytest.mark.slow
def test_the_seed_of_hashes_does_not_count(tmp_path: Path) -> None:
    path = written(tmp_path / "one", name="Net", x="x", helper="scales")
    found = {
        subprocess.run(
            [sys.executable, "-c", SCRIPT, str(path)],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in "123"
    }
    assert len(found) == 1
