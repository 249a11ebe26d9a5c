"""Composites: which rule runs where. One table by name, and the choice of 'auto'.

A composite names the rule of each kind of layer; a user's own mapping starts from one of them and
changes the rule of operations and of layers. The names of composites follow zennit's.

Sources: Kohlbrenner et al. 2020 (composites), Ali et al. 2022 (CP-LRP), Achtibat et al. 2024.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from auditor.base.errors import ConfigError, UnknownNameError
from auditor.relevance.graph.graph import Graph
from auditor.relevance.graph.held_factors import attends
from auditor.relevance.rules import gamma, terminal
from auditor.relevance.rules import linear as lrp
from auditor.relevance.rules.rule import Rule

EPSILON = Rule(
    "epsilon",
    lrp.linear_reverse,
    lrp.epsilon_prepare,
    lrp.own_weights,
    returns="new",
    narrow=lrp.narrow,
)
GRADIENT = Rule(
    "gradient", lrp.linear_reverse, weights=lrp.own_weights, returns="new", narrow=lrp.narrow
)
PLUS = Rule(
    "z-plus",
    lrp.linear_reverse,
    lrp.plus_prepare,
    lrp.plus_weights,
    returns="new",
    narrow=lrp.narrow,
)
PLUS_SIGNED = Rule(
    "z-plus (signed input)", lrp.signed_reverse, lrp.plus_signed_prepare, lrp.split_weights,
    returns="new", narrow=lrp.narrow,
)  # fmt: skip
PLUS_OPEN = Rule(
    "z-plus",
    lrp.open_reverse,
    lrp.open_prepare,
    lrp.open_weights,
    returns="new",
    narrow=lrp.open_narrow,
)
PLUS_OPEN_SIGNED = Rule(
    "z-plus (signed input)", lrp.open_reverse, lrp.open_signed_prepare, lrp.open_signed_weights,
    returns="new", narrow=lrp.open_narrow,
)  # fmt: skip
GAMMA = Rule("gamma", gamma.gamma_reverse, gamma.gamma_prepare, gamma.gamma_weights, returns="new")
GAMMA_SIGNED = Rule(
    "gamma (signed input)", gamma.gamma_reverse, gamma.gamma_signed_prepare,
    gamma.gamma_weights, returns="new",
)  # fmt: skip
ALPHA_BETA = Rule(
    "alpha2-beta1", lrp.alpha_beta_reverse, lrp.alpha_beta_prepare, lrp.split_weights, returns="new"
)
FLAT = Rule(
    "flat", terminal.flat_reverse, terminal.flat_prepare, terminal.flat_weights, terminal=True
)
SQUARE = Rule(
    "w-square", terminal.square_reverse, terminal.square_prepare, terminal.square_weights,
    terminal=True,
)  # fmt: skip
BOX = Rule("z-box", terminal.box_reverse, terminal.box_prepare, terminal.box_weights, terminal=True)


@dataclass(frozen=True)
class Variants:
    """One rule by name: for inputs known to be non-negative, and for all others.

    ``open`` are the same two for outputs that are used where they are negative too.
    """

    positive: Rule
    signed: Rule
    open: tuple[Rule, Rule] | None = None

    def of(self, *, positive: bool, clipped: bool) -> Rule:
        """Return the variant for an input and an output."""
        if self.open is not None and not clipped:
            return self.open[0] if positive else self.open[1]
        return self.positive if positive else self.signed


RULES: dict[str, Variants] = {
    "epsilon": Variants(EPSILON, EPSILON),
    "z-plus": Variants(PLUS, PLUS_SIGNED, (PLUS_OPEN, PLUS_OPEN_SIGNED)),
    "gamma": Variants(GAMMA, GAMMA_SIGNED),
    "alpha2-beta1": Variants(ALPHA_BETA, ALPHA_BETA),
    "gradient": Variants(GRADIENT, GRADIENT),
    "flat": Variants(FLAT, FLAT),
    "w-square": Variants(SQUARE, SQUARE),
    "z-box": Variants(BOX, BOX),
}


@dataclass(frozen=True)
class Composite:
    """Name the rule of each kind of layer.

    ``dense``: linear layers over whole images. ``convolution``: convolutions, and linear layers
    that run at every position. ``first``: layers that see the image itself, None for no
    exception; linear ones only where ``first_linear``. ``gamma``: of the gamma rule. ``attention``:
    'held' constant (CP-LRP) or 'live' (AttnLRP). ``gradient``: the plain gradient, no rules.
    ``operations`` and ``layers`` (patterns of module paths) are a user's exceptions.
    """

    name: str
    dense: str
    convolution: str
    first: str | None = None
    first_linear: bool = False
    gamma: float = 0.25
    attention: str = "held"
    gradient: bool = False
    operations: Mapping[str, str] = field(default_factory=dict)
    layers: Mapping[str, str] = field(default_factory=dict)


COMPOSITES: dict[str, Composite] = {
    each.name: each
    for each in (
        Composite("epsilon-plus-flat", "epsilon", "z-plus", "flat", first_linear=True),
        Composite("epsilon-gamma-box", "epsilon", "gamma", "z-box"),
        Composite("epsilon-alpha2-beta1", "epsilon", "alpha2-beta1"),
        Composite("epsilon", "epsilon", "epsilon"),
        Composite("gradient-input", "gradient", "gradient", gradient=True),
        Composite("attn-cp-gamma", "epsilon", "gamma", gamma=0.05),
        Composite("attnlrp", "epsilon", "gamma", gamma=0.05, attention="live"),
    )
}
DEFAULT = "epsilon-plus-flat"
DEFAULT_ATTENTION = "attn-cp-gamma"
AUTO = "auto"
KEYS = ("base", "operations", "layers")


def choose(wanted: str | Mapping[str, Any], graph: Graph) -> Composite:
    """Return a composite by name, or a user's mapping with ``base``, ``operations``, ``layers``.

    'auto' looks for attention in the graph.

    Raises:
        UnknownNameError: no such composite, rule or key.
    """
    if isinstance(wanted, str):
        return _named(wanted, graph)
    for key in wanted:
        if key not in KEYS:
            raise UnknownNameError("key of a composite", key, KEYS)
    base = _named(wanted.get("base", AUTO), graph)
    operations, layers = dict(wanted.get("operations") or {}), dict(wanted.get("layers") or {})
    for rule in (*operations.values(), *layers.values()):
        if rule not in RULES:
            raise UnknownNameError("relevance rule", str(rule), RULES)
    if not operations and not layers:
        return base
    name = f"{base.name} with exceptions"
    return replace(base, name=name, operations=operations, layers=layers)


def _named(name: Any, graph: Graph) -> Composite:
    if not isinstance(name, str):
        raise ConfigError(f"a composite is a name or a mapping, not {name!r}.")
    if name == AUTO:
        return COMPOSITES[DEFAULT_ATTENTION if attends(graph) else DEFAULT]
    if name not in COMPOSITES:
        raise UnknownNameError("composite", name, [*COMPOSITES, AUTO])
    return COMPOSITES[name]
