"""Where pictures have several labels: does what carries a candidate carry another label as well?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import fisher_exact

from auditor.language.numbers import percent
from auditor.language.speaking import gettext as _
from auditor.records.several import PRESENT_STATE, UNCERTAIN, Several
from auditor.records.stages import Finding, Samples
from auditor.shortcuts.grading import LEVEL

# How much more often another label must come with what carries a candidate to speak of it.
MORE = 0.2
# Pictures with the label and without the candidate that are compared; of fewer, all without it.
LEAST = 8


@dataclass(frozen=True)
class Company:
    """Another label among the pictures that carry a candidate, and among those compared."""

    label: int
    carry: tuple[int, int]
    compared: tuple[int, int]
    p: float

    @property
    def more(self) -> float:
        """How much larger the label's share is among those that carry the candidate."""
        return _share(self.carry) - _share(self.compared)


def beside_other_labels(samples: Samples, finding: Finding) -> Finding:
    """Return a finding with what other labels say for and against it."""
    several = samples.manifest.several
    if several is None or finding.grade not in ("A", "B", "C"):
        return finding
    found = company(samples, several, finding)
    if not found:
        return finding
    names = samples.manifest.classes
    most = max(found, key=lambda each: each.more)
    said = {
        "name": names[most.label],
        "label": names[finding.candidate.output],
        "carry": percent(_share(most.carry)),
        "n": most.carry[1],
        "other": percent(_share(most.compared)),
        "n_other": most.compared[1],
    }
    if most.p * len(found) <= LEVEL and most.more >= MORE:
        sentence = _(
            "Of the pictures that carry it %(carry)s also have the label '%(name)s' (n = %(n)s), "
            "of those compared %(other)s (n = %(n_other)s): it may be carried by that label.",
            **said,
        )
        return finding.model_copy(update={"against": (*finding.against, sentence)})
    sentence = _(
        "No other label goes with it more than chance explains; most does '%(name)s': %(carry)s of "
        "the pictures that carry it have that label as well (n = %(n)s), of those compared "
        "%(other)s (n = %(n_other)s).",
        **said,
    )
    return finding.model_copy(update={"reasons": (*finding.reasons, sentence)})


def company(samples: Samples, several: Several, finding: Finding) -> list[Company]:
    """Return how often each other label comes with what carries a candidate.

    Compared are the label's pictures that do not carry it, or, of fewer than `LEAST`, pictures
    without the label.
    """
    output = finding.candidate.output
    rows = np.asarray(finding.candidate.rows)
    members = samples.members(output)
    rest = members[~np.isin(several.picture[members], several.picture[rows])]
    if len(rest) < LEAST:
        view = samples.about(output)
        rest = np.flatnonzero(view.valid & (view.labels != output))
    found = []
    for label in range(several.count):
        if label == output:
            continue
        groups = [several.states[part, label] for part in (rows, rest)]
        known = [each[each != UNCERTAIN] for each in groups]
        if not all(map(len, known)):
            continue
        (with_it, n), (without, n_rest) = (
            (int((each == PRESENT_STATE).sum()), len(each)) for each in known
        )
        if not with_it + without:
            continue
        table = np.array([[with_it, n - with_it], [without, n_rest - without]])
        p = float(fisher_exact(table, alternative="greater").pvalue)
        found.append(Company(label, (with_it, n), (without, n_rest), p))
    return found


def _share(counts: tuple[int, int]) -> float:
    return counts[0] / counts[1] if counts[1] else 0.0
