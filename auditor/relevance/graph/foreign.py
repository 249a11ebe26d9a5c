"""Refuse, by name, models whose computation torch keeps out of sight."""

from __future__ import annotations

import torch
from torch import nn

from auditor.base.errors import CaptureError

QUANTISED = ("torch.ao.nn.quantized", "torch.ao.nn.intrinsic.quantized", "torchao", "bitsandbytes")


def refuse_foreign(model: nn.Module) -> None:
    """Refuse a model with a ScriptModule or a quantised part in it.

    Raises:
        CaptureError: naming that part.
    """
    for path, module in model.named_modules():
        part = f"its part '{path}'" if path else "the model"
        if isinstance(module, torch.jit.ScriptModule):
            raise CaptureError(
                f"{part} is a ScriptModule (torch.jit.script or trace), whose operations cannot "
                "be captured: give the Python model that it was made from, and load its weights."
            )
        tensors = [*module.parameters(recurse=False), *module.buffers(recurse=False)]
        kinds = [type(module), *map(type, tensors)]
        foreign = [kind for kind in kinds if kind.__module__.startswith(QUANTISED)]
        if foreign or any(each.is_quantized for each in tensors):
            name = (foreign or kinds)[0].__name__
            raise CaptureError(
                f"{part} is quantised ({name}), and relevance needs its weights as they were "
                "before: give the model in floating point."
            )
