"""Two baselines that look at the model's last layer: its principal components, and error slices."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture
from torch import nn

from tests.benchmarks.shortcuts.audited import Audited
from tests.benchmarks.shortcuts.baselines import DIMENSIONS, LEAST, Verdict

COMPONENTS, SLICES = "class PCA", "error slices"
HIGH = 0.95
# Slices, and what a wrong label or prediction weighs beside the embedding (Eyuboglu et al. 2022).
SLICE_COUNT, WEIGHT = 12, 3.0


def class_components(audited: Audited) -> dict[int, Verdict]:
    """Neuhaus et al. 2023: principal components of the features as the class weighs them.

    A component counts by what it adds to the class's logit. The suspicious one is that which other
    classes' pictures have as much as the class's: by their `HIGH` quantiles. Members score by it.
    """
    last = [each for each in audited.subject.model.modules() if isinstance(each, nn.Linear)][-1]
    weights = last.weight.detach().numpy()
    labels = audited.samples.labels
    found = {}
    for output in audited.outputs:
        rows = audited.members(output)
        if len(rows) < LEAST:
            continue
        weighed = audited.features * weights[output]
        count = min(DIMENSIONS, len(rows) - 1, weighed.shape[1])
        fit = PCA(count, random_state=0).fit(weighed[rows])
        added = fit.transform(weighed) * fit.components_.sum(axis=1)
        own = np.quantile(added[rows], HIGH, axis=0)
        others = np.quantile(added[labels != output], HIGH, axis=0)
        shared = np.where(own > 0.1 * own.max(), others / np.maximum(own, 1e-9), -np.inf)
        best = int(shared.argmax())
        found[output] = Verdict(added[rows, best], float(shared[best]))
    return found


def error_slices(audited: Audited) -> dict[int, Verdict]:
    """Domino (Eyuboglu et al. 2022): a mixture on embedding, label and prediction.

    A class is as suspicious as the slice with the largest share of other classes' pictures that
    are taken for it; members score by how near the slice's embedding is.
    """
    samples = audited.samples
    points = _embedding(audited.features)
    probabilities = np.exp(samples.logits - samples.logits.max(axis=1, keepdims=True))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    truth = np.eye(len(audited.outputs))[samples.labels]
    joined = np.concatenate([points, WEIGHT * truth, WEIGHT * probabilities], axis=1)
    number = min(SLICE_COUNT, max(2, len(joined) // 20))
    fit = GaussianMixture(number, covariance_type="diag", reg_covar=1e-2, random_state=0)
    belongs = fit.fit(joined).predict_proba(joined)
    found = {}
    for output in audited.outputs:
        rows = audited.members(output)
        if len(rows) < LEAST:
            continue
        mistaken = (samples.labels != output) & (samples.prediction == output)
        shares = (belongs * mistaken[:, None]).sum(axis=0) / np.maximum(belongs.sum(axis=0), 1.0)
        centre = fit.means_[int(shares.argmax()), : points.shape[1]]
        near = -np.linalg.norm(points[rows] - centre, axis=1)
        found[output] = Verdict(near, float(shares.max()))
    return found


def _embedding(features: Float[np.ndarray, "sample feature"]) -> Float[np.ndarray, "sample part"]:
    count = min(DIMENSIONS, features.shape[1])
    reduced: np.ndarray = PCA(count, random_state=0).fit_transform(features)
    return reduced / max(float(reduced.std(axis=0).max()), 1e-12)
