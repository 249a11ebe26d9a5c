"""The subject of an audit: a model with its validation set, ready to be looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor, nn

from auditor.config import Config, PreprocessConfig
from auditor.errors import DataError
from auditor.records import Manifest
from auditor.subject.collection import Collection, Reader
from auditor.subject.digests import data_digest, weights_digest
from auditor.subject.images import Unreadable
from auditor.subject.labels import match_labels
from auditor.subject.models import build_model, resolve_device
from auditor.subject.objects import Objects, read_objects
from auditor.subject.outputs import name_outputs, prepare, read_answer
from auditor.subject.preprocessing import Preprocessing
from auditor.subject.presets import decide_preprocessing, shown_only
from auditor.subject.reading import read_as
from auditor.subject.selection import select
from auditor.subject.sources import read_data

SIZES_LOOKED_AT = 1000


@dataclass(frozen=True, eq=False)
class Batch:
    """Inputs of the rows that could be read, in order, and why the others could not."""

    rows: tuple[int, ...]
    inputs: Float[Tensor, "row 3 height width"]
    failures: Mapping[int, str]


@dataclass(frozen=True, eq=False)
class Subject:
    """A model in evaluation mode on its device, and the validation set it is audited on.

    ``contents`` identifies what each row held when the audit began: a row that holds something
    else later is refused. No field holds an absolute path.
    """

    model: nn.Module
    device: torch.device
    manifest: Manifest
    preprocessing: Preprocessing
    source: str
    weights: str
    weights_digest: str
    data_digest: str
    parameters: int
    notes: tuple[str, ...]
    reader: Reader
    contents: tuple[str, ...]
    output: str | None = None
    marks: Objects | None = None
    ready: bool = False

    def load(self, rows: Sequence[int]) -> Batch:
        """Return the inputs of ``rows`` on the device; unreadable rows become failures."""
        good: list[int] = []
        inputs: list[Tensor] = []
        failures: dict[int, str] = {}
        for row in rows:
            try:
                inputs.append(self._input(int(row)))
                good.append(int(row))
            except Unreadable as reason:
                failures[int(row)] = str(reason)
        shape = (0, 3, *self.preprocessing.size)
        stacked = torch.stack(inputs) if inputs else torch.empty(shape)
        return Batch(tuple(good), stacked.to(self.device), failures)

    def picture(self, row: int) -> UInt8[np.ndarray, "height width 3"]:
        """Return what the model sees at ``row`` as an RGB picture.

        Raises:
            DataError: the row cannot be read.
        """
        try:
            shown: UInt8[np.ndarray, "height width 3"] = self.pictures(self._input(row)[None])[0]
        except Unreadable as reason:
            raise DataError(f"'{self.manifest.paths[row]}' {reason}.") from reason
        return shown

    def pictures(
        self, inputs: Float[Tensor, "sample 3 height width"]
    ) -> UInt8[np.ndarray, "sample height width 3"]:
        """Return inputs as RGB pictures, the normalisation undone."""
        return self.preprocessing.pictures(inputs)

    def inputs(
        self, pictures: UInt8[np.ndarray, "sample height width 3"]
    ) -> Float[Tensor, "sample 3 height width"]:
        """Return framed pictures as inputs on the CPU: the inverse of ``pictures``."""
        return self.preprocessing.inputs(pictures)

    def objects(self, rows: Sequence[int]) -> Float[np.ndarray, "row height width"] | None:
        """Return the share of every input pixel that is object, None when nothing is marked.

        Rows that are not marked are NaN.
        """
        if self.marks is None:
            return None
        return self.marks.masks(rows, self.preprocessing, ready=self.ready)

    def size(self, row: int) -> tuple[int, int] | None:
        """Return (height, width) of a row's picture before preprocessing, None if unknown."""
        return self.reader.size(row)

    def example(self) -> Float[Tensor, "1 3 height width"]:
        """Return the first readable picture of the first rows, or a grey ramp, on the device."""
        for row in range(min(len(self.manifest), 8)):
            batch = self.load([row])
            if batch.rows:
                return batch.inputs
        return self.preprocessing.neutral().to(self.device)

    def _input(self, row: int) -> Float[Tensor, "3 height width"]:
        item = self.reader.read(row, self.contents[row])
        if isinstance(item, Image.Image):
            return self.preprocessing.normalise(self.preprocessing.frame(item))
        height, width = self.preprocessing.size
        if item.shape[1:] != (height, width):
            raise Unreadable(
                f"is {item.shape[1]} x {item.shape[2]} where the model is given {height} x {width}"
            )
        return item


