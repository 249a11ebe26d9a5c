"""Export a user's model without leaving a trace on it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.export import Dim
from torch.utils._pytree import tree_leaves

from auditor.errors import CaptureError
from auditor.relevance.canonise import canonise
from auditor.relevance.graph import Graph, build
from auditor.relevance.heads import explained
from auditor.subject.answers import find_answer

TOLERANCE = 1e-4
ADVICE = (
    "Rewrite that part of the model's forward with tensor operations whose shapes do not depend "
    "on the values of the image, or pass the part of the model that can be exported."
)


def capture(
    model: nn.Module,
    example: Tensor,
    device: torch.device,
    *,
    output: str | None = None,
    scores: str = "auto",
    pictures: Tensor | None = None,
) -> Graph:
    """Return the canonised graph of the model in evaluation, checked against the model.

    ``example`` is one image (1, 3, H, W) on the model's own device; ``device`` is where the
    graph will run. ``output`` names the result that holds the logits, where there are several.
    A single logit z becomes the pair (-z/2, z/2). Probabilities are turned into logits: see
    `auditor.relevance.heads`, also for ``scores`` and ``pictures``.
    """
    with evaluating(model), torch.inference_mode(mode=False), torch.no_grad():
        result = model(example)
        answer = find_answer(result, output)
        program = _export(model, example)
        captured = canonise(build(program, device, place=answer.place))
        expected = tree_leaves(result)[answer.place]
        _check_forward(captured, example.to(device), expected.to(device))
    with torch.no_grad():
        looked_at = None if pictures is None else pictures.to(example).to(device)
        return explained(
            captured, example.to(device), scores, single=answer.single, pictures=looked_at
        )


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put every module in evaluation, and give each its own training flag back afterwards."""
    flags = [(module, module.training) for module in model.modules()]
    try:
        for module, _ in flags:
            module.training = False
        yield
    finally:
        for module, flag in flags:
            module.training = flag


def _export(model: nn.Module, example: Tensor) -> torch.export.ExportedProgram:
    # A batch of one would be captured as the constant 1.
    pair = torch.cat([example, example])
    try:
        with warnings.catch_warnings():
            # Tracing runs the user's forward under torch's own frames: what it warns about there
            # (deprecated arguments, say) the user sees when running the model.
            warnings.filterwarnings("ignore", category=UserWarning, module=r"torch(\.|$)")
            program = torch.export.export(
                model, (pair,), dynamic_shapes=({0: Dim.AUTO},), strict=False
            )
            functional: torch.export.ExportedProgram = program.run_decompositions({})
    except Exception as error:
        raise CaptureError(
            f"torch.export cannot capture {type(model).__name__}: {_reason(error)} {ADVICE}"
        ) from error
    return functional


def _reason(error: Exception) -> str:
    """Return the first line of an error that says something, as a sentence."""
    for line in str(error).splitlines():
        text = line.strip()
        if text and not set(text) <= set("=-* "):
            return f"{type(error).__name__}: {text.rstrip('.')}."
    return f"{type(error).__name__}."


def _check_forward(graph: Graph, example: Tensor, expected: Tensor) -> None:
    """Refuse a graph whose logits for one image differ from the model's."""
    from auditor.relevance.forward import run

    try:
        logits = run(graph, example)
    except RuntimeError as error:
        raise CaptureError(
            "the model fixes the size of the batch while it is captured (for example by "
            f"int(x.shape[0])), so it cannot run on other batches: {_reason(error)} {ADVICE}"
        ) from error
    scale = float(expected.abs().max()) or 1.0
    worst = float((logits - expected).abs().max()) / scale if expected.isfinite().all() else 0.0
    if logits.shape != expected.shape or worst > TOLERANCE:
        raise CaptureError(
            "the captured graph does not repeat the model's logits (largest difference "
            f"{worst:.1e} of the largest logit): the model is random, keeps state between calls "
            "or fixes the size of the batch. Make its evaluation deterministic."
        )
