"""Which tensors of a checkpoint can be weights, and what is changed when they are copied."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from auditor.base.errors import CheckpointError, on_one_line

PLAIN = (Tensor, nn.Parameter, nn.Buffer)
FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def refuse_unusable(state: Mapping[str, Tensor], own: Mapping[str, Tensor], name: str) -> None:
    """Refuse tensors that cannot be copied into the model's own ones as they are meant.

    Raises:
        CheckpointError: sparse, quantised, without values, or of another kind of number; the first
            of them and how many there are.
    """
    found = [(key, _problem(value, own[key])) for key, value in state.items()]
    wrong = [(key, problem) for key, problem in found if problem]
    if wrong:
        key, problem = wrong[0]
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        raise CheckpointError(
            f"the checkpoint '{name}': '{on_one_line(key)}' {problem}{more}; save the model's "
            "weights as ordinary float tensors."
        )


def refuse_changed(state: Mapping[str, Tensor], now: Mapping[str, Tensor], name: str) -> None:
    """Check that the model holds what the checkpoint does.

    Raises:
        CheckpointError: a tensor did not take its values, as where the model's code makes two
            tensors one, and the file holds two.
    """
    for key, value in state.items():
        if not _copied(value, now[key]):
            raise CheckpointError(
                f"the checkpoint '{name}' holds another '{on_one_line(key)}' than the model after "
                "loading: the model's code changes it, or shares it with another tensor; check "
                "model.source against the code that was trained."
            )


def casts(state: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> Iterable[str]:
    """Say which tensors were converted to the model's own kind of number, with counts."""
    counted = Counter(
        (_kind(value), _kind(own[key]))
        for key, value in state.items()
        if value.dtype != own[key].dtype and own[key].is_floating_point()
    )
    return [
        f"{count} tensors of the checkpoint are {there} and were converted to {here}"
        for (there, here), count in sorted(counted.items())
    ]


def _problem(value: Tensor, own: Tensor) -> str:
    """Return what is wrong with a tensor that is to be copied into ``own``, or an empty text."""
    if value.is_quantized:
        return "is quantised"
    if value.is_nested:
        return "is a nested tensor"
    if value.layout is not torch.strided:
        return f"is sparse ({_word(value.layout)})"
    if value.is_meta:
        return "has a shape and no values (device meta)"
    if type(value) not in PLAIN:
        return f"is a {type(value).__name__}, not an ordinary tensor"
    if own.dtype in FLOATS and value.dtype not in FLOATS:
        quantised = "; the file seems to be quantised" if _is_small(value) else ""
        return f"is {_kind(value)} where the model has {_kind(own)}{quantised}"
    if own.dtype not in FLOATS and _category(value) != _category(own):
        return f"is {_kind(value)} where the model has {_kind(own)}"
    return ""


def _is_small(value: Tensor) -> bool:
    return value.element_size() == 1 and value.dtype is not torch.bool


def _category(value: Tensor) -> str:
    if value.is_complex():
        return "complex"
    if value.is_floating_point():
        return "float"
    return "bool" if value.dtype is torch.bool else "integer"


def _copied(value: Tensor, now: Tensor) -> bool:
    wanted = value.detach().to(now.dtype)
    same = (wanted == now) | (wanted.isnan() & now.isnan())
    return bool(same.all())


def _kind(value: Tensor) -> str:
    return _word(value.dtype)


def _word(value: object) -> str:
    return str(value).removeprefix("torch.")
