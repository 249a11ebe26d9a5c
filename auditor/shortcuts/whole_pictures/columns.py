"""P7, columns of metadata: do they go with the label, and within a class with the relevance?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.stats import false_discovery_control

from auditor.base.streams import stream
from auditor.concepts.shares import shares_of
from auditor.language.speaking import gettext as _
from auditor.language.speaking import joined, listed
from auditor.records.shortcuts import ColumnEffect, ColumnFactor
from auditor.records.stages import LayerRelevance, Samples
from auditor.shortcuts.grading import LEVEL
from auditor.shortcuts.propose.proposals import asked_of_all_data

COLUMNS = asked_of_all_data("P7")
# A column of more kinds of text tells rows apart, not groups; of numbers the quarters are compared.
MOST_VALUES = 20
QUARTERS = 4
# Rarer values are put together: a group needs rows to have a mean.
LEAST_ROWS = 5
# Rows, and members of a class, that are permuted: more cost time in proportion.
MOST_ROWS = 4000
MOST_MEMBERS = 400
EMPTY, RARE = _("(empty)"), _("(rare)")
# An association with the label from which on a model could learn the column in place of the class.
CLEAR_ASSOCIATION = 0.3


def column_factors(
    samples: Samples,
    relevance: LayerRelevance | None,
    outputs: Sequence[int],
    permutations: int,
    seed: int,
) -> tuple[list[ColumnFactor], list[str]]:
    """Return every usable column with its association, strongest first, and why others are not.

    ``association`` is Cramer's V with the label, corrected for bias (Bergsma 2013); per class,
    ``share`` is the part of the variance of the members' relevance shares between the values of the
    column, on at most `MOST_MEMBERS` of them. Both p by permutation, of the label on at most
    `MOST_ROWS` rows; q over all columns, and over all columns and classes. Of several labels a
    column is compared with each by itself: the strongest association stands, its p times their
    number.
    """
    if samples.manifest.several is None:
        columns, unused = _compared(samples, relevance, outputs, permutations, seed)
    else:
        parts = [
            _compared(samples.about(output), relevance, (output,), permutations, seed)
            for output in outputs
        ]
        columns = _of_all_labels([each for part, _unused in parts for each in part])
        unused = parts[0][1] if parts else []
    notes = (
        [_("Columns of metadata that were not tested: %(unused)s.", unused=joined(unused, ", "))]
        if unused
        else []
    )
    return sorted(_corrected(columns), key=lambda each: -each.association), notes


def _of_all_labels(columns: Sequence[ColumnFactor]) -> list[ColumnFactor]:
    """Return one factor for each column, of those by label."""
    by_name: dict[str, list[ColumnFactor]] = {}
    for each in columns:
        by_name.setdefault(each.column, []).append(each)
    found = []
    for parts in by_name.values():
        most = max(parts, key=lambda each: each.association)
        update = {
            "p": min(1.0, len(parts) * most.p),
            "classes": tuple(effect for each in parts for effect in each.classes),
        }
        found.append(most.model_copy(update=update))
    return found


def _compared(
    samples: Samples,
    relevance: LayerRelevance | None,
    outputs: Sequence[int],
    permutations: int,
    seed: int,
) -> tuple[list[ColumnFactor], list[str]]:
    """Return the usable columns, q and reading missing, and why others are not."""
    columns: list[ColumnFactor] = []
    unused: list[str] = []
    rows = np.flatnonzero(samples.valid)
    for name, texts in samples.manifest.metadata.items():
        grouped = groups_of([texts[row] for row in rows])
        if isinstance(grouped, str):
            unused.append(f"{name} (" + grouped + ")")
            continue
        codes, values = grouped
        everyone = np.full(len(samples.valid), -1)
        everyone[rows] = codes
        rng = stream(seed, "column", name)
        columns.append(
            ColumnFactor(
                column=name,
                values=values,
                n=len(rows),
                association=cramers_v(codes, samples.labels[rows]),
                p=_association_p(codes, samples.labels[rows], permutations, rng),
                q=1.0,
                reading="",
                classes=_classes(samples, relevance, outputs, everyone, permutations, seed, name),
            )
        )
    return columns, unused


def groups_of(
    texts: Sequence[str],
) -> tuple[Int[np.ndarray, "row"], tuple[str, ...]] | str:
    """Return a code per row and the names of the codes, or why the column cannot be used.

    Numbers of more than `MOST_VALUES` kinds are cut at their quartiles; values on fewer than
    `LEAST_ROWS` rows are put together.
    """
    cleaned = [text.strip() or EMPTY for text in texts]
    counts = Counter(cleaned)
    if len(counts) > MOST_VALUES:
        numbers = _numbers(cleaned)
        if numbers is None:
            return _(
                "%(counts)s different values; more than %(most_values)s say nothing",
                counts=len(counts),
                most_values=MOST_VALUES,
            )
        edges = np.unique(np.quantile(numbers, np.arange(1, QUARTERS) / QUARTERS))
        codes = np.searchsorted(edges, numbers, side="right")
        bounds = [f"{edge:g}" for edge in edges]
        names = [
            _("below %(bound)s", bound=bounds[0]),
            *(_("from %(bound)s", bound=bound) for bound in bounds),
        ]
        return _renumbered(codes, names)
    kept = sorted(value for value, count in counts.items() if count >= LEAST_ROWS)
    order = {value: code for code, value in enumerate(kept)}
    codes = np.array([order.get(text, len(kept)) for text in cleaned])
    grouped = _renumbered(codes, [*kept, RARE])
    if len(grouped[1]) < 2:
        return _("one value only")
    return grouped


def cramers_v(first: Int[np.ndarray, "row"], second: Int[np.ndarray, "row"]) -> float:
    """Return Cramer's V of two groupings, corrected for bias (Bergsma 2013), 0 to 1."""
    table = _table(first, second)
    n, (r, k) = len(first), table.shape
    if n < 2 or min(r, k) < 2:
        return 0.0
    corrected = max(0.0, _chi_square(table) / n - (r - 1) * (k - 1) / (n - 1))
    sides = [side - (side - 1) ** 2 / (n - 1) for side in (r, k)]
    return float(min(1.0, (corrected / max(min(sides) - 1, 1e-9)) ** 0.5))


