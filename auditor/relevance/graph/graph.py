"""Capture a model as one functional graph of plain records, with the constants worked out.

The graph is the only thing the engine reads of a model: no hooks, no patched classes. Nodes are
in topological order and refer to each other by name.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

import torch
from torch import Tensor

from auditor.base.errors import CaptureError
from auditor.relevance.graph.program import module_calls, program_digest
from auditor.subject.scores import Scores


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


@dataclass(frozen=True)
class Batch:
    """Where the images are in a tensor: ``axis`` holds ``times`` entries of each.

    Attention with the sequence first has its images on axis 1; windows of an image stand on axis
    0, ``times`` for each image, in a row. A sequence that stood first and was merged with the
    images has them inside: ``outer`` blocks, each with ``times / outer`` entries of every image.
    """

    axis: int = 0
    times: int = 1
    outer: int = 1

    def shape(self, shape: tuple[int, ...], rows: int) -> tuple[int, ...]:
        """Return a captured shape for another number of images."""
        return (*shape[: self.axis], rows * self.times, *shape[self.axis + 1 :])

    def open(self, shape: tuple[int, ...]) -> list[int]:
        """Return a captured shape with the axis of the images left open (-1)."""
        return [*shape[: self.axis], -1, *shape[self.axis + 1 :]]


FIRST = Batch()


@dataclass(frozen=True, eq=False)
class Node:
    """One operation of the graph.

    ``inputs`` are the distinct nodes whose values depend on the pixels of the image, in order of
    appearance: relevance flows to these and to nothing else. Constants (weights included) stand
    in ``arguments`` as tensors. ``shape`` and ``input_shapes`` are for a batch of two images;
    ``batch`` and ``input_batches`` say where the images are in them. ``others`` are the remaining
    nodes in the arguments, held constant by the rule: gates, masks, tokens, batch sizes; with
    where their images are, None for what is the same for all images. ``real`` is 1 where a
    convolution's input is no padding, for one image; None where none of it is. ``complex_value``
    and ``complex_inputs``: it holds, or reads, complex numbers.
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
    batch: Batch = FIRST
    per_image: bool = True
    input_batches: tuple[Batch, ...] = ()
    real: Tensor | None = None
    others: Mapping[str, Batch | None] = field(default_factory=dict)
    complex_value: bool = False
    complex_inputs: bool = False

    def input_rows(self, index: int, rows: int) -> tuple[int, ...]:
        """Return the shape of an input for ``rows`` images."""
        return self.input_batches[index].shape(self.input_shapes[index], rows)

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
    """A captured model: nodes from the image (``input``) to the logits (``output``).

    ``notes`` say what was done to it that a reader of the results must know; ``program``
    identifies the program that it was built from (`auditor.relevance.graph.program`); ``scores``
    what the model's own outputs are, which the graph has as logits.
    """

    nodes: tuple[Node, ...]
    input: str
    output: str
    notes: tuple[str, ...] = ()
    program: str = ""
    scores: Scores = "logits"
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

    def having(self, nodes: Iterable[Node]) -> Graph:
        """Return the graph with other nodes."""
        return replace(self, nodes=tuple(nodes))

    def noting(self, notes: Iterable[str]) -> Graph:
        """Return the graph with notes added, first."""
        return replace(self, notes=(*notes, *self.notes))

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


def evaluate(
    graph: Graph, values: dict[str, Any], keep: Container[str], value_of: Callable[[Node], Any]
) -> dict[str, Any]:
    """Work out the value of every node in order, and return those in ``keep``.

    ``values`` begins with the input's; a value is dropped when its last reader has been worked out.
    """
    waiting = {name: len(users) for name, users in graph.users.items()}
    for node in graph.nodes:
        values[node.name] = value_of(node)
        for name in dict.fromkeys(node.refers()):
            waiting[name] -= 1
            if not waiting[name] and name not in keep:
                del values[name]
    return values


def in_precision(value: Any, dtype: torch.dtype) -> Any:
    """Return an argument of a node with its constants in another precision."""
    if isinstance(value, Tensor) and value.is_floating_point():
        return value.to(dtype)
    if isinstance(value, Tensor) and value.is_complex():
        return value.to(dtype.to_complex())
    if isinstance(value, torch.dtype) and value.is_floating_point:
        return dtype
    if isinstance(value, (list, tuple)):
        return [in_precision(item, dtype) for item in value]
    return value


def identity(image: Tensor) -> Tensor:
    """Return the image: the target of the input node, which is never called."""
    return image


def build(program: torch.export.ExportedProgram, device: torch.device, *, index: int = 0) -> Graph:
    """Turn an exported program into a ``Graph``, evaluating whatever no image can change.

    ``place`` is the index of the wanted tensor among the results of the model.

    Raises:
        CaptureError: what an image gives depends on the other images of its batch.
    """
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
                value = item.meta["val"]
                batched = _batch(value) is not None  # not where the model fixes the size
                nodes[item.name] = Node(
                    item.name, "input", identity, {}, (), _shape(value), per_image=batched
                )
        elif item.op == "get_attr":
            value = getattr(program.graph_module, str(item.target))
            constants[item.name] = value.detach().to(device)
        elif item.op == "output":
            (results,) = item.args
            output_name = results[len(results) - len(signature.user_outputs) + index].name
        else:
            _add(item, nodes, constants, device)
    digest = program_digest(program, index)
    kept = prune(Graph(tuple(nodes.values()), image_name, output_name, program=digest))
    if kept[image_name].per_image:
        for node in kept.nodes:
            if node.live and not node.per_image:
                raise mixes_images(node.operation, node.modules)
    return kept


