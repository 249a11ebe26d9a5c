"""Natural experiments: pictures as they are, in surroundings of the class and without them.

The data hold pictures of other classes in surroundings that look like those of a class, and
pictures of the class in others. Nobody edited them, and no object had to be found; but which other
things come along with the surroundings is not known, so what they show confirms and does not prove.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.stats import fisher_exact

from auditor.causal.images import Members, Pool, Stage, load_pool
from auditor.language.speaking import gettext as _
from auditor.records.shortcuts import Evidence
from auditor.shortcuts.statistics import wilson
from auditor.shortcuts.tests import NATURAL_MISSES, NATURAL_MISTAKES, CausalTest
from auditor.shortcuts.whole_pictures.surround_looks import like_those, margin_looks

# Test pictures, of all classes together, whose surroundings are looked at.
LOOKED_AT = 400
# Fewer pictures on a side tell nothing; of few the exact test and the interval ask for much.
LEAST_SIDE = 2


@dataclass(frozen=True, eq=False)
class Natural:
    """Test pictures of all classes, and what their margins look like; ``others`` to learn from."""

    pool: Pool
    looks: Float[np.ndarray, "sample look"]
    others: Float[np.ndarray, "other look"]


@dataclass(frozen=True, eq=False)
class Mistakes:
    """What pictures as they are say of a class.

    ``alike`` says which of ``pool`` have surroundings like its own, ``members`` which of its
    members do, and ``others`` which pictures of `Stage.others`.
    """

    pool: Pool
    alike: Bool[np.ndarray, "sample"]
    members: Bool[np.ndarray, "member"]
    others: Bool[np.ndarray, "other"]
    mistaken: Evidence
    missed: Evidence


def natural_pictures(stage: Stage) -> Natural:
    """Load the test pictures that are looked at, the same for all classes."""
    samples = stage.samples
    rows = np.flatnonzero(samples.valid & ~samples.discovery)
    pool = load_pool(stage.search, rows, LOOKED_AT, name="natural mistakes")
    looks, others = (
        margin_looks(stage.probe.pictures(each.inputs)) for each in (pool, stage.others)
    )
    return Natural(pool, looks, others)


def natural_mistakes(stage: Stage, members: Members, natural: Natural) -> Mistakes | None:
    """Compare error rates with and without the class's surroundings; None of too few pictures.

    What they look like is learned on the discovery half, error rates are of the test half.
    """
    output, pool = members.output, natural.pool
    own = margin_looks(members.pictures)
    others = natural.others[stage.others.labels != output]
    found = like_those(
        own[members.discovery], others, np.concatenate([natural.looks, own, natural.others])
    )
    if found is None:
        return None
    seen = len(natural.looks)
    alike, of_members, of_others = np.split(found, [seen, seen + len(own)])
    of_class, taken = pool.labels == output, pool.predictions == output
    mistaken = more_often(NATURAL_MISTAKES, taken[~of_class & alike], taken[~of_class & ~alike])
    missed = more_often(NATURAL_MISSES, ~taken[of_class & ~alike], ~taken[of_class & alike])
    return Mistakes(pool, alike, of_members, of_others, mistaken, missed)


def more_often(
    test: CausalTest, these: Bool[np.ndarray, "these"], those: Bool[np.ndarray, "those"]
) -> Evidence:
    """Return how much more often it is so in ``these`` than in ``those``.

    A difference of shares with Newcombe's interval (1998, method 10) and Fisher's exact test,
    one-sided; n counts ``these``.
    """
    if min(len(these), len(those)) < LEAST_SIDE:
        why = _(
            "%(these)s pictures on one side and %(those)s on the other, and %(least)s are needed.",
            these=len(these),
            those=len(those),
            least=LEAST_SIDE,
        )
        return test.missing(why)
    first, second = wilson(int(these.sum()), len(these)), wilson(int(those.sum()), len(those))
    effect = first.value - second.value
    table = np.array([[each.sum(), (~each).sum()] for each in (these, those)])
    return test.result(
        outcome="inconclusive",
        effect=effect,
        low=effect - float(np.hypot(first.value - first.low, second.high - second.value)),
        high=effect + float(np.hypot(first.high - first.value, second.value - second.low)),
        n=len(these),
        p=float(fisher_exact(table, alternative="greater").pvalue),
    )
