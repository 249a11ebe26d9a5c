"""What stands in for the objects that training scripts keep beside the weights.

Nothing of the classes named here is ever made: each name is read as one of the stand-ins, so that
no file can do anything with them.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any


class Ignored:
    """Stands in for an object of a checkpoint that is no tensor: takes anything, does nothing."""

    def __init__(self, *arguments: object) -> None:
        return

    def __setstate__(self, state: object) -> None:
        return


class NumpyArray(Ignored):
    """Stands in for an array of NumPy."""


class IgnoredList(list):
    """Stands in for a list of another class."""

    def __init__(self, *arguments: object) -> None:
        super().__init__()

    def __setstate__(self, state: object) -> None:
        return


def _mapping(*arguments: object) -> OrderedDict[Any, Any]:
    return OrderedDict()


NUMPY = ("numpy.core.multiarray", "numpy._core.multiarray")
HARMLESS = (
    "argparse.Namespace",
    "types.SimpleNamespace",
    *(
        f"{module}.{kind}"
        for module in ("pathlib", "pathlib._local")
        for kind in (
            *("PosixPath", "WindowsPath", "Path"),
            *("PurePosixPath", "PureWindowsPath", "PurePath"),
        )
    ),
    *(f"{module}.scalar" for module in NUMPY),
    "numpy.ndarray",
    "numpy.dtype",
    *(f"numpy.{kind}" for kind in ("float16", "float32", "float64", "int32", "int64", "bool_")),
    *(
        f"numpy.dtypes.{kind}DType"
        for kind in (
            *("Bool", "Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64"),
            *("Float16", "Float32", "Float64", "Str", "Bytes", "Object", "LongLong"),
        )
    ),
    *(f"datetime.{kind}" for kind in ("datetime", "date", "time", "timedelta", "timezone")),
    *(f"builtins.{kind}" for kind in ("list", "dict", "tuple", "frozenset", "slice", "range")),
    *(f"builtins.{kind}" for kind in ("int", "float", "str", "bool", "bytes", "object")),
    "decimal.Decimal",
    "fractions.Fraction",
    "uuid.UUID",
    "typing.Any",
    "torch.torch_version.TorchVersion",
    "torch._C.Generator",
    "omegaconf.dictconfig.DictConfig",
    "omegaconf.listconfig.ListConfig",
    "omegaconf.base.ContainerMetadata",
    "omegaconf.base.Metadata",
    "omegaconf.nodes.AnyNode",
)
HARMLESS_ARRAYS = (
    *(f"{module}._reconstruct" for module in NUMPY),
    "numpy._core.numeric._frombuffer",
    "numpy.core.numeric._frombuffer",
)
HARMLESS_LISTS = ("collections.deque",)
HARMLESS_MAPPINGS = ("collections.defaultdict",)
# Classes of mappings that are made with ``__new__`` and filled key by key.
HARMLESS_DICTS = (
    "lightning.fabric.utilities.data.AttributeDict",
    "lightning_fabric.utilities.data.AttributeDict",
    "pytorch_lightning.utilities.parsing.AttributeDict",
    "lightning.pytorch.utilities.parsing.AttributeDict",
)
STAND_INS: list[Any] = [
    *((Ignored, name) for name in HARMLESS),
    *((NumpyArray, name) for name in HARMLESS_ARRAYS),
    *((IgnoredList, name) for name in HARMLESS_LISTS),
    *((_mapping, name) for name in HARMLESS_MAPPINGS),
    *((OrderedDict, name) for name in HARMLESS_DICTS),
]
