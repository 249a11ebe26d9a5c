"""How well each shown concept can be read, from its stored reference crops."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from auditor.concepts.quality import concept_quality
from auditor.records.concepts import ConceptQuality
from auditor.records.stages import Illustration, Subspaces
from auditor.report.show.images import ImageStore, read_image


def qualities(
    illustrations: Sequence[Illustration], subspaces: Mapping[str, Subspaces], store: ImageStore
) -> dict[str, dict[int, ConceptQuality]]:
    """Return, per layer and concept, clarity, meanings and redundancy.

    Crops are those of the reference samples by relevance over all data, the best first.
    """
    own = [item for item in illustrations if item.output is None and item.origin == "relevance"]
    crops: dict[tuple[str, int], list[np.ndarray]] = defaultdict(list)
    for item in sorted(own, key=_best_first):
        with Image.open(io.BytesIO(read_image(store.folder, item.crop.file))) as kept:
            crops[item.layer, item.concept].append(np.asarray(kept.convert("RGB")))
    found: dict[str, dict[int, ConceptQuality]] = {layer: {} for layer in subspaces}
    for (layer, concept), pictures in crops.items():
        found[layer][concept] = concept_quality(concept, pictures, subspaces[layer])
    return found


def _best_first(item: Illustration) -> tuple[str, int, float, int]:
    return item.layer, item.concept, -item.score, item.row
