"""What libraries wrap around a model to run it on several devices, or compiled: taken off."""

from __future__ import annotations

from torch import nn
from torch.nn.parallel import DistributedDataParallel

WRAPPED = {"DataParallel": "module", "DistributedDataParallel": "module", "compile": "_orig_mod"}


def unwrap(model: nn.Module) -> tuple[nn.Module, tuple[str, ...]]:
    """Return the module inside DataParallel, DistributedDataParallel and torch.compile, and notes.

    The module inside computes the same for a picture and is left as it is.
    """
    names = []
    while (wrapper := _wrapper(model)) is not None:
        names.append(wrapper)
        model = getattr(model, WRAPPED[wrapper])
    if not names:
        return model, ()
    return model, (
        f"the model comes wrapped by {' and '.join(names)}: the model inside is audited",
    )


def _wrapper(model: nn.Module) -> str | None:
    if isinstance(model, nn.DataParallel):
        return "DataParallel"
    if isinstance(model, DistributedDataParallel):
        return "DistributedDataParallel"
    # By name: importing its class would import torch's compiler, which takes a second.
    return "compile" if type(model).__name__ == "OptimizedModule" else None