def variance_share(
    shares: Float[np.ndarray, "member concept"], codes: Int[np.ndarray, "member"]
) -> float:
    """Return the part of the variance of vectors that lies between groups, 0 to 1."""
    centred = shares - shares.mean(axis=0)
    total = float((centred**2).sum())
    sizes = np.bincount(codes)
    sums = _indicator(codes) @ centred
    between = float(((sums**2).sum(axis=1)[sizes > 0] / sizes[sizes > 0]).sum())
    return between / total if total > 0 else 0.0


def _classes(
    samples: Samples,
    relevance: LayerRelevance | None,
    outputs: Sequence[int],
    codes: Int[np.ndarray, "sample"],
    permutations: int,
    seed: int,
    column: str,
) -> tuple[ColumnEffect, ...]:
    effects = []
    for output in outputs if relevance is not None else ():
        assert relevance is not None
        members = samples.members(output)
        sizes = np.bincount(codes[members]) if len(members) else np.zeros(1)
        members = members[(sizes >= LEAST_ROWS)[codes[members]]]
        if len(np.unique(codes[members])) < 2:
            continue
        rng = stream(seed, "column within a class", column, output)
        members = rng.permutation(members)[:MOST_MEMBERS]
        groups = np.unique(codes[members], return_inverse=True)[1]
        shares = shares_of(relevance, members)
        observed = variance_share(shares, groups)
        p = _variance_p(shares, groups, observed, permutations, rng)
        name = samples.manifest.classes[output]
        effects.append(ColumnEffect(name=name, share=observed, p=p, q=1.0, n=len(members)))
    return tuple(effects)


def _variance_p(
    shares: Float[np.ndarray, "member concept"],
    codes: Int[np.ndarray, "member"],
    observed: float,
    permutations: int,
    rng: np.random.Generator,
) -> float:
    """Return how often permuted groups explain as much; all from the matrix of inner products."""
    centred = shares - shares.mean(axis=0)
    inner = centred @ centred.T
    total = float(np.trace(inner))
    if total <= 0:
        return 1.0
    sizes = np.bincount(codes)
    reached = 0
    for _repeat in range(permutations):
        drawn = _indicator(rng.permutation(codes))
        between = float((((drawn @ inner) * drawn).sum(axis=1) / sizes).sum())
        reached += between / total >= observed - 1e-12
    return (1 + reached) / (1 + permutations)


