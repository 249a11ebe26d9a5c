"""The table of operations: which rule each operation without weights has."""

from __future__ import annotations

from dataclasses import replace

from auditor.relevance.graph.graph import Node, Ref
from auditor.relevance.graph.held_factors import is_mean
from auditor.relevance.rules import attention, norms, products
from auditor.relevance.rules import operations as op
from auditor.relevance.rules.rule import Rule

ELEMENTWISE = Rule(
    "f(x)/x", op.unchanged, op.ratio_prepare, passes="same", elementwise=True, returns="view"
)
DERIVATIVE = Rule(
    "f'(x)", op.unchanged, op.derivative_prepare, passes="same", elementwise=True, returns="view"
)
FACTOR = Rule(
    "constant factor", op.unchanged, products.factor_prepare, passes="same", elementwise=True,
    returns="view",
)  # fmt: skip
HELD_FACTOR = replace(FACTOR, name="gate held constant")
NEGATIVE = replace(FACTOR, prepare=op.negative_prepare)
AFFINE = replace(FACTOR, name="affine", prepare=op.affine_prepare)
PRODUCT = Rule("factor held constant", op.native_reverse, op.structure_prepare)
HALVES = Rule("half to each factor", products.halves_reverse, op.native_prepare)
MATMUL = Rule("factor held constant", products.matmul_reverse, op.structure_prepare)
IDENTITY = Rule("identity", op.unchanged, passes="same", returns="view")
CAST = Rule("identity", op.cast_reverse, op.cast_prepare, passes="reverse", returns="view")
SUM = Rule("sum", op.sum_reverse, passes="same")
RESHAPE = Rule("reshape", op.reshape_reverse, passes="reverse", returns="view")
PERMUTE = Rule("reshape", op.permute_reverse, passes="reverse", returns="view")
STRUCTURE = Rule("structure", op.native_reverse, op.structure_prepare, passes="reverse")
AVERAGE = Rule("average", op.native_reverse, op.structure_prepare, returns="new")
TOTAL = Rule("sum over axes", op.native_reverse, op.structure_prepare)
MAXIMUM = Rule("winner takes all", op.native_reverse, op.native_prepare, returns="new")
MAX_POOL = Rule(
    "winner takes all", op.max_pool_reverse, op.max_pool_prepare, returns="new", masks=True
)
NORM = Rule("statistics held constant", norms.norm_reverse, norms.norm_prepare, returns="new")
ATTENTION = Rule("attention held constant", attention.held_reverse, attention.held_prepare)
LIVE_ATTENTION = Rule("attention (AttnLRP)", attention.live_reverse, attention.live_prepare)
SOFTMAX = Rule("softmax (AttnLRP)", op.native_reverse, op.native_prepare, returns="new")
PROBABILITIES = Rule(
    "gradient of log-probabilities", op.native_reverse, op.native_prepare, returns="new"
)
STATISTIC = Rule("gradient x input (exact)", op.native_reverse, op.native_prepare, returns="new")
NATIVE = Rule(
    "gradient x input", op.native_reverse, op.native_prepare, returns="new", fallback=True
)

MULTILINEAR = frozenset({
    "matmul", "bmm", "mm", "einsum", "tensordot", "linear", "conv1d", "conv2d", "conv3d",
    "conv_transpose1d", "conv_transpose2d", "conv_transpose3d",
})  # fmt: skip
ACTIVATIONS = (
    "relu", "relu6", "hardtanh", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "mish",
    "hardswish", "hardsigmoid", "sigmoid", "tanh", "softplus", "clamp", "clamp_min", "clamp_max",
    "prelu", "rrelu", "rrelu_with_noise", "hardshrink", "softshrink", "threshold", "abs", "square",
    "log_sigmoid", "softsign", "tan", "sin", "asinh", "atan", "erf", "expm1", "log1p",
    "sqrt",
)  # fmt: skip

# Linear in complex numbers (Fourier transforms are too), or homogeneous of degree one: the
# relevance of a complex value is that of its real and imaginary part together, and gradient times
# input is all of it.
FOURIER = ("fft_", "_fft_")
OF_COMPLEX = frozenset({
    "view_as_real", "view_as_complex", "real", "imag", "complex", "conj", "_conj",
    "_conj_physical", "conj_physical", "resolve_conj", "abs", "neg", "add", "sub", "sum", "mean",
    "view", "permute", "transpose", "slice", "select", "cat", "stack", "clone", "alias", "roll",
    "expand", "squeeze", "unsqueeze", "index", "constant_pad_nd",
})  # fmt: skip

