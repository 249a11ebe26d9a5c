"""The table of operations: which rule each operation without weights has."""

from __future__ import annotations

from auditor.relevance import operations as op
from auditor.relevance.rules import Rule

ELEMENTWISE = Rule(
    "f(x)/x", op.unchanged, op.ratio_prepare, passes="same", elementwise=True, returns="view"
)
DERIVATIVE = Rule(
    "f'(x)", op.unchanged, op.derivative_prepare, passes="same", elementwise=True, returns="view"
)
FACTOR = Rule(
    "constant factor", op.unchanged, op.factor_prepare, refuses=op.one_input, passes="same",
    elementwise=True, returns="view",
)  # fmt: skip
QUOTIENT = Rule(
    "constant factor", op.unchanged, op.factor_prepare, refuses=op.plain_quotient, passes="same",
    elementwise=True, returns="view",
)  # fmt: skip
NEGATIVE = Rule(
    "constant factor",
    op.unchanged,
    op.negative_prepare,
    passes="same",
    elementwise=True,
    returns="view",
)
AFFINE = Rule(
    "affine", op.unchanged, op.affine_prepare, passes="same", elementwise=True, returns="view"
)
IDENTITY = Rule("identity", op.unchanged, passes="same", returns="view")
SUM = Rule("sum", op.sum_reverse, refuses=op.same_batch, passes="same")
RESHAPE = Rule("reshape", op.reshape_reverse, passes="reverse", returns="view")
STRUCTURE = Rule("structure", op.native_reverse, passes="reverse")
AVERAGE = Rule("average", op.native_reverse, returns="new")
TOTAL = Rule("sum over axes", op.native_reverse)
MAXIMUM = Rule("winner takes all", op.native_reverse, op.inputs_prepare, returns="new")
MAX_POOL = Rule("winner takes all", op.max_pool_reverse, op.max_pool_prepare, returns="new")

ACTIVATIONS = (
    "relu", "relu6", "hardtanh", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "mish",
    "hardswish", "hardsigmoid", "sigmoid", "tanh", "softplus", "clamp", "clamp_min",
)  # fmt: skip

OPERATIONS: dict[str, Rule] = {
    **dict.fromkeys(ACTIVATIONS, ELEMENTWISE),
    "batch_norm": AFFINE,
    "mul": FACTOR,
    "div": QUOTIENT,
    "neg": NEGATIVE,
    "add": SUM,
    "sub": SUM,
    "clone": IDENTITY,
    "alias": IDENTITY,
    "detach": IDENTITY,
    "_to_copy": IDENTITY,
    "contiguous": IDENTITY,
    "view": RESHAPE,
    "squeeze": RESHAPE,
    "unsqueeze": RESHAPE,
    "cat": STRUCTURE,
    "stack": STRUCTURE,
    "split": STRUCTURE,
    "split_with_sizes": STRUCTURE,
    "slice": STRUCTURE,
    "select": STRUCTURE,
    "permute": STRUCTURE,
    "transpose": STRUCTURE,
    "constant_pad_nd": STRUCTURE,
    "pad": STRUCTURE,
    "mean": AVERAGE,
    "sum": TOTAL,
    "avg_pool1d": AVERAGE,
    "avg_pool2d": AVERAGE,
    "adaptive_avg_pool1d": AVERAGE,
    "adaptive_avg_pool2d": AVERAGE,
    "_adaptive_avg_pool2d": AVERAGE,
    "upsample_nearest2d": AVERAGE,
    "upsample_bilinear2d": AVERAGE,
    "max_pool2d": MAX_POOL,
    "adaptive_max_pool2d": MAXIMUM,
    "amax": MAXIMUM,
}
