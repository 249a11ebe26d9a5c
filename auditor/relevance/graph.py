"""Capture a model as one functional graph of plain records, with the constants worked out.

The graph is the only thing the engine reads of a model: no hooks, no patched classes. Nodes are
in topological order and refer to each other by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Ref:
    """Stand for the value of another node inside the arguments of a node."""

    name: str


@dataclass(frozen=True)
class Element:
    """Call an operation that returns a tuple and keep one element of it."""

    target: Callable[..., Any]
    index: int

    def __call__(self, /, **arguments: Any) -> Any:
        """Run the operation and return the element."""
        return self.target(**arguments)[self.index]


@dataclass(frozen=True, eq=False)
class Node:
    """One operation of the graph.

    ``inputs`` are the distinct nodes whose values depend on the pixels of the image, in order of
    appearance: relevance flows to these and to nothing else. Constants (weights included) stand
    in ``arguments`` as tensors. ``shape`` and ``input_shapes`` are for a batch of two images.
    """

    name: str
    operation: str
    target: Callable[..., Any]
    arguments: Mapping[str, Any]
    inputs: tuple[str, ...]
    shape: tuple[int, ...]
    input_shapes: tuple[tuple[int, ...], ...] = ()
    modules: tuple[str, ...] = ()
    live: bool = True

    @property
    def module(self) -> str:
        """Return the path of the innermost module that ran this operation ('' for the model)."""
        return self.modules[-1].split("@")[0] if self.modules else ""

    def call(self, values: Mapping[str, Any]) -> Any:
        """Run the operation on the values of the nodes that it refers to."""
        return self.target(**{key: _fill(value, values) for key, value in self.arguments.items()})

    def refers(self) -> Iterator[str]:
        """Yield the name of every node in the arguments, with repeats."""
        for value in self.arguments.values():
            yield from _refs(value)


@dataclass(frozen=True, eq=False)
class Graph:
    """A captured model: nodes from the image (``input``) to the logits (``output``)."""

    nodes: tuple[Node, ...]
    input: str
    output: str
    by_name: dict[str, Node] = field(init=False, repr=False)
    users: dict[str, tuple[str, ...]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {node.name: node for node in self.nodes})
        users: dict[str, list[str]] = {node.name: [] for node in self.nodes}
        for node in self.nodes:
            for name in dict.fromkeys(node.refers()):
                users[name].append(node.name)
        object.__setattr__(self, "users", {name: tuple(each) for name, each in users.items()})

    def __getitem__(self, name: str) -> Node:
        return self.by_name[name]

    def descendants(self, starts: set[str]) -> set[str]:
        """Return ``starts`` and every node that relevance can pass on its way to them."""
        reached = set(starts)
        for node in self.nodes:
            if any(name in reached for name in node.inputs):
                reached.add(node.name)
        return reached

    def ancestors(self, starts: set[str]) -> set[str]:
        """Return ``starts`` and every live node that they depend on."""
        reached = set(starts)
        for node in reversed(self.nodes):
            if node.name in reached:
                reached.update(node.inputs)
        return reached


def identity(image: Tensor) -> Tensor:
    """Return the image: the target of the input node, which is never called."""
    return image


def build(program: torch.export.ExportedProgram, device: torch.device) -> Graph:
    """Turn an exported program into a ``Graph``, evaluating whatever no image can change."""
    signature = program.graph_signature
    constants: dict[str, Any] = {}
    state = {**program.constants, **program.state_dict}
    nodes: dict[str, Node] = {}
    image_name = ""
    output_name = ""
    for item in program.graph.nodes:
        if item.op == "placeholder":
            target = signature.inputs_to_parameters.get(
                item.name, signature.inputs_to_buffers.get(item.name)
            ) or signature.inputs_to_lifted_tensor_constants.get(item.name)
            if target is not None:
                constants[item.name] = state[target].detach().to(device)
            else:
                image_name = item.name
                shape = _shape(item.meta["val"])
                nodes[item.name] = Node(item.name, "input", identity, {}, (), shape)
        elif item.op == "get_attr":
            value = getattr(program.graph_module, str(item.target))
            constants[item.name] = value.detach().to(device)
        elif item.op == "output":
            (results,) = item.args
            output_name = results[0].name
        else:
            _add(item, nodes, constants, device)
    kept = Graph(tuple(nodes.values()), image_name, output_name)
    return prune(kept)


def prune(graph: Graph) -> Graph:
    """Drop the nodes that the output does not need."""
    needed = {graph.output, graph.input}
    for node in reversed(graph.nodes):
        if node.name in needed:
            needed.update(node.refers())
    nodes = tuple(node for node in graph.nodes if node.name in needed)
    return Graph(nodes, graph.input, graph.output)


def _add(
    item: torch.fx.Node, nodes: dict[str, Node], constants: dict[str, Any], device: torch.device
) -> None:
    """Add one call of the program: as a node, or as a constant when no image reaches it."""
    arguments = _arguments(item, constants)
    target: Any = item.target
    if getattr(target, "__name__", "") == "getitem" and isinstance(item.args[0], torch.fx.Node):
        source = nodes.get(item.args[0].name)
        if source is None:
            constants[item.name] = constants[item.args[0].name][item.args[1]]
            return
        index = int(str(item.args[1]))
        target, arguments = Element(source.target, index), dict(source.arguments)
        operation = source.operation
    else:
        operation = _operation(target)
    if "device" in arguments and arguments["device"] is not None:
        arguments["device"] = device
    names = list(dict.fromkeys(name for value in arguments.values() for name in _refs(value)))
    if not names:
        constants[item.name] = target(**arguments)
        return
    value = item.meta.get("val")
    measures_only = operation in {"sym_size", "sym_numel"} or not _is_tensor(value)
    inputs = () if measures_only else tuple(name for name in names if nodes[name].live)
    nodes[item.name] = Node(
        name=item.name,
        operation=operation,
        target=target,
        arguments=arguments,
        inputs=inputs,
        shape=_shape(value) if isinstance(value, Tensor) else (),
        modules=_modules(item),
        live=bool(inputs) and operation not in SHAPE_ONLY,
    )


SHAPE_ONLY = frozenset({"zeros_like", "ones_like", "full_like", "new_zeros", "new_ones"})


def _is_tensor(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(each is None or isinstance(each, Tensor) for each in value)
    return isinstance(value, Tensor)


def _operation(target: Any) -> str:
    """Return the plain name of an operation: 'conv2d' for aten.conv2d.default."""
    name = getattr(target, "overloadpacket", target)
    return str(getattr(name, "__name__", name)).rsplit(".", maxsplit=1)[-1]


def _arguments(item: torch.fx.Node, constants: Mapping[str, Any]) -> dict[str, Any]:
    """Name every argument by the schema of the operation and fill in the defaults."""

    def plain(value: Any) -> Any:
        if isinstance(value, torch.fx.Node):
            return constants[value.name] if value.name in constants else Ref(value.name)
        if isinstance(value, (list, tuple)):
            return [plain(each) for each in value]
        return value

    schema = getattr(item.target, "_schema", None)
    if schema is None:
        names = [f"argument{index}" for index in range(len(item.args))]
        return {name: plain(value) for name, value in zip(names, item.args, strict=True)}
    values = {
        each.name: each.default_value for each in schema.arguments if each.has_default_value()
    }
    given = zip((each.name for each in schema.arguments), item.args, strict=False)
    values.update({name: plain(value) for name, value in given})
    values.update({name: plain(value) for name, value in item.kwargs.items()})
    return values


def _modules(item: torch.fx.Node) -> tuple[str, ...]:
    """Return the module calls around an operation, outermost first ('relu@1': second call)."""
    stack = item.meta.get("nn_module_stack") or {}
    paths = []
    for key, (path, _) in stack.items():
        call = key.rsplit("@", maxsplit=1)[1] if "@" in key.rsplit(".", maxsplit=1)[-1] else ""
        if path:
            paths.append(f"{path}@{call}" if call else path)
    return tuple(paths)


def _shape(value: Any) -> tuple[int, ...]:
    """Return a shape as integers, a symbolic batch by its value while capturing."""
    if not isinstance(value, Tensor):
        return ()
    return tuple(each if isinstance(each, int) else int(each.node.hint) for each in value.shape)


def _fill(value: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(value, Ref):
        return values[value.name]
    if isinstance(value, list):
        return [_fill(each, values) for each in value]
    return value


def _refs(value: Any) -> Iterator[str]:
    if isinstance(value, Ref):
        yield value.name
    elif isinstance(value, list):
        for each in value:
            yield from _refs(each)