def load_subject(config: Config, base: Path) -> Subject:
    """Return the model and the data that ``config`` names; relative paths start at ``base``.

    Raises:
        ConfigError: a value that cannot be used.
        ModelError: the model cannot be built, loaded or run.
        DataError: the data cannot be read, or its labels do not meet the outputs.
    """
    device = resolve_device(config.model.device)
    built = build_model(config.model, base)
    model, model_notes = prepare(built.model, device)
    everything, reading = read_as(config.preprocess, read_data(config.data, base))
    preprocessing, input_notes = _preprocessing(config.preprocess, built.preset, everything)
    preprocessing = replace(preprocessing, reading=reading)
    example = preprocessing.neutral().to(device)
    answer, count = read_answer(model, example, config.model.output)
    outputs = name_outputs(config.model, built, count, base, single=answer.single)
    selection = select(
        everything.labels,
        everything.names,
        classes=config.data.classes,
        limit=config.data.limit,
        seed=config.audit.seed,
    )
    wanted = everything.names if config.data.classes is None else config.data.classes
    present = set(everything.labels)
    used = [name for name in everything.names if name in present and name in set(wanted)]
    matching = match_labels(
        used,
        everything.names,
        outputs,
        config.data.labels,
        everything.numbering,
        ordered=everything.ordered,
    )
    kept = everything.take(selection.indices, selection.excluded)
    contents = tuple(kept.reader.digest(index) for index in range(len(kept)))
    marks = read_objects(config.data, base, kept)
    manifest = Manifest(
        paths=kept.paths,
        labels=np.array([matching.outputs[label] for label in kept.labels], dtype=np.int64),
        classes=matching.classes,
        metadata=kept.metadata,
        excluded=kept.excluded,
        label_rule=matching.rule,
    )
    return Subject(
        model=model,
        device=device,
        manifest=manifest,
        preprocessing=preprocessing,
        source=built.source,
        weights=built.weights,
        weights_digest=weights_digest(model),
        data_digest=data_digest(manifest, contents, marks.digest if marks else ""),
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        notes=(*built.notes, *model_notes, *kept.notes, *input_notes, *_marked(marks, kept)),
        reader=kept.reader,
        contents=contents,
        output=answer.name or None,
        marks=marks,
        ready=everything.shape is not None,
    )


def _marked(marks: Objects | None, data: Collection) -> tuple[str, ...]:
    """Say how many pictures have a mask or box when not all do."""
    if marks is None or marks.marked == len(data):
        return ()
    return (f"{marks.marked} of {len(data)} pictures say where their object is",)


def _preprocessing(
    config: PreprocessConfig, preset: Preprocessing | None, data: Collection
) -> tuple[Preprocessing, tuple[str, ...]]:
    """Return how the data becomes inputs, and what had to be assumed."""
    if data.shape is not None:
        return shown_only(config, preset, data.shape)
    if preset is not None or config.resize is not None or config.crop is not None:
        return decide_preprocessing(config, preset, ())
    spread = np.linspace(0, len(data) - 1, min(len(data), SIZES_LOOKED_AT)).astype(int)
    sizes = [data.reader.size(int(index)) for index in spread]
    return decide_preprocessing(config, preset, [size for size in sizes if size is not None])
