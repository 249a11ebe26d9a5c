"""Which tensor of a model's result holds the logits, and the logits in one form for all models.

A result may be a tensor, or tuples, lists, dictionaries, named tuples and what else torch's pytree
knows, nested. Its leaves are counted as ``torch.export`` counts the outputs of a captured model:
all of them, in order, None and numbers too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils import _pytree as pytree

from auditor.base.errors import ModelError, UnknownNameError
from auditor.subject.scores import Scores, log_scores

LOGITS = "logits"


@dataclass(frozen=True)
class Answer:
    """Which leaf of a model's result holds the logits.

    ``place`` is the index among all leaves; ``name`` is the path to it in words (``""`` for a plain
    tensor, ``logits``, ``1``, ``aux.0``); ``single`` says that it is one logit per image, of shape
    (B,) or (B, 1).
    """

    place: int
    name: str
    single: bool


def find_answer(result: Any, wanted: str | None = None) -> Answer:
    """Return where the logits are: the ``wanted`` leaf, the only one possible, or ``logits``.

    Logits are a floating tensor of shape (B, K), (B, 1) or (B,).

    Raises:
        ModelError: no leaf can be logits (the message shows what there is), or several can.
        UnknownNameError: ``wanted`` names no leaf that can be logits.
    """
    leaves = _named_leaves(result)
    possible = [
        Answer(place, name, _is_single(leaf))
        for place, (name, leaf) in enumerate(leaves)
        if _can_be_logits(leaf)
    ]
    if wanted is not None:
        return _wanted(wanted, possible, leaves)
    if not possible:
        raise ModelError(_nothing(result, leaves))
    if len(possible) == 1:
        return possible[0]
    called = [answer for answer in possible if answer.name.rpartition(".")[2].lower() == LOGITS]
    if len(called) == 1:
        return called[0]
    listing = ", ".join(f"{a.name} {_shape(leaves[a.place][1])}" for a in possible)
    names = ", ".join(answer.name for answer in possible)
    raise ModelError(
        f"the model returns several tensors that can be logits ({listing}); set model.output to "
        f"one of {names}."
    )


def logits(result: Any, answer: Answer, scores: Scores = "logits") -> Float[Tensor, "image output"]:
    """Return the logits (B, K) in a result of the structure that ``answer`` was found in.

    ``scores``: what stands there; of probabilities, logarithms are returned.

    A single logit z becomes the pair (-z/2, z/2): its softmax is (1 - sigmoid(z), sigmoid(z)),
    so output 1 is the class that z speaks for.

    Raises:
        ModelError: the result has another structure.
    """
    leaves = pytree.tree_leaves(result)
    leaf = leaves[answer.place] if answer.place < len(leaves) else None
    if not isinstance(leaf, Tensor):
        raise ModelError(
            f"the model's result changed its structure between calls: output "
            f"'{answer.name or answer.place}' is no tensor any more; return the same structure for "
            "every input."
        )
    if not answer.single:
        return log_scores(leaf, scores)
    half = log_scores(leaf.reshape(-1, 1), scores)[:, 0] / 2
    return torch.stack((-half, half), dim=1)


def _wanted(wanted: str, possible: Sequence[Answer], leaves: Sequence[tuple[str, Any]]) -> Answer:
    for answer in possible:
        if answer.name == wanted:
            return answer
    for name, leaf in leaves:
        if name == wanted and isinstance(leaf, Tensor):
            raise ModelError(
                f"the model's output '{wanted}' is {_shown(leaf)}, which cannot be logits: they "
                "are numbers of shape (images, outputs), (images, 1) or (images,)."
            )
    raise UnknownNameError("model output", wanted, [a.name for a in possible if a.name])


def _named_leaves(result: Any) -> list[tuple[str, Any]]:
    """Return every leaf with its path; without paths (an unusual container), with its number."""
    leaves = pytree.tree_leaves(result)
    for described in (result, dict(result) if isinstance(result, Mapping) else None):
        try:
            paths = pytree.tree_flatten_with_path(described)[0]
        except (ValueError, TypeError):
            continue  # a container that gives leaves but no keys, as subclasses of dict may be
        same = len(paths) == len(leaves) and all(
            found is leaf for (_, found), leaf in zip(paths, leaves, strict=True)
        )
        if same:
            return [(".".join(map(_word, path)), leaf) for path, leaf in paths]
    return [(str(place), leaf) for place, leaf in enumerate(leaves)]


def _word(entry: Any) -> str:
    for field in ("key", "idx", "name"):
        if hasattr(entry, field):
            return str(getattr(entry, field))
    return str(entry).strip(".[]'\"")


def _can_be_logits(leaf: Any) -> bool:
    if not isinstance(leaf, Tensor) or not leaf.is_floating_point():
        return False
    return leaf.ndim == 1 or (leaf.ndim == 2 and leaf.shape[1] >= 1)


def _is_single(leaf: Tensor) -> bool:
    return leaf.ndim == 1 or leaf.shape[1] == 1


def _nothing(result: Any, leaves: Sequence[tuple[str, Any]]) -> str:
    advice = "return logits of shape (images, outputs), if need be from a factory that wraps it"
    if len(leaves) == 1 and leaves[0][1] is result:
        hint = ""
        if isinstance(result, Tensor) and result.ndim == 4:
            hint = " (one answer per place; only classifiers of whole images can be audited)"
        return f"the model returns {_shown(result)}, which cannot be logits{hint}; {advice}."
    inside = ", ".join(f"{name} is {_shown(leaf)}" for name, leaf in leaves[:20]) or "nothing"
    return f"the model returns a {type(result).__name__} without logits: {inside}; {advice}."


def _shown(leaf: Any) -> str:
    if isinstance(leaf, Tensor):
        kind = "" if leaf.is_floating_point() else f"{str(leaf.dtype).removeprefix('torch.')} "
        return f"a {kind}tensor of shape {_shape(leaf)}"
    return "None" if leaf is None else f"a {type(leaf).__name__}"


def _shape(leaf: Tensor) -> str:
    return str(tuple(leaf.shape))
