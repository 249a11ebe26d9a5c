"""Explain one image that need not be part of any data: what decides, where, and in any region."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

import auditor
from auditor.base.errors import ConfigError, DataError, IntegrityError, ModelError
from auditor.concepts.single_pictures import Box, mask_of
from auditor.config.audit import Config
from auditor.language.speaking import gettext as _
from auditor.pipeline.identity import model_identity
from auditor.pipeline.local import Look, look_closely
from auditor.pipeline.opening import audited_layers, make_explainer, named_outputs
from auditor.records.several import Several
from auditor.records.stages import LayerRelevance
from auditor.relevance.explainer import Explainer
from auditor.relevance.sweep.results import Explanation
from auditor.report.document.result import AuditResult, Concept, LocalCard, Tool
from auditor.report.show.image_page import ClassScore, ImagePage, faces_of, pictures_of
from auditor.report.show.picture_store import ImageStore, read_image
from auditor.report.show.render import read_result
from auditor.run.storage import write_atomic
from auditor.subject import Subject, load_subject
from auditor.subject.images import Unreadable, decode, read_file

LISTED = 4  # classes with their probabilities
LOOKED_AT = 8  # pictures of the data, of which one shows the engine what an input is
PACKAGES = ("torch", "numpy")


@dataclass(frozen=True)
class Question:
    """What is asked of one image.

    ``regions`` are boxes (x, y, width, height) in pixels as the model sees the image; ``explained``
    is a class, None for the predicted one; ``run`` a finished run of the same model whose reference
    samples stand for the concepts.
    """

    image: Path
    regions: tuple[Box, ...] = ()
    explained: str | None = None
    run: Path | None = None


def explain_image(config: Config, base: Path, question: Question, images: Path) -> ImagePage:
    """Return the page of one image; its pictures go to the folder ``images``.

    Raises:
        ConfigError: a region outside of the picture, or a class that the model does not have.
        DataError: the image cannot be read.
        ModelError: the model cannot be built, or gives no numbers for the image.
        IntegrityError: the run is of another model, or not complete.
    """
    few = config.data.model_copy(update={"limit": LOOKED_AT})
    subject = load_subject(config.model_copy(update={"data": few}), base)
    inputs = _input(subject, question.image)
    height, width = inputs.shape[2:]
    for box in question.regions:
        _check_region(box, width, height)
    explainer = make_explainer(config, subject)
    layers = audited_layers(config, explainer)
    found = _explain(explainer, subject, inputs, question, layers)
    digest = model_identity(subject, explainer)
    audited = _audited(question.run, digest)
    store = ImageStore(images)
    target = int(found.targets[0])
    names, concepts = subject.manifest.classes, config.audit.concepts
    look = Look(
        explainer=explainer,
        store=store,
        load=lambda rows: inputs[list(rows)],
        photo=subject.pictures(inputs)[0],
        path=question.image.name,
        row=0,
        target=target,
        why="",
        label="",
        explained=names[target],
        prediction=names[int(found.logits[0].argmax())],
    )
    cards = [
        look_closely(look, _at_layer(explainer, found, layer), question.regions, concepts)
        for layer in reversed(layers)
    ]
    known = _known(audited, cards, question.run, store) if audited else []
    return ImagePage(
        title=_("Why %(name)s? %(image)s", name=names[target], image=question.image.name),
        image=question.image.name,
        size=(height, width),
        model=subject.source,
        model_digest=digest,
        explained=names[target],
        scores=_scores(found.logits[0], names, subject.manifest.several),
        cards=cards,
        known=known,
        run=audited.run if audited else "",
        composite=explainer.composite,
        conservation=_finite(float(found.conservation[0]))
        if found.conservation is not None
        else None,
        notes=[*subject.notes, *explainer.notes],
        tool=Tool(
            name="concept-auditor",
            version=auditor.__version__,
            packages={name: importlib.metadata.version(name) for name in PACKAGES},
            device=subject.device.type,
        ),
    )


def _input(subject: Subject, path: Path) -> Tensor:
    """Return an image file as the model's input (1, 3, H, W)."""
    try:
        frame = subject.preprocessing.frame(decode(read_file(path), subject.preprocessing.reading))
    except Unreadable as reason:
        raise DataError(f"'{path}' {reason}; give a picture that can be read.") from reason
    return subject.preprocessing.normalise(frame)[None].to(subject.device)


def _check_region(box: Box, width: int, height: int) -> None:
    try:
        mask_of(box, (height, width))
    except ValueError as error:
        text = ",".join(str(number) for number in box)
        raise ConfigError(
            f"the region {text} does not lie inside the picture, which is {width} x {height} "
            "pixels as the model sees it: give x,y,width,height within it."
        ) from error


def _explain(
    explainer: Explainer,
    subject: Subject,
    inputs: Tensor,
    question: Question,
    layers: Sequence[str],
) -> Explanation:
    targets = None
    if question.explained is not None:
        outputs = named_outputs([question.explained], subject.manifest.classes)
        targets = torch.tensor(outputs, device=subject.device)
    found = explainer.explain(inputs, targets, layers)
    assert found.heatmap is not None  # heatmap=True
    values = (found.logits, found.heatmap, *found.relevance.values())
    if not all(bool(torch.isfinite(each).all()) for each in values):
        (origin,) = explainer.non_finite(inputs, found.targets)
        why = origin.sentence if origin is not None else "its relevance overflows"
        raise ModelError(f"'{question.image}' gives NaN or infinity: {why}")
    return found


def _at_layer(explainer: Explainer, found: Explanation, name: str) -> LayerRelevance:
    relevance = found.relevance[name].flatten(2)
    height, width = found.relevance[name].shape[2:]
    return LayerRelevance(
        layer=name,
        size=(height, width),
        relevance=_array(relevance.sum(2)),
        peak=_array(relevance.argmax(2)),
        activation=_array(found.activation[name].flatten(2).amax(2)),
        cuts=explainer.cuts(name),
    )


def _scores(logits: Tensor, names: Sequence[str], several: Several | None) -> list[ClassScore]:
    if several is not None:
        logits = logits[:-1] + logits.new_tensor(several.offsets.tolist())
    probability = logits.double().sigmoid() if several else torch.softmax(logits.double(), 0)
    best = torch.argsort(logits, descending=True, stable=True)[:LISTED]
    return [
        ClassScore(name=names[int(i)], probability=float(probability[i]), score=float(logits[i]))
        for i in best
    ]


def _audited(run: Path | None, digest: str) -> AuditResult | None:
    if run is None:
        return None
    result = read_result(run)
    if result.model.digest != digest:
        raise IntegrityError(
            f"{run} is the audit of another model ({result.model.digest[:12]}, not "
            f"{digest[:12]}): its reference samples say nothing about this one."
        )
    return result


def _known(
    audited: AuditResult, cards: Sequence[LocalCard], run: Path | None, store: ImageStore
) -> list[Concept]:
    """Return the audited concepts that the page shows, and copy their pictures to its own."""
    assert run is not None
    shown = {item.concept for card in cards for item in card.concepts}
    shown |= {row.concept for card in cards for region in card.regions for row in region.rows}
    known = faces_of(audited.concepts, shown)
    for concept in known:
        for picture in pictures_of(concept.by_relevance):
            write_atomic(store.folder / picture.file, read_image(run / "images", picture.file))
    return known


def _array(values: Tensor) -> np.ndarray:
    found: np.ndarray = values.detach().cpu().numpy()
    return found


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
