"""What an audit starts from: its engine, its layers and classes, and the folder of its run."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

import auditor
from auditor.base.errors import UnknownNameError
from auditor.base.progress import Progress
from auditor.base.streams import stream
from auditor.causal.trial import LEAST_IMAGES
from auditor.config.audit import Config, dump_config
from auditor.config.published import shared_command, shared_config
from auditor.pipeline.identity import begun_otherwise, versions
from auditor.records.stages import Samples
from auditor.relevance.explainer import Explainer
from auditor.relevance.sweep.units import is_part, units_of
from auditor.run.folder import RunFolder, digest_of, open_run
from auditor.run.storage import locked
from auditor.subject import Subject
from auditor.subject.dictionaries import Dictionary
from auditor.subject.labels import plain

PICTURES_LOOKED_AT = 8
DRAWING = ("weasyprint",)


def make_explainer(config: Config, subject: Subject) -> Explainer:
    """Return the relevance engine of a subject, set up as the config says."""
    audit = config.audit
    composite = audit.composite
    several = subject.manifest.several
    return Explainer(
        subject.model,
        subject.example(),
        composite if isinstance(composite, str) else composite.model_dump(),
        epsilon=audit.epsilon,
        bias=audit.bias,
        gamma=audit.gamma,
        signed=audit.signed,
        output=subject.output,
        scores=config.model.scores,
        pictures=_some_pictures(subject),
        labels=None if several is None else several.offsets.tolist(),
        units=_units(config, subject),
    )


def _units(config: Config, subject: Subject) -> dict[str, Dictionary | None]:
    """Return the layers whose concepts are no channels, with the dictionaries of those of one."""
    named = () if config.audit.layers == "auto" else config.audit.layers
    found: dict[str, Dictionary | None] = dict.fromkeys(filter(is_part, named))
    return found | {units_of(layer): made for layer, made in subject.dictionaries.items()}


def _some_pictures(subject: Subject) -> Tensor | None:
    """Return a few inputs spread over the data, None where none of them can be used."""
    total = len(subject.manifest)
    rows = {round(at * (total - 1) / (PICTURES_LOOKED_AT - 1)) for at in range(PICTURES_LOOKED_AT)}
    usable, _ = subject.tried(sorted(rows)).sift(sorted(rows))
    return usable.inputs if usable.rows else None


def audited_layers(config: Config, explainer: Explainer) -> tuple[str, ...]:
    """Return the layers that a config names, or those that the engine chooses, and directions.

    Directions that are named nowhere come before the layers that are: the last one is searched.

    Raises:
        UnknownNameError: a layer that the model does not have.
    """
    chosen = explainer.automatic_layers() if config.audit.layers == "auto" else config.audit.layers
    for layer in chosen:
        if layer not in explainer.layers:
            raise UnknownNameError("layer", layer, explainer.layers)
    directions = (units_of(layer) for layer in config.audit.units)
    return (*(layer for layer in directions if layer not in chosen), *chosen)


def named_outputs(
    asked: Sequence[str], classes: Sequence[str], outputs: Iterable[int] | None = None
) -> list[int]:
    """Return the outputs of the classes asked for, of all or of ``outputs``.

    Raises:
        UnknownNameError: a class that is none of them.
    """
    allowed = range(len(classes)) if outputs is None else outputs
    known = {plain(classes[output]): int(output) for output in allowed}
    for name in asked:
        if plain(name) not in known:
            raise UnknownNameError("class", name, [classes[output] for output in known.values()])
    return [known[plain(name)] for name in asked]


def audited_outputs(config: Config, samples: Samples) -> tuple[tuple[int, ...], int]:
    """Return the outputs audited in depth, and how many classes with samples are left out.

    Of more classes than ``max_classes`` those are taken that most wrong decisions leave or reach:
    the pass has told them for free, and a shortcut of a class shows in what is mistaken for it.
    Classes too small to be searched come last. Ties are drawn by the seed, so that no class is
    preferred for its place among the outputs.

    Raises:
        UnknownNameError: a configured class is none of those that have samples.
    """
    present, counts = np.unique(samples.labels[samples.valid], return_counts=True)
    if samples.manifest.several is not None:  # no picture is explained as the absence of labels
        labels = present < samples.manifest.several.count
        present, counts = present[labels], counts[labels]
    if config.audit.classes is None:
        labels, taken_for = samples.labels[samples.valid], samples.prediction[samples.valid]
        wrong = labels != taken_for
        missed, reached = (
            np.array([(side[wrong] == output).sum() for output in present])
            for side in (labels, taken_for)
        )
        drawn = stream(config.audit.seed, "audited classes").permutation(len(present))
        few = counts < 2 * LEAST_IMAGES  # too few to be searched
        order = np.lexsort((drawn, -(missed + reached), few))[: config.audit.max_classes]
        return tuple(sorted(int(o) for o in present[order])), len(present) - len(order)
    asked = named_outputs(config.audit.classes, samples.manifest.classes, present)
    return tuple(dict.fromkeys(asked)), 0


def open_audit(
    config: Config,
    identity: Mapping[str, Any],
    out: Path,
    created: str,
    argv: Sequence[str],
    progress: Progress,
    *,
    begin: Callable[..., RunFolder] = open_run,
) -> RunFolder:
    """Return the run folder of an audit: a new one, or that of the same audit begun before.

    ``identity`` is that of `identity_of`. ``progress`` is told why a run that was begun is not gone
    on with.
    """
    name = config.project.name
    facts = {
        "name": name,
        "argv": shared_command(argv),
        "versions": versions(),
        "identity": identity,
    }
    otherwise = begun_otherwise(out, name, identity)
    if otherwise is not None:
        progress.say(otherwise)
    return begin(out, name, digest_of(identity), created=created, facts=facts)


def shared_yaml(config: Config) -> str:
    """Return the config of a run as YAML that may be shared: no secrets, no folders."""
    return dump_config(Config.model_validate(shared_config(config.model_dump(mode="json"))))


@contextmanager
def only_one(run: RunFolder, progress: Progress) -> Iterator[None]:
    """Hold the run folder, so that a second audit of it waits until this one is done."""

    def waiting() -> None:
        progress.say("another process does this very audit: waiting until it is done")

    with locked(run.path / ".lock", waiting):
        yield


def tool(subject: Subject) -> dict[str, Any]:
    """Return what made a result: version, packages, device."""
    return {
        "name": "concept-auditor",
        "version": auditor.__version__,
        "packages": versions() | {name: importlib.metadata.version(name) for name in DRAWING},
        "device": str(subject.device.type),
    }
