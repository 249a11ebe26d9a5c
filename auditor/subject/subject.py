"""The subject of an audit: a model with its validation set, ready to be looked at."""

from __future__ import annotations

from collections.abc import Collection as Names
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor, nn

from auditor.base.errors import AuditorError, ConfigError, LabelError
from auditor.config.audit import Config, PreprocessConfig
from auditor.language.fonts import font_note
from auditor.records.stages import Manifest
from auditor.subject.bands import Bands
from auditor.subject.channels import with_channels
from auditor.subject.collection import (
    UNREADABLE,
    Changed,
    Collection,
    FileReader,
    Gone,
    Reader,
    ahead,
)
from auditor.subject.datasets import DatasetReader
from auditor.subject.dictionaries import Dictionary, read_dictionaries
from auditor.subject.digests import data_digest, weights_digest
from auditor.subject.found import check_any
from auditor.subject.given import Given
from auditor.subject.images import Unreadable
from auditor.subject.input_size import fitting
from auditor.subject.label_states import LabelStates
from auditor.subject.labels import match_labels
from auditor.subject.matching import Matching, Outputs
from auditor.subject.models import BuiltModel, build_model, resolve_device
from auditor.subject.objects import Objects, read_objects
from auditor.subject.outputs import name_outputs, prepare, read_answer, refuse_other_probabilities
from auditor.subject.preprocessing import Preprocessing
from auditor.subject.presets import decide_preprocessing, shown_only
from auditor.subject.reading import read_as
from auditor.subject.rows import class_rows, rows_of_labels
from auditor.subject.several import match_states
from auditor.subject.sources import read_data
from auditor.subject.usable import not_there

SIZES_LOOKED_AT = 1000


# Row -> why it cannot be used.
Quarantine = Mapping[int, str]


