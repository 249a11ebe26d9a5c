"""ViRelAy: a project of pictures, heatmaps, and the map of what decides, class by class."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import numpy as np
import yaml
from jaxtyping import Float, Int
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA

from auditor.base.streams import library_seed
from auditor.concepts.shares import shares_of
from auditor.config.audit import load_config
from auditor.exports.export import EXPORTS, Export, Files, Source, needs
from auditor.exports.tables import carried, probabilities
from auditor.records.stages import LayerRelevance
from auditor.report.show.per_picture import read_stage

CLUSTERS = (2, 3, 4)
LEAST = 5  # pictures of a class that has a map


def _make(source: Source) -> Files:
    h5py = needs("h5py", "virelay")
    found, rows = source.again("virelay"), source.spread()
    samples = source.pictures.samples
    chosen = [int(row) for row in rows]
    labels = np.asarray(samples.labels)[rows].astype(np.uint16)
    pictures = found.pictures(chosen).transpose(0, 3, 1, 2)
    dataset = _packed(h5py, {"data": pictures, "label": labels})
    attribution = _packed(
        h5py,
        {
            "index": np.arange(len(rows), dtype=np.uint32),
            "attribution": found.heatmaps(chosen)[:, None].astype(np.float32),
            "label": np.asarray(samples.target)[rows].astype(np.uint16),
            "prediction": probabilities(source, rows).astype(np.float32),
        },
    )
    names = [
        {"index": index, "word_net_id": _key(index), "name": name}
        for index, name in enumerate(samples.manifest.classes)
    ]
    return {
        "dataset.h5": dataset,
        "attribution.h5": attribution,
        "analysis.h5": _packed(h5py, _analysis(source, rows)),
        "label-map.json": json.dumps(names, ensure_ascii=False, indent=1).encode(),
        "project.yaml": yaml.safe_dump(_project(source), sort_keys=False).encode(),
    }


def _project(source: Source) -> dict[str, Any]:
    target = load_config(source.path / "config.yaml").audit.target
    return {
        "project": {
            "name": source.result.scope.name,
            "model": source.result.model.source,
            "label_map": "label-map.json",
            "dataset": {"name": source.result.data.source, "type": "hdf5", "path": "dataset.h5"},
            "attributions": {
                "attribution_method": f"LRP, {source.result.method.composite}",
                "attribution_strategy": "true_label" if target == "label" else "predicted_label",
                "sources": ["attribution.h5"],
            },
            "analyses": [{"analysis_method": "Concept relevance", "sources": ["analysis.h5"]}],
        }
    }


def _analysis(source: Source, rows: Int[np.ndarray, "row"]) -> dict[str, Any]:
    """Return by class: two coordinates of each picture, its clusters, and its place in the data."""
    _samples, layers = read_stage(source.path, "relevance")
    layer: LayerRelevance = layers[-1]
    samples = source.pictures.samples
    targets = np.asarray(samples.target)[rows]
    seen = carried(source)
    order = {finding.id: at for at, finding in enumerate(source.result.findings, start=1)}
    groups: dict[str, Any] = {}
    for target in np.unique(targets):
        places = np.flatnonzero(targets == target)
        if len(places) < LEAST:
            continue
        shares = shares_of(layer, rows[places])
        paths = [samples.manifest.paths[row] for row in rows[places]]
        clusters = {
            "finding": np.array(
                [order[seen[path][0]] if path in seen else 0 for path in paths], dtype=np.uint32
            )
        }
        for count in CLUSTERS:
            clusters[f"kmeans-{count}"] = _clusters(shares, count)
        groups[_key(int(target))] = {
            "index": places.astype(np.uint32),
            "embedding": {
                "pca": PCA(2, svd_solver="full").fit_transform(shares).astype(np.float32)
            },
            "cluster": clusters,
        }
    return groups


def _clusters(shares: Float[np.ndarray, "row concept"], count: int) -> Int[np.ndarray, "row"]:
    seed = library_seed(0, "clusters of an export", count)
    found = KMeans(min(count, len(shares)), n_init=4, random_state=seed).fit_predict(shares)
    return np.asarray(found, dtype=np.uint32)


def _key(output: int) -> str:
    """Return what an output is called in the analysis; digits alone would be taken for an index."""
    return f"output-{output}"


def _packed(h5py: Any, content: dict[str, Any]) -> bytes:
    written = BytesIO()
    with h5py.File(written, "w", track_order=False) as file:
        _fill(file, content)
    return written.getvalue()


def _fill(group: Any, content: dict[str, Any]) -> None:
    for name, value in content.items():
        if isinstance(value, dict):
            _fill(group.create_group(name), value)
        else:
            group.create_dataset(name, data=value)


EXPORTS.enter(
    "virelay",
    Export("a project of pictures, heatmaps and maps by class (HDF5)", _make, pixels=True),
    made_of=_make,
)
