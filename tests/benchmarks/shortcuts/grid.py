"""Which models a run trains and searches; the grids of all kinds are in `kinds_grid`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tests.benchmarks.shortcuts.artefacts import GLOBAL, LOCAL
from tests.benchmarks.shortcuts.cases import Case, Kind, Plant
from tests.benchmarks.shortcuts.kinds_grid import ci, kinds
from tests.benchmarks.shortcuts.worlds import BUILT_IN

PREVALENCES = (0.2, 0.5, 0.8, 1.0)
SEEDS = (0, 1, 2, 3)
CLASSES = 6
COMBINATIONS = (
    ("clothing", "plain"),
    ("caltech", "residual"),
    ("clothing", "residual"),
    ("caltech", "plain"),
)
BALANCED = 0.5
REPEATED = 12
FACTORS_FIRST = 24


def smoke() -> list[Case]:
    """Return 6 models on the built-in photographs."""
    plain, residual = (BUILT_IN, "plain"), (BUILT_IN, "residual")
    return [
        _case(plain, 0, "planted", Plant("timestamp", (4,), 0.8), repeat=True),
        _case(plain, 1, "planted", Plant("sticker", (1,), 1.0)),
        _case(residual, 2, "planted", Plant("sticker anywhere", (2,), 0.5)),
        _case(plain, 3, "planted", Plant("brightness", (0,), 0.8)),
        _case(plain, 0, "balanced", Plant("timestamp", tuple(range(6)), BALANCED)),
        _case(plain, 1, "clean"),
    ]


def small() -> list[Case]:
    """Return 30 models: every artefact, half of the prevalences each, and every kind of model."""
    cases = []
    for number, artefact in enumerate(LOCAL):
        for turn in range(2):
            prevalence = PREVALENCES[(number + 2 * turn) % 4]
            cases.append(_planted(artefact, prevalence, number + turn, number + turn))
    for number, artefact in enumerate(GLOBAL):
        cases.append(_planted(artefact, 0.8, number, number))
    cases += [_case(COMBINATIONS[n], n, "clean", repeat=n == 0) for n in range(4)]
    for number, artefact in enumerate(("timestamp", "sticker anywhere", "frame", "text")):
        cases.append(_balanced(artefact, number, number))
    cases += [_two(0, 1), _shared(1, 2), _training_only("sticker", 2, 3)]
    cases.append(_training_only("text", 3, 0))
    return _repeating(cases)


def full() -> list[Case]:
    """Return 138 models: each artefact and prevalence by an even and an odd seed, and the others.

    Data and network change from cell to cell, so that each artefact meets all four combinations.
    """
    cases = []
    for number, artefact in enumerate((*LOCAL, *GLOBAL)):
        for level, prevalence in enumerate(PREVALENCES):
            for turn in range(2):
                seed = (2 * (number + level) + turn) % 4
                cases.append(_planted(artefact, prevalence, number + level + 2 * turn, seed))
    cases += [_case(combination, seed, "clean") for combination in COMBINATIONS for seed in SEEDS]
    for number, artefact in enumerate((*LOCAL, *GLOBAL)):
        cases.append(_balanced(artefact, number, number % 4))
    for turn, artefact in ((3, "timestamp"), (0, "sticker"), (2, "text")):
        cases.append(_balanced(artefact, turn, turn))
    cases += [_two(number, number % 4) for number in range(6)]
    cases += [_shared(number, number % 4) for number in range(8)]
    cases += [_training_only(LOCAL[number], number, number % 4) for number in range(6)]
    return _repeating(cases)


def fresh() -> list[Case]:
    """Return 40 models of seeds that no other grid has: limits were set with the others in sight.

    Each artefact at two prevalences, with other classes, data and networks than it meets in `full`.
    """
    cases = []
    for number, artefact in enumerate((*LOCAL, *GLOBAL)):
        for turn in range(2):
            plant = Plant(artefact, (_class(number + 2 + turn),), PREVALENCES[(number + turn) % 4])
            combination = COMBINATIONS[(number + 3 * turn + 1) % 4]
            cases.append(_case(combination, 4 + (number + turn) % 4, "planted", plant))
    for seed in (4, 5):
        cases += [_case(combination, seed, "clean") for combination in COMBINATIONS]
    for number, artefact in enumerate((*LOCAL, "tint")):
        plant = Plant(artefact, tuple(range(CLASSES)), BALANCED)
        cases.append(_case(COMBINATIONS[(number + 2) % 4], 4 + number % 4, "balanced", plant))
    for number in range(2):
        plants = (
            Plant(LOCAL[number + 2], (_class(number),), 0.5),
            Plant(LOCAL[number], (_class(number + 2),), 0.8),
        )
        cases.append(_case(COMBINATIONS[number], 6 + number, "two", *plants))
    return _repeating(cases)


def factors() -> list[Case]:
    """Return 48 models of artefacts without a place, searched for statistics of pictures alone.

    In two halves with the same cells and other seeds and classes: thresholds were set on the first
    (`FACTORS_FIRST` models), so that the second is what to believe.
    """
    return [*_factors(0), *_factors(1)]


def _factors(half: int) -> list[Case]:
    """Return each artefact at two prevalences on two models, the clean and the balanced ones."""
    cases = []
    for number, artefact in enumerate(GLOBAL):
        for level, prevalence in enumerate((0.5, 1.0)):
            for turn in (number + level + half, number + level + half + 2):
                cases.append(_planted(artefact, prevalence, turn, turn + 2 * half))
    cases += [_case(COMBINATIONS[n], (n + 2 * half) % 4, "clean") for n in range(4)]
    for number, artefact in enumerate(GLOBAL):
        cases.append(_balanced(artefact, number + half, (number + 3 * half) % 4))
    return cases


# Changes of the search's config: the smoke grid searches with small budgets, to be quick, and the
# grid of factors asks for them alone.
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "smoke": {"members": 16, "targets": 24, "per_class": 2, "permutations": 400},
    "factors": {"proposals": ["P6"]},
    "ci": {"members": 16, "targets": 24, "per_class": 2, "permutations": 400},
}
GRIDS: Mapping[str, Callable[[], list[Case]]] = {
    "smoke": smoke,
    "small": small,
    "full": full,
    "fresh": fresh,
    "factors": factors,
    "kinds": kinds,
    "ci": ci,
}


def _planted(artefact: str, prevalence: float, turn: int, seed: int) -> Case:
    plant = Plant(artefact, (_class(turn),), prevalence)
    return _case(COMBINATIONS[turn % 4], seed % 4, "planted", plant)


def _balanced(artefact: str, turn: int, seed: int) -> Case:
    plant = Plant(artefact, tuple(range(CLASSES)), BALANCED)
    return _case(COMBINATIONS[turn % 4], seed, "balanced", plant)


def _two(turn: int, seed: int) -> Case:
    first, second = LOCAL[turn % len(LOCAL)], LOCAL[(turn + 3) % len(LOCAL)]
    one, other = _class(turn), _class(turn + 3)
    plants = Plant(first, (one,), 0.8), Plant(second, (other,), 0.5)
    return _case(COMBINATIONS[turn % 4], seed, "two", *plants)


def _shared(turn: int, seed: int) -> Case:
    plant = Plant(LOCAL[turn % len(LOCAL)], (_class(turn), _class(turn + 2)), 0.8)
    return _case(COMBINATIONS[turn % 4], seed, "shared", plant)


def _training_only(artefact: str, turn: int, seed: int) -> Case:
    plant = Plant(artefact, (_class(turn),), 0.8)
    return _case(COMBINATIONS[turn % 4], seed, "training only", plant)


def _class(turn: int) -> int:
    """Return the class that is planted: they take turns, neighbours far from each other."""
    return (5 * turn + 1) % CLASSES


def _case(
    combination: tuple[str, str], seed: int, kind: Kind, *plants: Plant, repeat: bool = False
) -> Case:
    return Case(*combination, seed, kind, plants, repeat)


def _repeating(cases: Iterable[Case]) -> list[Case]:
    """Mark every `REPEATED`-th case to be searched twice."""
    return [
        Case(c.data, c.net, c.seed, c.kind, c.plants, repeat=place % REPEATED == 0)
        for place, c in enumerate(cases)
    ]
