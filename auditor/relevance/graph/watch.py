"""Run the user's forward once for real and watch which values it turns into numbers of Python.

A program that is captured can follow neither a branch nor a loop on what a picture holds. What
depends on weights and settings alone is the same for every picture: those values are kept, and
given again while the program is captured (``known``), where tensors have no values.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakTensorKeyDictionary

from auditor.base.errors import CaptureError
from auditor.base.users_lines import in_words, users_frame

NUMBERS = frozenset({
    "__bool__", "__int__", "__float__", "__index__", "item", "tolist", "is_nonzero", "equal",
    "allclose",
})  # fmt: skip
TORCH = str(Path(torch.__file__).parent / "_")[:-1]  # with its separator: not torchvision
Place = tuple[str, int, str]
Numbers = dict[Place, list[Any]]
LEAVING = frozenset({"numpy", "__array__"})
SIZES = frozenset({
    "aten.nonzero.default", "aten.masked_select.default", "aten._unique2.default",
    "aten.unique_dim.default", "aten.unique_consecutive.default", "aten.repeat_interleave.Tensor",
})  # fmt: skip


@dataclass(frozen=True, eq=False)
class Watched:
    """The model's result, the numbers it made of constants, by place, and where it drew any."""

    result: Any
    numbers: Numbers
    random: str | None


def watch(model: nn.Module, images: Tensor) -> Watched:
    """Run the model on images and return what was seen.

    Raises:
        CaptureError: what a picture holds becomes a number, a size, or leaves torch.
    """
    touched = _Touched(images)
    numbers = _Numbers(touched)
    with touched, numbers:
        result = model(images)
    return Watched(result, numbers.found, touched.random)


@contextmanager
def known(numbers: Numbers) -> Iterator[None]:
    """Give the numbers again at their places where a tensor without values is asked for one."""
    with _Known(numbers):
        yield


class _Touched(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Follow which tensors depend on the images."""

    def __init__(self, images: Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.known: MutableMapping[Tensor, bool] = WeakTensorKeyDictionary()
        self.known[images] = True
        self.random: str | None = None

    def by_image(self, value: Any) -> bool:
        """Tell whether a tensor, or one in a structure, depends on the images."""
        return any(isinstance(each, Tensor) and each in self.known for each in tree_leaves(value))

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        touched = self.by_image((args, kwargs))
        name = func.overloadpacket.__name__
        if touched and name == "_local_scalar_dense":
            raise decides("turns a value that depends on the picture into a number")
        if touched and (str(func) in SIZES or (name == "index" and _masked(args[1]))):
            raise decides(f"makes a tensor whose size depends on the picture ({name})")
        if self.random is None and torch.Tag.nondeterministic_seeded in func.tags:
            self.random = f"{name} in {_here()}"
        result = func(*args, **(kwargs or {}))
        if touched:
            for each in tree_leaves(result):
                if isinstance(each, Tensor):
                    self.known[each] = True
        return result


def _masked(places: Any) -> bool:
    return any(isinstance(each, Tensor) and each.dtype == torch.bool for each in places)


class _Numbers(TorchFunctionMode):
    """Keep every number that is made of a tensor; refuse those made of the images."""

    def __init__(self, touched: _Touched) -> None:
        super().__init__()
        self.touched = touched
        self.found: Numbers = {}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "")
        if name in LEAVING and self.touched.by_image(args[0]):
            raise leaves(name)
        if name in NUMBERS and self.touched.by_image((args, kwargs)):
            raise decides("turns a value that depends on the picture into a number or a branch")
        result = func(*args, **(kwargs or {}))
        if name in NUMBERS:
            self.found.setdefault(_place(name), []).append(result)
            if name == "tolist":  # of a tensor without values: one number after the other
                self.found.setdefault(_place("item"), []).extend(tree_leaves(result))
        return result


class _Known(TorchFunctionMode):
    """Answer from the kept numbers. The forward may run several times: they start again."""

    def __init__(self, numbers: Numbers) -> None:
        super().__init__()
        self.numbers = {place: cycle(values) for place, values in numbers.items()}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "")
        values = self.numbers.get(_place(name)) if name in NUMBERS else None
        return func(*args, **(kwargs or {})) if values is None else next(values)


def _place(name: str) -> Place:
    """Return where outside of torch the call with this name stands: file and line."""
    frame = sys._getframe(2)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(TORCH):
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno, name


def decides(what: str) -> CaptureError:
    """Return the error for a forward that goes another way for another picture."""
    return CaptureError(
        f"{_here()} {what}, so that the program differs from picture to picture and cannot be "
        "captured: compute both ways and choose with torch.where, or leave that part out of the "
        "model that is audited."
    )


def leaves(name: str) -> CaptureError:
    """Return the error for a forward, or a hook, that leaves torch."""
    return CaptureError(
        f"{_here()} leaves torch ({name}), so that relevance cannot be followed through it: use "
        "operations of torch there, or remove the hook that does it."
    )


def _here() -> str:
    frame = users_frame(traceback.extract_stack())
    return "the model's forward" if frame is None else in_words(frame)
