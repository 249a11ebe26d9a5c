"""What identifies the code of a model: the program that is captured, and no name of a place.

Two models with one program and one set of weights (`auditor.subject.digests.weights_digest`) give
the same answers. Names of files, lines, variables and classes do not count, nor does the device;
the names of parameters and of modules do, because rules and layers are chosen by them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch.export.graph_signature import ExportGraphSignature
from torch.fx import GraphModule, Node

from auditor.subject.digests import value_digest

_ADDRESS = re.compile(r" at 0x[0-9a-f]+")
_SYMBOL = re.compile(r"\b[a-z]+\d+\b")


def program_digest(program: torch.export.ExportedProgram, index: int) -> str:
    """Return a sha256 over operations, arguments, wiring, constants and modules of a program.

    ``index`` is that of the logits among the results.
    """
    signature = program.graph_signature
    given = _given(signature, program.constants)
    results = [[each.kind.name, each.target] for each in signature.output_specs]
    return value_digest([index, results, _graph(program.graph_module, given)])


def module_calls(item: Node) -> tuple[str, ...]:
    """Return the module calls around an operation, outermost first ('relu@1': second call)."""
    stack = item.meta.get("nn_module_stack") or {}
    paths = []
    for key, (path, _) in stack.items():
        call = key.rsplit("@", maxsplit=1)[1] if "@" in key.rsplit(".", maxsplit=1)[-1] else ""
        if path:
            paths.append(f"{path}@{call}" if call else path)
    return tuple(paths)


def _given(signature: ExportGraphSignature, constants: Mapping[str, Any]) -> dict[str, Any]:
    """Return what each input of the program stands for: a parameter's name, or a constant."""
    given = {}
    for spec in signature.input_specs:
        held: Any = spec.target
        if spec.kind.name in ("CONSTANT_TENSOR", "CUSTOM_OBJ"):
            held = constants.get(str(spec.target))
            held = held if isinstance(held, torch.Tensor) else _other(held)
        given[str(getattr(spec.arg, "name", ""))] = [spec.kind.name, held]
    return given


def _graph(module: GraphModule, given: Mapping[str, Any]) -> list[Any]:
    """Return the nodes in order; each refers to others by their place among the nodes."""
    places = {item: index for index, item in enumerate(module.graph.nodes)}
    lines = []
    for item in module.graph.nodes:
        if item.op == "placeholder":
            held = given.get(item.name)
        elif item.op == "get_attr":
            held = _attribute(module, str(item.target))
        else:
            held = _target(item.target)
        arguments = [_argument(each, places) for each in (item.args, item.kwargs)]
        lines.append([item.op, held, arguments, module_calls(item)])
    return lines


def _attribute(module: GraphModule, path: str) -> Any:
    held: Any = module
    for name in path.split("."):
        held = getattr(held, name)
    if isinstance(held, GraphModule):
        return ["program", _graph(held, {})]
    return held if isinstance(held, torch.Tensor) else _other(held)


def _target(target: Any) -> str:
    """Return the full name of an operation: 'aten.conv2d.default', '_operator.getitem'."""
    if isinstance(target, str | torch._ops.OpOverload | torch._ops.HigherOrderOperator):
        return str(target)
    return f"{getattr(target, '__module__', '')}.{getattr(target, '__qualname__', _other(target))}"


def _argument(value: Any, places: Mapping[Node, int]) -> Any:
    if isinstance(value, Node):
        return {"node": places[value]}
    if isinstance(value, list | tuple):
        return [_argument(each, places) for each in value]
    if isinstance(value, Mapping):
        return {str(key): _argument(each, places) for key, each in value.items()}
    if isinstance(value, slice):
        return {"slice": _argument((value.start, value.stop, value.step), places)}
    if value is None or isinstance(value, bool | int | float | complex | str | torch.Tensor):
        return value
    if isinstance(value, torch.device):
        return {"device": ""}
    if isinstance(value, torch.SymInt | torch.SymFloat | torch.SymBool):
        return {"symbol": _symbols(str(value))}
    if callable(value) and not isinstance(value, type):
        return {"operation": _target(value)}
    return _other(value)


def _symbols(text: str) -> str:
    """Return an expression of sizes with its symbols numbered as they appear."""
    numbers: dict[str, int] = {}
    return _SYMBOL.sub(lambda each: f"s{numbers.setdefault(each[0], len(numbers))}", text)


def _other(value: Any) -> str:
    """Return kind and text of anything else (a dtype, a memory format), without addresses."""
    return f"{type(value).__qualname__} {_ADDRESS.sub('', repr(value))}"
