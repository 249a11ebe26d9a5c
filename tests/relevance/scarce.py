"""A machine whose memory is short."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode


class Short(TorchDispatchMode):
    """Memory for ``most`` images: convolutions of more raise what ``error`` makes.

    ``reverse``: only those that send relevance back.
    """

    def __init__(self, most: int, error: Callable[[], Exception], *, reverse: bool = False) -> None:
        super().__init__()
        self.most, self.error, self.reverse = most, error, reverse

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        name = function.overloadpacket.__name__
        # A transposed convolution, or the gradient of one, is what the rules send back.
        back = name == "convolution_backward" or (name == "convolution" and args[6])
        if (back if self.reverse else "convolution" in name) and len(args[0]) > self.most:
            raise self.error()
        return function(*args, **(kwargs or {}))
