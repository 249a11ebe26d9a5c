"""``overcomplete:my_code.py:build``: a fitted dictionary of the package overcomplete.

The function returns the model: a sparse autoencoder, or another dictionary with ``encode`` and
``get_dictionary``. What is saved of one is a pickle, which is never opened here: your code does.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from auditor.base.errors import ConfigError
from auditor.base.factories import load_factory, users_code
from auditor.subject.dictionaries import CONCEPT_SOURCES, KEY, Dictionary
from auditor.subject.digests import value_digest


@CONCEPT_SOURCES.register("overcomplete")
def overcomplete(rest: str, base: Path) -> Dictionary:
    """Return the dictionary that a function of yours returns.

    Raises:
        ConfigError: the function fails, or returns something else.
    """
    factory = load_factory(rest, base, ConfigError)
    with users_code(f"{KEY}: {factory.label} failed", ConfigError):
        model = factory.target()
    if not (hasattr(model, "encode") and hasattr(model, "get_dictionary")):
        raise ConfigError(
            f"{KEY}: {factory.label} returns a {type(model).__name__}; it must return a dictionary "
            "of the package overcomplete, with encode and get_dictionary."
        )
    if isinstance(model, nn.Module):
        model.eval().requires_grad_(requires_grad=False)
    with users_code(f"{KEY}: the dictionary of {factory.label} failed", ConfigError):
        directions = torch.as_tensor(model.get_dictionary()).detach().cpu()
    return Dictionary(directions, _encoder(model, directions.dtype), (), _digest(model, directions))


def _encoder(model: Any, dtype: torch.dtype) -> Callable[[Tensor], Tensor]:
    def encode(values: Tensor) -> Tensor:
        if isinstance(model, nn.Module):
            model.to(values.device)
        with torch.random.fork_rng([]):  # NMF begins at random codes: at the same ones each time
            torch.manual_seed(0)
            found = model.encode(values.to(dtype))
        codes = found[-1] if isinstance(found, tuple) else found  # (before the activation, codes)
        return torch.as_tensor(codes).to(values)

    return encode


def _digest(model: Any, directions: Tensor) -> str:
    state = model.state_dict() if isinstance(model, nn.Module) else {}
    tensors = {name: each for name, each in state.items() if isinstance(each, Tensor)}
    return value_digest([type(model).__name__, tensors, directions])