OPERATIONS: dict[str, Rule] = {
    **dict.fromkeys(ACTIVATIONS, ELEMENTWISE),
    "batch_norm": AFFINE,
    "neg": NEGATIVE,
    "add": SUM,
    "sub": SUM,
    **dict.fromkeys(
        ("clone", "alias", "detach", "contiguous", "dropout"), IDENTITY
    ),
    **dict.fromkeys(("_to_copy", "type_as"), CAST),
    **dict.fromkeys(("view", "squeeze", "unsqueeze"), RESHAPE),
    **dict.fromkeys(("permute", "transpose"), PERMUTE),
    **dict.fromkeys(
        (
            "cat", "stack", "split", "split_with_sizes", "slice", "slice_scatter", "select",
            "select_scatter", "unbind", "index", "index_select", "gather", "expand", "repeat",
            "roll", "flip", "rot90", "constant_pad_nd", "pad", "reflection_pad1d",
            "reflection_pad2d", "reflection_pad3d", "replication_pad1d", "replication_pad2d",
            "replication_pad3d", "masked_fill", "where", "im2col", "unfold", "pixel_shuffle",
            "pixel_unshuffle", "channel_shuffle", "diagonal", "tile", "repeat_interleave", "tril",
            "triu",
        ),
        STRUCTURE,
    ),
    **dict.fromkeys(
        (
            "mean", "avg_pool1d", "avg_pool2d", "avg_pool3d", "adaptive_avg_pool1d",
            "adaptive_avg_pool2d", "adaptive_avg_pool3d", "_adaptive_avg_pool2d",
            "_adaptive_avg_pool3d", "upsample_nearest1d", "upsample_nearest2d",
            "upsample_nearest3d", "_upsample_nearest_exact1d", "_upsample_nearest_exact2d",
            "_upsample_nearest_exact3d", "upsample_linear1d",
            "upsample_bilinear2d", "upsample_bicubic2d", "upsample_trilinear3d",
            "_upsample_bilinear2d_aa", "_upsample_bicubic2d_aa", "grid_sampler", "col2im",
        ),
        AVERAGE,
    ),
    **dict.fromkeys(("sum", "cumsum", "scatter_add", "index_add"), TOTAL),
    "max_pool2d": MAX_POOL,
    **dict.fromkeys(
        (
            "adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d", "amax", "amin",
            "max", "min", "median", "kthvalue", "max_pool1d", "max_pool3d",
            "max_pool2d_with_indices", "max_pool3d_with_indices", "topk", "sort", "maximum",
            "minimum",
        ),
        MAXIMUM,
    ),
    # Homogeneous of degree one: gradient times input is the whole value (Euler).
    **dict.fromkeys(("linalg_vector_norm", "norm", "std"), STATISTIC),
    **dict.fromkeys(("softmax", "_softmax"), SOFTMAX),
    "log_probabilities": PROBABILITIES,
}  # fmt: skip


def rule_of(node: Node) -> Rule:
    """Return the rule of a node without weights; gradient times input where there is none."""
    name = node.operation
    if node.complex_value or node.complex_inputs or name.startswith(FOURIER):
        return _of_complex(node)
    if name in {"mul", "div"}:
        return _product(node)
    if name in {"matmul", "bmm", "mm"} and products.is_plain_matmul(node):
        return MATMUL
    if name in MULTILINEAR and products.is_product(node):
        return HALVES if products.live_factors(node) > 1 else PRODUCT
    if name in {"layer_norm", "group_norm", "instance_norm", "rms_norm"}:
        return NORM if norms.is_held(node) else NATIVE
    if name == "scaled_dot_product_attention":
        return _attention(node)
    if name == "pow":
        return ELEMENTWISE if _is_power(node) else NATIVE
    if name == "lerp" and node.arguments["weight"] not in map(Ref, node.inputs):
        return TOTAL
    if is_mean(node):
        return AVERAGE
    if name in OPERATIONS and OPERATIONS[name] is ELEMENTWISE and not _keeps_shape(node):
        return NATIVE
    return OPERATIONS.get(name, NATIVE)


def _of_complex(node: Node) -> Rule:
    scaled = node.operation in {"mul", "div"} and len(node.inputs) == 1 and _divides_input(node)
    linear = scaled or node.operation in OF_COMPLEX or node.operation.startswith(FOURIER)
    return STATISTIC if linear else NATIVE


def _attention(node: Node) -> Rule:
    if not attention.is_plain(node):
        return NATIVE
    return ATTENTION if attention.is_held(node) else LIVE_ATTENTION


def _product(node: Node) -> Rule:
    if node.operation == "div" and node.arguments.get("rounding_mode") is not None:
        return NATIVE
    if len(node.inputs) > 1:
        return HALVES
    if node.operation == "div" and not _divides_input(node):
        return NATIVE
    if not products.scales(node):
        return PRODUCT
    return HELD_FACTOR if any(node.others.values()) else FACTOR


def _divides_input(node: Node) -> bool:
    """Tell whether the live operand stands first, and not second too."""
    first, second = node.arguments["self"], node.arguments["other"]
    return getattr(first, "name", None) == node.inputs[0] and first != second


def _is_power(node: Node) -> bool:
    exponent = node.arguments.get("exponent")
    return isinstance(exponent, (int, float)) and exponent > 0


def _keeps_shape(node: Node) -> bool:
    return len(node.inputs) == 1 and node.shape == node.input_shapes[0]
