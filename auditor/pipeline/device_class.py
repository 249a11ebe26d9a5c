"""What of a machine changes the last bits of an audit's numbers."""

from __future__ import annotations

import os
import platform

import scipy.linalg  # noqa: F401 - what is loaded is seen below, and its kernels count
import torch
from threadpoolctl import threadpool_info

# Variables by which the libraries below choose their kernels.
VARIABLES = (
    "ONEDNN_MAX_CPU_ISA", "ONEDNN_DEFAULT_FPMATH_MODE", "DNNL_MAX_CPU_ISA",
    "DNNL_DEFAULT_FPMATH_MODE", "MKL_CBWR", "NVIDIA_TF32_OVERRIDE", "CUBLAS_WORKSPACE_CONFIG",
)  # fmt: skip


def device_class(device: torch.device) -> dict[str, str]:
    """Return what decides which kernels compute here: another class, other last bits.

    The number of threads does not: no kernel that is used divides a sum by it.
    """
    found = {"machine": platform.machine(), "CPU": torch.backends.cpu.get_cpu_capability()}
    kernels = {str(each["architecture"]) for each in threadpool_info() if "architecture" in each}
    found["BLAS"] = ", ".join(sorted(kernels))
    found |= {name: os.environ[name] for name in VARIABLES if name in os.environ}
    if torch.are_deterministic_algorithms_enabled():
        found["algorithms"] = "deterministic"
    if device.type == "cuda":
        found["GPU"] = torch.cuda.get_device_name(device)
        found["CUDA"] = str(torch.version.cuda or torch.version.hip)
        found["cuDNN"] = str(torch.backends.cudnn.version())  # type: ignore[no-untyped-call]
    return found
