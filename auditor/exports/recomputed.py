"""Model and data of a run, loaded again for what its folder does not keep: inputs and heatmaps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8

from auditor.base.errors import IntegrityError
from auditor.config.audit import Config
from auditor.pipeline.identity import subject_identity
from auditor.pipeline.opening import make_explainer
from auditor.records.stages import Samples
from auditor.relevance.explainer import Explainer
from auditor.run.manifest import read_manifest
from auditor.subject import Given, Subject, load_subject


@dataclass(frozen=True, eq=False)
class Recomputed:
    """The subject of a run and its relevance engine."""

    subject: Subject
    explainer: Explainer
    samples: Samples
    batch: int

    def inputs(self, rows: Sequence[int]) -> Float[np.ndarray, "row 3 height width"]:
        """Return inputs as the model is given them."""
        loaded: np.ndarray = self.subject.load(rows).cpu().float().numpy()
        return loaded

    def pictures(self, rows: Sequence[int]) -> UInt8[np.ndarray, "row height width 3"]:
        """Return inputs as pictures, the normalisation undone."""
        return self.subject.pictures(self.subject.load(rows))

    def heatmaps(self, rows: Sequence[int]) -> Float[np.ndarray, "row height width"]:
        """Return the relevance of pixels for the class that the run explained, by row."""
        found = []
        for start in range(0, len(rows), self.batch):
            part = [int(row) for row in rows[start : start + self.batch]]
            targets = torch.as_tensor(np.asarray(self.samples.target)[part])
            explained = self.explainer.explain(self.subject.load(part), targets)
            assert explained.heatmap is not None
            found.append(explained.heatmap.cpu().float().numpy())
        return np.concatenate(found)


def recomputed(
    run: Path, config: Config, base: Path, samples: Samples, objects: Given | None = None
) -> Recomputed:
    """Load model and data again, and check that they are those that the run was made of.

    Raises:
        IntegrityError: they are not.
    """
    subject = load_subject(config, base, None, objects)
    explainer = make_explainer(config, subject)
    begun = read_manifest(run).get("identity", {})
    for part, found in subject_identity(subject, explainer).items():
        if begun.get(part) != found:
            raise IntegrityError(
                f"the {part} is not that which {run.name} was made of: give the audit's own, or "
                "audit again."
            )
    return Recomputed(subject, explainer, samples, config.audit.batch)
