"""Call the user's own model as its user would, and leave no trace on it."""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from auditor.subject.answers import find_answer, logits
from auditor.subject.precision import full_precision
from auditor.subject.scores import Scores

PLAIN = (Tensor, nn.Parameter)
CONTAINERS = (dict, list, set)


def ask(model: nn.Module, images: Tensor) -> Any:
    """Return the model's own result for images (B, 3, H, W), whatever it is.

    The model is in evaluation and full precision, and gets what a data loader gives: a tensor of
    its own, contiguous, in the type and on the device of its weights.
    """
    with untouched(model), full_precision(model):
        return model(handed_over(model, images))


def ask_logits(
    model: nn.Module, images: Tensor, output: str | None, scores: Scores = "logits"
) -> Tensor:
    """Return the model's own logits (B, K); a single picture is shown twice.

    A head that squeezes takes the axis of a single picture away too. ``scores``: what the outputs
    are; of probabilities, logarithms are returned.
    """
    several = images if len(images) > 1 else images.repeat(2, 1, 1, 1)
    result = ask(model, several)
    return logits(result, find_answer(result, output), scores)[: len(images)]


def handed_over(model: nn.Module, images: Tensor) -> Tensor:
    """Return a copy of images as a loader would give them to this model."""
    weight = next((each for each in model.parameters() if each.is_floating_point()), images)
    return images.detach().to(weight).clone(memory_format=torch.contiguous_format)


@contextlib.contextmanager
def untouched(model: nn.Module) -> Iterator[None]:
    """Run the user's code in evaluation without gradients; put back whatever it changes.

    Flags, attributes, buffers and parameters are afterwards what they were, random numbers too.
    What the code prints goes to stderr: stdout is for results. Compiled parts run as they are
    written.
    """
    modules = [each for each in model.modules() if not isinstance(each, torch.jit.ScriptModule)]
    kept = [_Kept.of(each) for each in modules]
    tensors = _tensors(modules)
    try:
        for module in modules:
            module.training = False
            if isinstance(module, nn.DataParallel):
                module.device_ids = []  # one device: the module itself
        with (
            torch.inference_mode(mode=False),
            torch.no_grad(),
            torch.random.fork_rng(devices=[]),
            _uncompiled(),
            contextlib.redirect_stdout(sys.stderr),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")  # they are about the model's code, not about the audit
            yield
    finally:
        for each in kept:
            each.put_back()
        for tensor in tensors:
            tensor.put_back()


def _uncompiled() -> contextlib.AbstractContextManager[None]:
    """Run what torch.compile wrapped as it is written; nothing is compiled before this import."""
    if "torch._dynamo" not in sys.modules:
        return contextlib.nullcontext()
    stance: contextlib.AbstractContextManager[None] = torch.compiler.set_stance("force_eager")
    return stance


@dataclass(frozen=True, eq=False)
class _Kept:
    """The attributes of a module, and what its containers held."""

    module: nn.Module
    attributes: dict[str, Any]
    contents: tuple[tuple[Any, Any], ...]

    @classmethod
    def of(cls, module: nn.Module) -> _Kept:
        attributes = dict(vars(module))
        containers = [each for each in attributes.values() if isinstance(each, CONTAINERS)]
        return cls(module, attributes, tuple((each, each.copy()) for each in containers))

    def put_back(self) -> None:
        own = vars(self.module)
        if _changed(own, self.attributes):
            own.clear()
            own.update(self.attributes)
        for container, content in self.contents:
            if isinstance(container, list):
                if len(container) != len(content) or _differ(container, content):
                    container[:] = content
            elif isinstance(container, set):
                if container != content:
                    container.clear()
                    container.update(content)
            elif _changed(container, content):
                container.clear()
                container.update(content)


def _changed(now: dict[Any, Any], before: dict[Any, Any]) -> bool:
    return list(now) != list(before) or _differ(now.values(), before.values())


def _differ(first: Any, second: Any) -> bool:
    return any(one is not other for one, other in zip(first, second, strict=True))


@dataclass(frozen=True, eq=False)
class _KeptTensor:
    """A tensor, where its values lay, and a copy of them."""

    tensor: Tensor
    data: Tensor
    copy: Tensor

    def put_back(self) -> None:
        with torch.no_grad():
            if self.tensor.data_ptr() != self.data.data_ptr():
                self.tensor.data = self.data
            if not torch.equal(self.data, self.copy):
                self.data.copy_(self.copy)


def _tensors(modules: list[nn.Module]) -> list[_KeptTensor]:
    """Keep the parameters, buffers and other tensors of the modules themselves."""
    found: dict[int, Tensor] = {}
    for module in modules:
        own = vars(module)
        for holder in (own["_parameters"], own["_buffers"], own):
            for value in holder.values():
                if type(value) in PLAIN:
                    found[id(value)] = value
    return [_KeptTensor(each, each.data, each.detach().clone()) for each in found.values()]
