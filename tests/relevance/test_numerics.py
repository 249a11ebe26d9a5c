"""The engine computes alike whatever the user's code set before, and leaves it as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from auditor.relevance.sweep.numerics import PRECISIONS, exact

CPU = torch.device("cpu")
backends = torch.backends


def set_attribute(holder: Any, name: str, value: Any) -> Callable[[], None]:
    return lambda: setattr(holder, name, value)


# Single settings of a user's code, by the old names and the new.
SETTINGS: dict[str, Callable[[], object]] = {
    "nothing": lambda: None,
    "matmul high": lambda: torch.set_float32_matmul_precision("high"),
    "matmul medium": lambda: torch.set_float32_matmul_precision("medium"),
    "cuBLAS, old": set_attribute(backends.cuda.matmul, "allow_tf32", True),
    "cuDNN, old, on": set_attribute(backends.cudnn, "allow_tf32", True),
    "cuDNN, old, off": set_attribute(backends.cudnn, "allow_tf32", False),
    "everything, new": set_attribute(backends, "fp32_precision", "tf32"),
    "everything, new, bfloat16": set_attribute(backends, "fp32_precision", "bf16"),
    "CUDA, new": set_attribute(backends.cudnn, "fp32_precision", "tf32"),
    "cuBLAS, new": set_attribute(backends.cuda.matmul, "fp32_precision", "tf32"),
    "cuDNN convolutions, new": set_attribute(backends.cudnn.conv, "fp32_precision", "ieee"),
    "cuDNN recurrence, new": set_attribute(backends.cudnn.rnn, "fp32_precision", "ieee"),
    "oneDNN convolutions": set_attribute(backends.mkldnn.conv, "fp32_precision", "bf16"),
    "oneDNN matmul": set_attribute(backends.mkldnn.matmul, "fp32_precision", "bf16"),
    "oneDNN off": set_attribute(backends.mkldnn, "enabled", False),
    "oneDNN deterministic": set_attribute(backends.mkldnn, "deterministic", True),
    "cuDNN off": set_attribute(backends.cudnn, "enabled", False),
    "cuDNN benchmark": set_attribute(backends.cudnn, "benchmark", True),
    "default dtype": lambda: torch.set_default_dtype(torch.float64),
    "autocast": lambda: torch.set_autocast_enabled("cpu", True),
}


def own() -> dict[Any, Any]:
    """Return every setting by itself, read in a way that does not fail where names disagree."""
    found: dict[Any, Any] = {
        "dtype": torch.get_default_dtype(),
        "autocast": torch.is_autocast_enabled("cpu"),
        "oneDNN": (backends.mkldnn.enabled, backends.mkldnn.deterministic),
        "cuDNN": (
            backends.cudnn.enabled, backends.cudnn.benchmark, backends.cudnn.deterministic
        ),
        "grad": torch.is_grad_enabled(),
    }  # fmt: skip
    for place in PRECISIONS:
        found[place] = torch._C._get_fp32_precision_getter(*place)
    for name, read in {
        "matmul": torch.get_float32_matmul_precision,
        "cuBLAS": lambda: backends.cuda.matmul.allow_tf32,
        "cuDNN, old": lambda: backends.cudnn.allow_tf32,
    }.items():
        try:
            found[name] = read()
        except RuntimeError:
            found[name] = "the old and the new disagree"
    return found


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    before = own()
    try:
        yield
    finally:
        torch.set_autocast_enabled("cpu", False)
        torch.set_default_dtype(torch.float32)
        backends.mkldnn.enabled, backends.mkldnn.deterministic = before["oneDNN"]
        backends.cudnn.enabled, backends.cudnn.benchmark, _ = before["cuDNN"]
        torch.set_float32_matmul_precision("highest")
        backends.cudnn.allow_tf32 = True
        for place in PRECISIONS:
            own_value = "tf32" if place in (("cuda", "conv"), ("cuda", "rnn")) else "none"
            torch._C._set_fp32_precision_setter(*place, own_value)
        assert own() == before


@pytest.mark.parametrize("first", SETTINGS)
def test_inside_all_is_exact_and_outside_all_is_as_it_was(first: str) -> None:
    with exact(CPU):
        wanted = own()
    assert wanted["dtype"] == torch.float32
    assert (wanted["matmul"], wanted["cuBLAS"], wanted["cuDNN, old"]) == ("highest", False, False)
    assert {wanted[place] for place in PRECISIONS} == {"ieee"}
    SETTINGS[first]()
    for second in SETTINGS.values():
        second()
        before = own()
        with exact(CPU):
            assert own() == wanted
            with exact(CPU):  # as in a model's own forward
                assert own() == wanted
        assert own() == before


def test_what_the_general_says_still_reaches_what_says_nothing() -> None:
    with exact(CPU):
        pass
    backends.fp32_precision = "bf16"
    assert backends.mkldnn.matmul.fp32_precision == "bf16"


def test_settings_are_put_back_after_an_error_and_a_change_inside() -> None:
    torch.set_float32_matmul_precision("medium")
    before = own()

    def forward() -> None:
        for change in SETTINGS.values():
            change()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), exact(CPU):
        forward()
    assert own() == before


def test_new_tensors_and_products_do_not_depend_on_the_users_settings() -> None:
    x = torch.linspace(-1, 1, 64 * 96).reshape(64, 96)
    with exact(CPU):
        wanted = x @ x.T
    torch.set_float32_matmul_precision("medium")
    torch.set_default_dtype(torch.float64)
    torch.set_autocast_enabled("cpu", True)
    with exact(CPU):
        assert torch.equal(x @ x.T, wanted)
        assert torch.ones(1).dtype == torch.float32
