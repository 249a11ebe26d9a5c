"""The pass over the data: relevance of every concept in every sample, shard by shard.

A shard is a fixed range of rows with a fixed batch plan, so that its bytes do not depend on who did
it. The merge concatenates shards in row order: nothing is summed across them.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

import numpy as np
import torch

from auditor.base.errors import IntegrityError
from auditor.base.progress import Step
from auditor.records.several import decided
from auditor.records.stages import LayerRelevance, Manifest, Samples
from auditor.records.work import Work
from auditor.relevance.explainer import Explainer
from auditor.relevance.over_data.fingerprints import fingerprints
from auditor.subject import Quarantine, Subject, Usable

# Bytes of a number in a shard: float32, and int32 for positions.
NUMBER = 4
# A shard is kept beside the record that it is merged into.
STORED_TWICE = 2


@dataclass(frozen=True)
class PassPlan:
    """What the pass does: which layers, which target, how rows fall into shards and batches.

    ``relmax`` and ``actmax``: whether reference samples are chosen by the sum over positions or by
    the largest value; what the table does not hold anyway is kept besides.
    """

    layers: tuple[str, ...]
    target: str
    batch: int
    shard: int
    relmax: Literal["sum", "max"] = "sum"
    actmax: Literal["sum", "max"] = "max"

    @property
    def further(self) -> tuple[str, ...]:
        """Return the names of the tables that are kept besides."""
        asked = {
            "largest_relevance": self.relmax == "max",
            "summed_activation": self.actmax == "sum",
        }
        return tuple(name for name, wanted in asked.items() if wanted)

    def ranges(self, rows: int) -> list[range]:
        """Return the row range of every shard."""
        return [range(start, min(start + self.shard, rows)) for start in range(0, rows, self.shard)]

    def work(self, rows: int, channels: Sequence[int], classes: int) -> Work:
        """Return what the pass does for so many rows, at layers of so many channels each."""
        of_channel = 3 + len(self.further)  # relevance, its peak, activation
        numbers = rows * (classes + of_channel * sum(channels))
        return Work(explained=rows, stored=STORED_TWICE * NUMBER * numbers)


def collect_shard(
    explainer: Explainer,
    subject: Subject,
    plan: PassPlan,
    rows: Sequence[int],
    progress: Step,
    *,
    loaders: int = 0,
) -> dict[str, np.ndarray]:
    """Return the arrays of one shard, a row per sample; quarantined rows hold zeros.

    ``loaders``: threads that read batches ahead of the model; they change no number.

    Arrays: ``rows``, ``valid``, ``reasons`` (JSON text), ``logits``, ``target``,
    ``fingerprint`` and, per layer
    ``i``, ``relevance.i`` (n, C), ``peak.i`` (n, C), ``activation.i`` (n, C), ``size.i`` (2,).
    """
    count = len(rows)
    reasons: dict[int, str] = {}
    arrays: dict[str, np.ndarray] = {
        "rows": np.asarray(rows, dtype=np.int64),
        "valid": np.zeros(count, dtype=bool),
        "logits": np.zeros((count, len(subject.manifest.classes)), dtype=np.float32),
        "target": np.zeros(count, dtype=np.int64),
        "fingerprint": np.zeros((count, 256), dtype=np.uint8),
    }
    for name, channels in ((name, explainer.channels(name)) for name in plan.layers):
        index = plan.layers.index(name)
        arrays[f"relevance.{index}"] = np.zeros((count, channels), dtype=np.float32)
        arrays[f"activation.{index}"] = np.zeros((count, channels), dtype=np.float32)
        arrays[f"peak.{index}"] = np.zeros((count, channels), dtype=np.int32)
        for table in plan.further:
            arrays[f"{table}.{index}"] = np.zeros((count, channels), dtype=np.float32)
        arrays[f"size.{index}"] = np.zeros(2, dtype=np.int64)
    parts = [list(rows[start : start + plan.batch]) for start in range(0, count, plan.batch)]
    for part, (batch, quarantine) in zip(parts, _read(subject, parts, loaders), strict=True):
        reasons |= quarantine
        if batch.rows:
            indices = np.asarray(batch.rows) - rows[0]
            tables = _explain_batch(explainer, subject, plan, batch.inputs, batch.rows)
            finite = np.ones(len(batch.rows), dtype=bool)
            for name, values in tables.items():
                if name.startswith("size"):
                    arrays[name] = values
                    continue
                if values.dtype.kind == "f":
                    finite &= np.isfinite(values.reshape(len(values), -1)).all(axis=1)
            for name, values in tables.items():
                if not name.startswith("size"):
                    arrays[name][indices[finite]] = values[finite]
            arrays["valid"][indices[finite]] = True
            broken = np.flatnonzero(~finite)
            origins = _origins(explainer, batch.inputs[broken], tables["target"][broken])
            for position, origin in zip(indices[broken], origins, strict=True):
                reasons[int(rows[position])] = f"the model gives NaN or infinity for it: {origin}"
        progress(len(part))
    arrays["reasons"] = np.array(json.dumps(reasons, sort_keys=True))
    return arrays


def _read(
    subject: Subject, parts: Sequence[Sequence[int]], loaders: int
) -> Iterator[tuple[Usable, Quarantine]]:
    """Yield what each batch holds, in order, read by ``loaders`` threads ahead of who asks."""
    if not loaders:
        yield from map(subject.sift, parts)
        return
    waiting = iter(parts)
    with ThreadPoolExecutor(loaders) as pool:
        ahead = deque(pool.submit(subject.sift, part) for part in islice(waiting, loaders))
        try:
            while ahead:
                found = ahead.popleft().result()
                ahead.extend(pool.submit(subject.sift, part) for part in islice(waiting, 1))
                yield found
        finally:
            for each in ahead:
                each.cancel()


def _origins(explainer: Explainer, images: torch.Tensor, targets: np.ndarray) -> list[str]:
    """Return for each image where a value is first not finite."""
    if not len(images):
        return []
    problems = explainer.non_finite(images, torch.as_tensor(targets))
    return ["its relevance overflows" if each is None else each.sentence for each in problems]


def _explain_batch(
    explainer: Explainer,
    subject: Subject,
    plan: PassPlan,
    images: torch.Tensor,
    rows: Sequence[int],
) -> dict[str, np.ndarray]:
    targets = None
    if plan.target == "label" or subject.manifest.several is not None:
        targets = torch.as_tensor(subject.manifest.labels[list(rows)], device=images.device)
    out = explainer.statistics(images, plan.layers, targets)
    tables = {
        "logits": _array(out.logits),
        "target": _array(out.targets),
        "fingerprint": _array(fingerprints(images)),
    }
    for index, totals in enumerate(out.layers[layer] for layer in plan.layers):
        tables[f"relevance.{index}"] = _array(totals.relevance)
        tables[f"peak.{index}"] = _array(totals.peak).astype(np.int32)
        tables[f"activation.{index}"] = _array(totals.activation)
        tables[f"size.{index}"] = np.array(totals.size, dtype=np.int64)
        for table in plan.further:
            tables[f"{table}.{index}"] = _array(getattr(totals, table))
    return tables


def shards_of(
    explainer: Explainer, subject: Subject, plan: PassPlan, progress: Step = lambda _: None
) -> list[dict[str, np.ndarray]]:
    """Return all shards of the pass, done here one after the other and kept in memory."""
    ranges = plan.ranges(len(subject.manifest))
    return [collect_shard(explainer, subject, plan, rows, progress) for rows in ranges]


def merge(
    shards: Sequence[Mapping[str, np.ndarray]],
    manifest: Manifest,
    plan: PassPlan,
    discovery: np.ndarray,
    cuts: Sequence[bool],
    *,
    join: Callable[[Sequence[np.ndarray]], np.ndarray] = np.concatenate,
) -> tuple[Samples, tuple[LayerRelevance, ...]]:
    """Return samples and relevance from the complete set of shards, in order of rows.

    ``join`` puts the tables of all shards on top of each other that are large. One shard after the
    other is looked at, so that those that are read from files are not in memory together.

    Raises:
        IntegrityError: a shard is missing, or of other rows than planned.
    """
    ranges = plan.ranges(len(manifest))
    if len(shards) != len(ranges):
        raise IntegrityError(f"the pass left {len(shards)} shards where {len(ranges)} are planned.")
    small: dict[str, list[np.ndarray]] = {}
    reasons: dict[str, str] = {}
    for index, (shard, rows) in enumerate(zip(shards, ranges, strict=True)):
        if not np.array_equal(shard["rows"], np.arange(rows.start, rows.stop)):
            raise IntegrityError(
                f"shard {index} holds other rows than planned: run the same command again with "
                "--repair."
            )
        reasons |= json.loads(str(shard["reasons"]))
        sizes = [name for name in shard if name.startswith("size.")]
        for name in ("valid", "target", "fingerprint", *sizes):
            small.setdefault(name, []).append(np.array(shard[name]))
        small.setdefault("prediction", []).append(_decided(shard, manifest))

    def joined(name: str) -> np.ndarray:
        table: np.ndarray = join(Column(shards, name))
        return table

    samples = Samples(
        manifest=manifest,
        valid=np.concatenate(small["valid"]),
        quarantine=tuple(reasons.get(str(row)) for row in range(len(manifest))),
        logits=joined("logits"),
        prediction=np.concatenate(small["prediction"]),
        target=np.concatenate(small["target"]),
        discovery=discovery,
        fingerprint=np.concatenate(small["fingerprint"]),
    )
    layers = tuple(
        LayerRelevance(
            layer=layer,
            size=_size(small[f"size.{index}"]),
            relevance=joined(f"relevance.{index}"),
            peak=joined(f"peak.{index}"),
            activation=joined(f"activation.{index}"),
            cuts=cut,
            **{table: joined(f"{table}.{index}") for table in plan.further},
        )
        for index, (layer, cut) in enumerate(zip(plan.layers, cuts, strict=True))
    )
    return samples, layers


def _decided(shard: Mapping[str, np.ndarray], manifest: Manifest) -> np.ndarray:
    """Return what the rows of a shard are decided as."""
    if manifest.several is None:
        answers: np.ndarray = shard["logits"].argmax(axis=1)
        return answers
    return decided(shard["logits"], manifest.labels[shard["rows"]])


class Column(Sequence[np.ndarray]):
    """One table of every shard, each read when it is asked for."""

    def __init__(self, shards: Sequence[Mapping[str, np.ndarray]], name: str) -> None:
        self._shards, self._name = shards, name

    def __len__(self) -> int:
        return len(self._shards)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return Column(self._shards[index], self._name)
        return self._shards[index][self._name]


def _size(sizes: Sequence[np.ndarray]) -> tuple[int, int]:
    """Return the feature map's size: any shard with a usable image knows it."""
    height, width = np.max(np.stack(sizes), axis=0)
    return int(height), int(width)


def _array(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy()
