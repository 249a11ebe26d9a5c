"""Whether the model's confidence is its accuracy: reliability by bin and the calibration error.

Source: Naeini et al. 2015 and Guo et al. 2017, expected calibration error of the top answer.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float
from scipy.special import softmax
from scipy.stats import bootstrap

from auditor.base.streams import stream
from auditor.language.speaking import gettext as _
from auditor.records.stages import Samples
from auditor.report.document.result import Calibration, CalibrationBin, Interval
from auditor.shortcuts.statistics import wilson

BINS = 10
RESAMPLES = 1000
# Under this many pictures the error says more about the sample than about the model.
LEAST = 50


def calibration(samples: Samples, *, seed: int) -> Calibration | None:
    """Return the calibration over all used samples; None when there is none.

    Confidence is the softmax of the predicted class. ``seed`` is of the bootstrap.
    """
    used = samples.valid
    if not used.any():
        return None
    confidence = softmax(samples.logits[used].astype(np.float64), axis=1).max(axis=1)
    right = samples.labels[used] == samples.prediction[used]
    return Calibration(
        error=error_with_interval(confidence, right, seed),
        confidence=float(confidence.mean()),
        bins=_bins(confidence, right),
        note=""
        if used.sum() >= LEAST
        else _("%(sum)s pictures are few: read the error as a rough guide.", sum=int(used.sum())),
    )


def expected_error(
    confidence: Float[np.ndarray, "sample"], right: Bool[np.ndarray, "sample"]
) -> float:
    """Return the mean distance of accuracy and confidence over `BINS` equal bins, by count."""
    place = _places(confidence)
    counts = np.bincount(place, minlength=BINS)
    gaps = np.bincount(place, weights=right - confidence, minlength=BINS)
    return float(np.abs(gaps).sum() / counts.sum())


def error_with_interval(
    confidence: Float[np.ndarray, "sample"], right: Bool[np.ndarray, "sample"], seed: int
) -> Interval:
    """Return the expected calibration error with a 95 % interval by bootstrap."""
    value, n = expected_error(confidence, right), len(confidence)
    if n < 2:
        return Interval(value=value, low=0.0, high=1.0, n=n)
    found = bootstrap(
        (confidence, right),
        expected_error,
        paired=True,
        vectorized=False,
        n_resamples=RESAMPLES,
        method="percentile",
        rng=stream(seed, "calibration"),
    ).confidence_interval
    return Interval(value=value, low=float(found.low), high=float(found.high), n=n)


def _bins(
    confidence: Float[np.ndarray, "sample"], right: Bool[np.ndarray, "sample"]
) -> list[CalibrationBin]:
    place = _places(confidence)
    return [
        CalibrationBin(
            low=index / BINS,
            high=(index + 1) / BINS,
            confidence=float(confidence[place == index].mean()),
            accuracy=wilson(int(right[place == index].sum()), int((place == index).sum())),
        )
        for index in range(BINS)
        if (place == index).any()
    ]


def _places(confidence: Float[np.ndarray, "sample"]) -> np.ndarray:
    place: np.ndarray = np.minimum((confidence * BINS).astype(int), BINS - 1)
    return place