@dataclass(frozen=True, eq=False)
class Usable:
    """Inputs of the rows that can be used, in order."""

    rows: tuple[int, ...]
    inputs: Float[Tensor, "row channel height width"]


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
    matching: Matching
    output: str | None = None
    marks: Objects | None = None
    ready: bool = False
    dictionaries: Mapping[str, Dictionary] = field(default_factory=dict)

    def load(self, rows: Sequence[int]) -> Float[Tensor, "row channel height width"]:
        """Return the inputs of ``rows``, exactly these and in this order, on the device.

        Raises:
            DataError: a row holds something else than when the audit began, or is no picture.
            StoppedError: a row could be read when the audit began and cannot be read now.
        """
        return self._stacked([self._input(row) for row in ahead(self.reader, rows)])

    @property
    def read_by_threads(self) -> bool:
        """Say whether several threads may read: a dataset of your own may not expect it."""
        return not isinstance(self.reader, DatasetReader)

    def sift(self, rows: Sequence[int]) -> tuple[Usable, Quarantine]:
        """Return the inputs of those of ``rows`` that can be used, and why the others cannot be.

        For the pass over the data, which writes down what it sets aside; all else asks `load`. The
        quarantine is of what the data held when the audit began, so it is the same every time.

        Raises:
            DataError, StoppedError: as `load`, where a row is not what it was.
        """
        good: list[int] = []
        inputs: list[Tensor] = []
        quarantine: dict[int, str] = {}
        for row in ahead(self.reader, rows):
            try:
                inputs.append(self._usable(row))
                good.append(row)
            except (Gone, Changed) as reason:
                raise self._lost(row, reason) from reason
            except Unreadable as reason:
                quarantine[row] = str(reason)
        return Usable(tuple(good), self._stacked(inputs)), quarantine

    def tried(self, rows: Sequence[int]) -> Subject:
        """Return the subject without what no process survives that decodes it, of ``rows``.

        That comes first for whoever decodes rows that nobody has decoded yet. A dataset of the
        user's own may not live in a forked process, and is not tried.

        Raises:
            DataError, StoppedError: as `load`.
        """
        if not isinstance(self.reader, FileReader):
            return self
        lost = self.reader.deadly(rows, self.contents)
        contents = list(self.contents) if lost else []
        for row, reason in lost.items():
            contents[row] = f"{UNREADABLE}{reason}"
        return replace(self, contents=tuple(contents)) if lost else self

    def picture(self, row: int) -> UInt8[np.ndarray, "height width 3"]:
        """Return what the model sees at ``row`` as an RGB picture.

        Raises:
            DataError, StoppedError: as `load`.
        """
        shown: UInt8[np.ndarray, "height width 3"] = self.pictures(self._input(row)[None])[0]
        return shown

    def pictures(
        self, inputs: Float[Tensor, "sample channel height width"]
    ) -> UInt8[np.ndarray, "sample height width 3"]:
        """Return inputs as RGB pictures, the normalisation undone."""
        return self.preprocessing.pictures(inputs)

    def inputs(
        self, pictures: UInt8[np.ndarray, "sample height width 3"]
    ) -> Float[Tensor, "sample channel height width"]:
        """Return framed pictures as inputs on the CPU: the inverse of ``pictures``."""
        return self.preprocessing.inputs(pictures)

    def objects(self, rows: Sequence[int]) -> Float[np.ndarray, "row height width"] | None:
        """Return the share of every input pixel that is object, None when nothing is marked.

        Rows that are not marked are NaN.

        Raises:
            DataError, StoppedError: the mask of a row is not what it was when the audit began.
        """
        if self.marks is None:
            return None
        found = np.full((len(rows), *self.preprocessing.size), np.nan, dtype=np.float32)
        for place, row in enumerate(map(int, rows)):
            try:
                found[place] = self.marks.mask(row, self.preprocessing, ready=self.ready)
            except Unreadable as reason:
                raise self._lost(row, reason, f"{self.marks.named(row)} of ") from reason
        return found

    @property
    def boxed(self) -> bool:
        """Say whether objects are marked by boxes, which hold background as well."""
        return self.marks is not None and any(self.marks.boxes)

    def size(self, row: int) -> tuple[int, int]:
        """Return (height, width) of a row's picture before preprocessing.

        Raises:
            DataError, StoppedError: as `load`.
        """
        if self.reader.digest(row) != self.contents[row]:
            self._input(row)  # says what became of it
        size = self.reader.size(row)
        if size is None:
            raise self._lost(row, Gone("no longer tells its size"))
        return size

    def example(self) -> Float[Tensor, "1 channel height width"]:
        """Return the first readable picture of the first rows, or a grey ramp, on the device."""
        for row in range(min(len(self.manifest), 8)):
            found, quarantine = self.tried([row]).sift([row])
            if not quarantine:
                return found.inputs
        return self.preprocessing.neutral().to(self.device)

    def _input(self, row: int) -> Float[Tensor, "channel height width"]:
        """Return the input of a row.

        Raises:
            DataError, StoppedError: as `load`.
        """
        try:
            return self._usable(row)
        except Unreadable as reason:
            raise self._lost(row, reason) from reason

    def _lost(self, row: int, reason: Unreadable, what: str = "") -> AuditorError:
        return not_there(f"{what}'{self.manifest.paths[row]}'", reason)

    def _stacked(self, inputs: Sequence[Tensor]) -> Float[Tensor, "row channel height width"]:
        empty = torch.empty(0, self.preprocessing.count, *self.preprocessing.size)
        return (torch.stack(list(inputs)) if inputs else empty).to(self.device)

    def _usable(self, row: int) -> Float[Tensor, "channel height width"]:
        """Return the input of a row.

        Raises:
            Gone, Changed: it is not what it was when the audit began.
            Unreadable: it was no picture then.
        """
        digest = self.contents[row]
        if digest.startswith(UNREADABLE):
            raise Unreadable(digest.removeprefix(UNREADABLE))
        try:
            item = self.reader.read(row, digest)
        except (Gone, Changed):
            raise
        except Unreadable as reason:
            if self.reader.digest(row) != digest:
                raise Gone(str(reason)) from reason
            raise
        if isinstance(item, Image.Image | Bands):
            return self.preprocessing.normalise(self.preprocessing.frame(item))
        height, width = self.preprocessing.size
        if item.shape[1:] != (height, width):
            raise Unreadable(
                f"is {item.shape[1]} x {item.shape[2]} where the model is given {height} x {width}"
            )
        if len(item) != self.preprocessing.count:
            raise Unreadable(
                f"has {len(item)} channels where the model is given {self.preprocessing.count}"
            )
        return item


