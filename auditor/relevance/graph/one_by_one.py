"""Turn the program of a model that takes its pictures one by one into one of batches.

``torch.stack([f(x[i : i + 1]) for i in range(len(x))])`` has as many copies of f as there are
pictures. Captured for one picture there is a single copy; taking that picture out of its batch of
one and putting the answers together again then does nothing. Without these steps the program is f
itself, whose batch may have any size: sizes that were written down for one picture are left open,
and every shape is worked out anew. Whether the result answers as the model does is checked after.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, fx
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.export import ExportedProgram
from torch.fx.experimental.symbolic_shapes import (
    DimDynamic,
    ShapeEnv,
    StatelessSymbolicContext,
)
from torch.fx.passes.fake_tensor_prop import FakeTensorProp

from auditor.base.errors import CaptureError

aten = torch.ops.aten
SIZED = {aten.view.default, aten._unsafe_view.default, aten.reshape.default, aten.expand.default}
TAKES_OUT = {aten.select.int, aten.squeeze.dim, aten.squeeze.dims}
SPLITS = {aten.unbind.int, aten.split.Tensor, aten.split_with_sizes.default}
JOINS = {aten.stack.default, aten.vstack.default}


def batched(program: ExportedProgram, images: Tensor) -> ExportedProgram:
    """Return a program captured for one picture, changed to take batches such as ``images``.

    Raises:
        CaptureError: an operation on a picture that was taken out of its batch is of no known kind.
    """
    graph = program.graph_module.graph
    image = next(n for n in reversed(list(graph.nodes)) if n.op == "placeholder")
    inside = {image}  # what depends on the pictures
    bare: set[fx.Node] = set()  # of these, what the model sees without the axis of the batch
    for node in list(graph.nodes):
        if node.op != "call_function" or inside.isdisjoint(node.all_input_nodes):
            continue
        inside.add(node)
        if _rewritten(node, image, inside, bare):
            bare.add(node)
    if any(each in bare for each in graph.output_node().all_input_nodes):
        raise CaptureError("the model answers without an axis for the pictures.")
    graph.eliminate_dead_code()
    graph.lint()
    _work_out_shapes(program, images)
    return program


def _rewritten(node: fx.Node, image: fx.Node, inside: set[fx.Node], bare: set[fx.Node]) -> bool:
    """Rewrite one operation for batches; tell whether its result is bare."""
    source = next(each for each in node.all_input_nodes if each in inside)
    first = node.args[0]
    arguments = [*node.args[1:], 0, 0][:2]
    if node.target is aten.copy.default and node.args[1] is source:
        _nothing(node, source)
        return source in bare
    if source in bare:
        if node.target is aten.unsqueeze.default and arguments[0] == 0:
            return _nothing(node, source)
        if node.target in JOINS and arguments[0] == 0 and first == [source]:
            return _nothing(node, source)
        if node.target is aten.select_scatter.default and node.args[1] is source:
            return _nothing(node, source)
        target: Any = node.target
        alone = all(each not in inside or each in bare for each in node.all_input_nodes)
        if torch.Tag.pointwise in getattr(target, "tags", ()) and alone:
            return True
        raise CaptureError(f"'{node.target}' works on a single picture outside of its batch.")
    if node.target in TAKES_OUT and arguments[0] in (0, [0]) and _is_one(source):
        return not _nothing(node, source)
    if node.target is aten.slice.Tensor and arguments[0] == 0 and _is_one(source):
        return _nothing(node, source)
    if node.target in SPLITS and _is_one(source) and _axis(node) == 0:
        return False
    if getattr(node.target, "__name__", "") == "getitem" and source.target in SPLITS:
        of_batch = _is_one(source.all_input_nodes[0]) and _axis(source) == 0
        if of_batch:
            taken_out = source.target is aten.unbind.int
            _nothing(node, source.all_input_nodes[0])
            return taken_out
    if node.target is aten.cat.default and arguments[0] == 0 and first == [source]:
        return _nothing(node, source)
    if node.target is aten.vstack.default and first == [source]:
        return _nothing(node, source)
    if node.target is aten.slice_scatter.default and node.args[1] is source:
        return _nothing(node, source)
    _open_sizes(node, image, inside)
    return False


def _nothing(node: fx.Node, source: fx.Node) -> bool:
    """Let an operation hand on what it was given; return False: with its axis of the batch."""
    node.target = aten.alias.default
    node.args, node.kwargs = (source,), {}
    return False


def _is_one(node: fx.Node) -> bool:
    value = node.meta.get("val")
    return isinstance(value, Tensor) and value.dim() > 0 and value.shape[0] == 1


def _axis(node: fx.Node) -> int:
    index = 1 if node.target is aten.unbind.int else 2
    axis: Any = node.args[index] if len(node.args) > index else 0
    return int(axis)


def _open_sizes(node: fx.Node, image: fx.Node, inside: set[fx.Node]) -> None:
    """Leave the number of pictures open where it was written down as one."""
    if node.target in SIZED:
        shape = [int(size) for size in node.meta["val"].shape]
        node.args = (node.args[0], [-1, *shape[1:]], *node.args[2:])
    elif node.target is aten.cat.default:
        parts: Any = node.args[0]
        node.args = ([_repeated(each, node, image, inside) for each in parts], *node.args[1:])


def _repeated(part: fx.Node, node: fx.Node, image: fx.Node, inside: set[fx.Node]) -> fx.Node:
    """Repeat what is the same for all pictures, a class token, for each of them."""
    if part in inside:
        return part
    graph = node.graph
    with graph.inserting_before(node):
        count = graph.call_function(aten.sym_size.int, (image, 0))
        size: list[Any] = [count, *[int(each) for each in part.meta["val"].shape[1:]]]
        return graph.call_function(aten.expand.default, (part, size))


def _work_out_shapes(program: ExportedProgram, images: Tensor) -> None:
    """Note at every operation which shape it has for a batch of any size."""
    mode = FakeTensorMode(shape_env=ShapeEnv(), allow_non_fake_inputs=True)
    dynamic: Any = StatelessSymbolicContext(
        dynamic_sizes=[DimDynamic.DYNAMIC, *[DimDynamic.STATIC] * (images.dim() - 1)]
    )
    signature = program.graph_signature
    names = {
        **signature.inputs_to_parameters,
        **signature.inputs_to_buffers,
        **signature.inputs_to_lifted_tensor_constants,
    }
    state = {**program.constants, **program.state_dict}
    given = []
    for node in program.graph_module.graph.nodes:
        if node.op == "placeholder":
            target = names.get(node.name)
            if target is None:
                given.append(mode.from_tensor(images, symbolic_context=dynamic))
            else:
                given.append(mode.from_tensor(state[target].detach(), static_shapes=True))
    FakeTensorProp(program.graph_module, mode).propagate_dont_convert_inputs(*given)
