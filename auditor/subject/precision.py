"""Full float32 inside the user's own forward: autocast off, casts to half precision left out.

What is explained is a program of one precision. ``torch.autocast`` and ``x.half()`` inside a
forward trade digits for speed; the function that the model computes is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.amp.autocast_mode import autocast
from torch.overrides import TorchFunctionMode

LOW = {torch.float16: "float16", torch.bfloat16: "bfloat16"}
CASTS = {"half": "float16", "bfloat16": "bfloat16"}


@contextmanager
def full_precision(model: nn.Module) -> Iterator[set[str]]:
    """Compute in full precision; the set that is yielded fills with what was asked for instead.

    A model whose own weights are in half precision is left to itself.
    """
    met: set[str] = set()
    if any(each.dtype in LOW for each in model.parameters()):
        yield met
        return
    enter: Callable[[Any], Any] = autocast.__enter__

    def enter_disabled(self: Any) -> Any:
        asked = self._enabled
        if asked:
            met.add(f"{LOW.get(self.fast_dtype, str(self.fast_dtype))} (autocast)")
        self._enabled = False
        try:
            return enter(self)
        finally:
            self._enabled = asked  # a decorator keeps its autocast for the next call

    autocast.__enter__ = enter_disabled  # type: ignore[method-assign]
    try:
        with _WithoutCasts(met):
            yield met
    finally:
        autocast.__enter__ = enter  # type: ignore[method-assign]


class _WithoutCasts(TorchFunctionMode):
    """Keep float32 where half precision is asked for."""

    def __init__(self, met: set[str]) -> None:
        super().__init__()
        self.met = met

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        cast = CASTS.get(getattr(func, "__name__", ""))
        if cast is not None:
            self.met.add(cast)
            return args[0].float()
        return func(
            *(self._full(each) for each in args),
            **{key: self._full(each) for key, each in (kwargs or {}).items()},
        )

    def _full(self, value: Any) -> Any:
        if isinstance(value, torch.dtype) and value in LOW:
            self.met.add(LOW[value])
            return torch.float32
        return value