def load_subject(
    config: Config,
    base: Path,
    contents: tuple[str, ...] | None = None,
    objects: Given | None = None,
) -> Subject:
    """Return the model and the data that ``config`` names; relative paths start at ``base``.

    ``contents`` is what each row held when the audit began, where that is known: then no row is
    read. ``objects`` are model and data where they are given as such, and not by name.

    Raises:
        ConfigError: a value that cannot be used.
        ModelError: the model cannot be built, loaded or run.
        DataError: the data cannot be read, or its labels do not meet the outputs.
    """
    device = resolve_device(config.model.device)
    built = objects.model if objects else build_model(config.model, base)
    model, model_notes = prepare(built.model, device)
    found = objects.data if objects else read_data(config.data, base)
    preprocessing, everything, input_notes = _inputs(config, built, model, found)
    wanted = set(everything.names if config.data.classes is None else config.data.classes)
    example = preprocessing.neutral().to(device)
    answer, count = read_answer(model, example, config.model.output)
    outputs = name_outputs(config.model, built, count, base, single=answer.single)
    several = _several(config, everything, single=answer.single)
    if several is not None:
        matching, several, label_notes = match_states(several, outputs)
        rows = rows_of_labels(config, replace(everything, states=several), matching, contents)
        rows = replace(rows, notes=(*label_notes, *rows.notes))
    else:
        check_any(everything, wanted)
        try:
            matching = _matched(config, everything, wanted, outputs)
        except LabelError:
            if config.model.scores == "auto":
                refuse_other_probabilities(model, answer, example)
            raise
        rows = class_rows(config, everything, wanted, matching, contents)
    marks = read_objects(config.data, base, rows.kept)
    contents = rows.contents
    return Subject(
        model=model,
        device=device,
        manifest=rows.manifest,
        preprocessing=preprocessing,
        source=built.source,
        weights=built.weights,
        weights_digest=weights_digest(model),
        data_digest=data_digest(rows.manifest, contents, marks.digest if marks else ""),
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        notes=(
            *built.notes,
            *model_notes,
            *rows.notes,
            *input_notes,
            *_marked(marks, rows.kept),
            *font_note(matching.classes),
        ),
        reader=rows.kept.reader,
        contents=contents,
        matching=matching,
        output=answer.name or None,
        marks=marks,
        ready=everything.shape is not None,
        dictionaries=read_dictionaries(config.audit.units, base),
    )


def _inputs(
    config: Config, built: BuiltModel, model: nn.Module, found: Collection
) -> tuple[Preprocessing, Collection, tuple[str, ...]]:
    """Return how pictures become inputs, the data read that way, and notes."""
    stated, channel_notes = with_channels(model, config.preprocess, built.preset, found.channels)
    everything, reading = read_as(stated, found)
    preprocessing, notes = _preprocessing(stated, built.preset, everything)
    asked = config.preprocess.resize is not None or config.preprocess.crop is not None
    if built.preset is None and everything.shape is None and not asked:
        preprocessing, notes = fitting(model, preprocessing, notes)
    return replace(preprocessing, reading=reading), everything, (*channel_notes, *notes)


def _matched(
    config: Config, everything: Collection, wanted: Names[str], outputs: Outputs
) -> Matching:
    """Return which output each label of the data means that is asked for."""
    present = set(everything.labels)
    rule = config.data.labels
    return match_labels(
        [name for name in everything.names if name in present and name in wanted],
        everything.names,
        outputs,
        "auto" if rule == "multi" else rule,
        everything.numbering,
        ordered=everything.ordered,
    )


def _several(config: Config, everything: Collection, *, single: bool) -> LabelStates | None:
    """Return the labels of pictures that have several, None where each has one class.

    Raises:
        ConfigError: the config asks for several, and the data or the model has one.
    """
    states = everything.states
    if states is None and config.data.labels != "multi":
        return None
    if states is None:
        raise ConfigError(
            f"data.labels is multi, and '{config.data.source}' has one label for each picture: "
            "several are read from a table (columns of 0 and 1, names divided by a sign, or "
            "vectors), from COCO's .json, or from a factory's dataset whose labels are vectors."
        )
    if single:
        raise ConfigError(
            f"the data has {states.states.shape[1]} labels for each picture and the model a single "
            "logit: name the column that it stands for by data.columns.label."
        )
    if config.data.classes is not None:
        raise ConfigError(
            "data.classes chooses pictures by their one class, and these have several labels: "
            "leave it out, and name labels to audit by audit.classes."
        )
    return states


def _marked(marks: Objects | None, data: Collection) -> tuple[str, ...]:
    """Say how many pictures have a mask or box when not all do, and name one that has none."""
    if marks is None or marks.marked == len(data):
        return ()
    first = data.paths[marks.sizes.index(None)]
    said = f"{marks.marked} of {len(data)} pictures say where their object is"
    return (f"{said}; the first that does not: '{first}'",)


def _preprocessing(
    config: PreprocessConfig, preset: Preprocessing | None, data: Collection
) -> tuple[Preprocessing, tuple[str, ...]]:
    """Return how the data becomes inputs, and what had to be assumed."""
    if data.shape is not None:
        return shown_only(config, preset, data.shape)
    if preset is not None or config.resize is not None or config.crop is not None:
        return decide_preprocessing(config, preset, ())
    spread = np.linspace(0, len(data) - 1, min(len(data), SIZES_LOOKED_AT)).astype(int)
    sizes = [data.reader.size(index) for index in ahead(data.reader, spread.tolist())]
    return decide_preprocessing(config, preset, [size for size in sizes if size is not None])
