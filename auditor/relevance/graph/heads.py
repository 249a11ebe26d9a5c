"""What a model's outputs are turned into before they are explained: logits, whatever they are.

A softmax or sigmoid at the end is left out where what stands before it has the same probabilities.
Where it has not (the mean of several members' softmax, say), logarithms of the probabilities are
explained, and the gradient carries them to what stands before: relevance rules would take a
probability for a score.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from auditor.base.errors import ModelError
from auditor.base.streams import stream
from auditor.relevance.graph.canonise import SQUASHING, WEIGHTED, bare_logits, two_sided
from auditor.relevance.graph.graph import Graph, Node, Ref, in_precision, prune
from auditor.relevance.graph.labels import with_absence
from auditor.relevance.sweep.forward import run
from auditor.subject.scores import (
    FLOOR,
    SUM,
    Kind,
    Scores,
    decided,
    decided_labels,
    kind_of,
    log_scores,
    surely_logits,
    trial_inputs,
)

OPERATION = "log_probabilities"
LOGARITHMS = frozenset({"log_softmax", "_log_softmax", "log"})
STEPS = (
    "the outputs of the model are probabilities that change in steps (rounded, or 0 and 1 alone), "
    "and what they rest on cannot be explained: return them before they are rounded."
)
TRIALS = 16  # rows of random scores that tell a softmax from what is none
SAME = 1e-3  # of scores near 2: float32 through exp and log keeps 1e-5


@dataclass(frozen=True, eq=False)
class Head:
    """The end of a model as one operation: from the ``sources`` to logits.

    ``nodes`` are in topological order, the last being the model's own answer, which is what
    ``scores`` says.
    """

    sources: tuple[str, ...]
    nodes: tuple[Node, ...]
    scores: Scores

    def __call__(self, /, **arguments: Any) -> Tensor:
        """Return the logits (B, K), or log-odds in the shape of a single answer."""
        values = dict(zip(self.sources, arguments.values(), strict=True))
        dtype = next(each.dtype for each in values.values() if isinstance(each, Tensor))
        for node in self.nodes:
            values[node.name] = _typed(node, dtype).call(values)
        answer: Tensor = values[self.nodes[-1].name]
        rows = answer.reshape(-1, 1) if answer.dim() == 1 else answer
        return log_scores(rows, self.scores).reshape(answer.shape)


def explained_labels(
    graph: Graph,
    example: Tensor,
    scores: str,
    offsets: Sequence[float],
    *,
    pictures: Tensor | None = None,
) -> Graph:
    """Return the graph with a logit for each of several labels, less its offset, and a last 0.

    Arguments are those of `explained`; probabilities are those of a sigmoid for each label.

    Raises:
        ModelError: the outputs are not one score for each label.
    """
    kind: Kind = "logits" if scores == "logits" else "independent"
    if scores == "auto":
        kind = decided_labels(_seen(graph, example, pictures))
    bare = graph if scores == "logits" else bare_logits(graph, sigmoid=True)
    if bare is graph and kind != "logits":
        bare = _without_probabilities(graph, "sigmoids")
        if bare[bare.output].operation == OPERATION:
            _refuse_steps(bare, torch.cat([example, trial_inputs(example)[0]]))
    of_model: Scores = "sigmoids" if kind != "logits" else "logits"
    return replace(with_absence(bare, offsets), scores=of_model)


def explained(
    graph: Graph, example: Tensor, scores: str, *, single: bool, pictures: Tensor | None = None
) -> Graph:
    """Return the graph with logits as its output, knowing what the model's own outputs are.

    ``scores``: 'auto' looks at the answers for ``pictures``, ``example`` and inputs far from any
    picture; 'logits' leaves the outputs as they are. A single logit z becomes (-z/2, z/2).

    Raises:
        ModelError: the outputs are probabilities that cannot be explained.
    """
    kind = decided(_seen(graph, example, pictures)) if scores == "auto" else _stated(scores)
    bare = graph if scores == "logits" else bare_logits(graph)
    if bare is graph and kind == "logits" and scores == "auto" and not single:
        kind = "log-probabilities" if _ends_in_logarithms(graph, example) else kind
    if bare is graph and kind != "logits":
        bare = _without_probabilities(graph, kind)
        if bare[bare.output].operation == OPERATION:
            _refuse_steps(bare, torch.cat([example, trial_inputs(example)[0]]))
    return replace(two_sided(bare) if single else bare, scores=kind)


def _ends_in_logarithms(graph: Graph, example: Tensor) -> bool:
    """Recognise a mean of several members' log-probabilities, which add up to less than 1.

    The operations alone do not tell: a linear layer on logarithms gives logits.
    """
    if not any(node.operation in LOGARITHMS for node in _end(graph)[1]):
        return False
    answers = run(graph, torch.cat([example, trial_inputs(example)[0]]))
    rows = answers.reshape(len(answers), -1)
    finite = rows[rows.isfinite().all(1)].double()
    return len(finite) > 0 and bool((finite.logsumexp(1) <= SUM).all())


def _stated(scores: str) -> Scores:
    return "probabilities" if scores == "probabilities" else "logits"


def _seen(graph: Graph, example: Tensor, pictures: Tensor | None) -> Kind:
    """Return what the answers of the model look like."""
    near, far = trial_inputs(example)
    rows: list[Tensor] = []
    for batch in (example, near, far) if pictures is None else (example, pictures, near, far):
        answers = run(graph, batch)
        rows.append(answers.reshape(len(answers), -1))
        if surely_logits(rows[-1]):
            return "logits"
    return kind_of(torch.cat(rows[:-1]), rows[-1])


def _without_probabilities(graph: Graph, scores: Scores) -> Graph:
    """Return the graph up to the logits of its probabilities, or with their logarithms."""
    sources, nodes = _end(graph)
    if not nodes:
        raise ModelError(STEPS)
    head = Head(sources, nodes, scores)
    answer = graph[graph.output]
    live = tuple(name for name in sources if graph[name].live)
    if len(sources) == 1 and graph[live[0]].shape == answer.shape and _is_softmax(head, answer):
        note = (
            "The model answers with probabilities: the logits before them are explained and shown."
        )
        return prune(replace(graph, output=live[0], notes=(*graph.notes, note)))
    node = Node(
        name="log_probabilities", operation=OPERATION, target=head,
        arguments={f"value_{at}": Ref(name) for at, name in enumerate(sources)},
        inputs=live, shape=answer.shape, batch=answer.batch,
    )  # fmt: skip
    called = "probabilities" if scores == "sigmoids" else scores
    what, floor = "these, less their mean over the outputs, are", ""
    if scores != "log-probabilities":
        single = answer.shape[1:] in ((), (1,)) or scores == "sigmoids"
        what = "their log-odds are" if single else f"their logarithms{what.removeprefix('these')}"
        floor = f" Probabilities below {FLOOR:g} count as {FLOOR:g}."
    note = (
        f"The model answers with {called}: {what} explained and shown in place of logits, and the "
        f"gradient carries them to what stands before the probabilities.{floor}"
    )
    notes = (*graph.notes, note)
    return prune(Graph((*graph.nodes, node), graph.input, node.name, notes))


def _refuse_steps(graph: Graph, images: Tensor) -> None:
    """Refuse answers that change in steps, which no gradient carries to what stands before.

    Raises:
        ModelError: as said.
    """
    node = graph[graph.output]
    values = run(graph, images, list(node.refers()))
    with torch.enable_grad():
        leaves = {name: values[name].detach().requires_grad_() for name in node.inputs}
        answers = node.call({**values, **leaves})
        moves = answers.requires_grad and any(
            bool(slope.any())
            for slope in torch.autograd.grad(
                answers.square().sum(), list(leaves.values()), materialize_grads=True
            )
        )
    if not moves:
        raise ModelError(STEPS)


def _end(graph: Graph) -> tuple[tuple[str, ...], tuple[Node, ...]]:
    """Return the nodes that turn scores into the answer, and what these nodes start from.

    Backwards from the answer up to each softmax or sigmoid, else up to a layer with weights; a
    layer that mixes the outputs of a softmax belongs to the end.
    """
    taken: set[str] = set()
    waiting = [graph.output]
    while waiting:
        node = graph[waiting.pop()]
        if node.name in taken or not _belongs(node, graph):
            continue
        taken.add(node.name)
        if node.operation not in SQUASHING:
            waiting += node.refers()
    nodes = tuple(node for node in graph.nodes if node.name in taken)
    before = dict.fromkeys(name for node in nodes for name in node.refers() if name not in taken)
    return tuple(before), nodes


def _belongs(node: Node, graph: Graph) -> bool:
    if not node.live or node.name == graph.input:
        return False
    if node.operation not in WEIGHTED:
        return True
    return node.name == graph.output or graph[node.inputs[0]].operation in SQUASHING


def _is_softmax(head: Head, answer: Node) -> bool:
    """Tell whether the end does nothing to scores that a softmax, or sigmoid, would not."""
    shape = (TRIALS, *answer.shape[1:])
    scores = torch.from_numpy(2 * stream(0, "trial scores").standard_normal(shape)).float()
    device = next(
        (
            value.device
            for node in head.nodes
            for value in node.arguments.values()
            if isinstance(value, Tensor)
        ),
        scores.device,
    )
    scores = scores.to(device)
    try:
        logits = head(**{head.sources[0]: scores})
    except RuntimeError:  # made for another number of images
        return False
    if answer.shape[1:] not in ((), (1,)) and head.scores != "sigmoids":
        scores = scores - scores.mean(1, keepdim=True)
    return logits.shape == scores.shape and float((logits - scores).abs().max()) < SAME


def _typed(node: Node, dtype: torch.dtype) -> Node:
    """Return a node with its constants in the precision of what it is called with."""
    arguments = {key: in_precision(value, dtype) for key, value in node.arguments.items()}
    return replace(node, arguments=arguments)