def prune(graph: Graph) -> Graph:
    """Drop the nodes that the output does not need."""
    needed = {graph.output, graph.input}
    for node in reversed(graph.nodes):
        if node.name in needed:
            needed.update(node.refers())
    return graph.having(node for node in graph.nodes if node.name in needed)


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
        if getattr(target, "_schema", None) is None:
            target = _positional(target)
    if "device" in arguments and arguments["device"] is not None:
        arguments["device"] = device
    names = list(dict.fromkeys(name for value in arguments.values() for name in _refs(value)))
    value = item.meta.get("val")
    if _is_open(value):
        where = f" in '{module_calls(item)[-1]}'" if module_calls(item) else ""
        raise CaptureError(
            f"the operation '{operation}'{where} makes a tensor whose size depends on the picture: "
            "keep the size, and set to zero what is not wanted."
        )
    batch = _batch(value)
    if names and operation in SHAPE_ONLY and _is_static(value, nodes, arguments):
        # Blank tensors of a fixed size: the masks of shifted windows start so.
        arguments = {key: _blank(each, nodes) for key, each in arguments.items()}
        names = []
    if not names:
        constants[item.name] = target(**arguments)
        return
    measures_only = operation in {"sym_size", "sym_numel"} or not _is_tensor(value)
    inputs = () if measures_only else tuple(name for name in names if nodes[name].live)
    is_complex = isinstance(value, Tensor) and value.dtype.is_complex
    floating = not isinstance(value, Tensor) or value.dtype.is_floating_point or is_complex
    live = bool(inputs) and floating and operation not in SHAPE_ONLY
    nodes[item.name] = Node(
        name=item.name,
        operation=operation,
        target=target,
        arguments=arguments,
        inputs=inputs,
        shape=_shape(value) if isinstance(value, Tensor) else (),
        modules=module_calls(item),
        live=live,
        batch=located(batch, operation, arguments, _shape(value), nodes) if batch else FIRST,
        per_image=batch is not None,
        complex_value=is_complex,
        complex_inputs=any(nodes[name].complex_value for name in inputs),
    )


def _positional(target: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of Python's own, whose arguments have no names, called by name."""
    return lambda **arguments: target(*arguments.values())


CAPTURED = 2  # images in the batch that is exported
SHAPE_ONLY = frozenset({
    "zeros_like", "ones_like", "full_like", "new_zeros", "new_ones", "new_full", "new_empty",
    "empty_like", "zero",
})  # fmt: skip


def _is_static(value: Any, nodes: Mapping[str, Node], arguments: Mapping[str, Any]) -> bool:
    """Tell whether a blank tensor has the same size for every batch."""
    fixed = isinstance(value, Tensor) and _batch(value) is None
    refs = [name for each in arguments.values() for name in _refs(each)]
    return fixed and all(nodes[name].shape for name in refs)


def _blank(value: Any, nodes: Mapping[str, Node]) -> Any:
    return torch.empty(nodes[value.name].shape) if isinstance(value, Ref) else value


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


def _shape(value: Any) -> tuple[int, ...]:
    """Return a shape as integers, a symbolic batch by its value while capturing."""
    if not isinstance(value, Tensor):
        return ()
    return tuple(each if isinstance(each, int) else int(each.node.hint) for each in value.shape)


def _is_open(value: Any) -> bool:
    """Tell whether a size of a tensor is known only when the program runs."""
    sizes: list[Any] = list(value.shape) if isinstance(value, Tensor) else []
    return any(not isinstance(size, int) and size.node.hint is None for size in sizes)


def _batch(value: Any) -> Batch | None:
    """Return which axis grows with the batch: its size is symbolic while capturing."""
    if isinstance(value, Tensor):
        sizes: list[Any] = list(value.shape)
        for axis, size in enumerate(sizes):
            # A symbol that is known to be a number is a size that the model fixed.
            if not isinstance(size, int) and size.node.maybe_as_int() is None:
                return Batch(axis, int(size.node.hint) // CAPTURED)
    return None


def located(
    batch: Batch,
    operation: str,
    arguments: Mapping[str, Any],
    shape: tuple[int, ...],
    nodes: Mapping[str, Node],
) -> Batch:
    """Work out in how many blocks the images of a tensor stand (``Batch.outer``).

    A reshape keeps the order of the entries: what stood before the images still does.
    """
    sources = [nodes[name] for each in arguments.values() for name in _refs(each)]
    sources = [each for each in sources if each.per_image and each.shape]
    if batch.times == 1 or not sources:
        return batch
    first = sources[0]
    if operation in RESHAPING:
        before = prod(first.shape[: first.batch.axis]) * first.batch.outer
        return replace(batch, outer=max(1, before // prod(shape[: batch.axis])))
    if operation == "cat" and int(arguments["dim"]) % len(shape) == batch.axis:
        return replace(batch, outer=sum(each.batch.outer for each in sources))
    if operation in {"repeat", "tile"}:
        repeats = arguments["repeats" if operation == "repeat" else "dims"]
        along = repeats[batch.axis - len(shape)] if len(repeats) >= len(shape) - batch.axis else 1
        return replace(batch, outer=int(along) * first.batch.outer)
    same = [each.batch.outer for each in sources if each.batch.times == batch.times]
    return replace(batch, outer=max(same, default=1))


RESHAPING = frozenset({
    "view", "_unsafe_view", "reshape", "flatten", "unflatten", "squeeze", "unsqueeze",
})  # fmt: skip


def mixes_images(operation: str, modules: tuple[str, ...]) -> CaptureError:
    """Return the error for a model whose answer for an image depends on the rest of its batch."""
    where = f"'{modules[-1]}'" if modules else "the model"
    return CaptureError(
        f"the operation '{operation}' in {where} mixes the images of a batch, so that an image has "
        "no relevance of its own: make each image's answer independent of the others (batch norm "
        "with running statistics, means over other axes than the first)."
    )


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