def _association_p(
    codes: Int[np.ndarray, "row"],
    labels: Int[np.ndarray, "row"],
    permutations: int,
    rng: np.random.Generator,
) -> float:
    """Return how often permuted labels give as large a chi-square, on at most `MOST_ROWS` rows."""
    chosen = rng.permutation(len(codes))[:MOST_ROWS]
    groups, labels = (np.unique(each[chosen], return_inverse=True)[1] for each in (codes, labels))
    shape = (int(groups.max()) + 1, int(labels.max()) + 1)
    observed = _chi_square(_counts(groups, labels, shape))
    reached = 0
    for _repeat in range(permutations):
        drawn = _counts(groups, rng.permutation(labels), shape)
        reached += _chi_square(drawn) >= observed - 1e-9
    return (1 + reached) / (1 + permutations)


def _table(
    first: Int[np.ndarray, "row"], second: Int[np.ndarray, "row"]
) -> Float[np.ndarray, "a b"]:
    one = np.unique(first, return_inverse=True)[1]
    two = np.unique(second, return_inverse=True)[1]
    return _counts(one, two, (int(one.max()) + 1, int(two.max()) + 1))


def _counts(
    first: Int[np.ndarray, "row"], second: Int[np.ndarray, "row"], shape: tuple[int, int]
) -> Float[np.ndarray, "a b"]:
    counts: np.ndarray = np.bincount(first * shape[1] + second, minlength=shape[0] * shape[1])
    return counts.reshape(shape).astype(np.float64)


def _chi_square(table: Float[np.ndarray, "a b"]) -> float:
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    return float(((table - expected) ** 2 / expected).sum())


def _indicator(codes: Int[np.ndarray, "member"]) -> Float[np.ndarray, "group member"]:
    hits: Bool[np.ndarray, "group member"] = np.arange(int(codes.max()) + 1)[:, None] == codes
    return hits.astype(np.float64)


def _numbers(texts: Sequence[str]) -> Float[np.ndarray, "row"] | None:
    try:
        values = np.array([float(text) for text in texts])
    except ValueError:
        return None
    return values if np.isfinite(values).all() else None


def _renumbered(
    codes: Int[np.ndarray, "row"], names: Sequence[str]
) -> tuple[Int[np.ndarray, "row"], tuple[str, ...]]:
    present, renumbered = np.unique(codes, return_inverse=True)
    return renumbered, tuple(names[code] for code in present)


def _corrected(columns: Sequence[ColumnFactor]) -> list[ColumnFactor]:
    """Fill in q over all columns, and over all columns and classes, and what follows from it."""
    q_of_columns = false_discovery_control([column.p for column in columns])
    effects = [effect for column in columns for effect in column.classes]
    q_of_effects = false_discovery_control([effect.p for effect in effects])
    ends = np.cumsum([len(column.classes) for column in columns])
    result = []
    for column, q, end in zip(columns, q_of_columns, ends, strict=True):
        inside = q_of_effects[end - len(column.classes) : end]
        classes = tuple(
            effect.model_copy(update={"q": float(inner)})
            for effect, inner in zip(column.classes, inside, strict=True)
        )
        reading = _reading(float(q), column.association, classes)
        update = {"q": float(q), "classes": classes, "reading": reading}
        result.append(column.model_copy(update=update))
    return result


def _reading(q: float, association: float, classes: Sequence[ColumnEffect]) -> str:
    """Return what follows from a column's associations."""
    told = q <= LEVEL and association >= CLEAR_ASSOCIATION
    dependent = listed([_("'%(name)s'", name=each.name) for each in classes if each.q <= LEVEL])
    if told and dependent:
        return _(
            "It goes with the label, and within %(listed)s the model's relevance goes with it: "
            "review.",
            listed=dependent,
        )
    if told:
        return _("It goes with the label: a model could learn it in place of the class.")
    if dependent:
        return _("Within %(listed)s the model's relevance goes with it.", listed=dependent)
    return _("No sign that it matters.")
