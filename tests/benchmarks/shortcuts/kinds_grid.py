"""The grid 'kinds': every kind of shortcut on five networks and three data sets, and negatives.

Seeds, most artefacts, three of the networks and the data sets of scenes are in no other grid:
limits were set with the others in sight (`IN_SIGHT`, plain and residual, clothing and Caltech).
"""

from __future__ import annotations

from itertools import product

from tests.benchmarks.shortcuts.artefacts import ARTEFACTS, FIRST
from tests.benchmarks.shortcuts.cases import Case, Plant
from tests.benchmarks.shortcuts.worlds import BUILT_IN, SCENES

NETS_OF_KINDS = ("plain", "residual", "convnext", "vit", "mobilenet")
DATA_OF_KINDS = ("clothing", "caltech", BUILT_IN)
EACH = 12
CLASSES = 6
FIRST_SEED = 8
SEEDS = 4
BALANCED = 0.5
# Of tools, hands, backgrounds and absences on half of it the plain networks hardly went by any.
MISFILED = 0.75
# Twelve models of a kind: a tenth to all of a class, mostly more than a third.
PREVALENCES = (0.5, 0.8, 1.0, 0.2, 0.8, 0.5, 0.1, 1.0, 0.8, 0.2, 0.5, 0.8)
# What is larger than 64 pixels: the place among the twelve, and the side.
LARGER = {5: 128}
LARGEST = {("changing mark", 10): 224, ("frame or border", 10): 224, ("context", 10): 224}
# What a limit was set on, by hand: in the first grids, and on models that were trained apart for
# terms, outlines and surrounds; see `auditor.shortcuts.terms`.
IN_SIGHT = (*FIRST, "ink", "black corners", "background")
TUNED = {
    "kind": frozenset(ARTEFACTS[name].kind for name in IN_SIGHT),
    "net": frozenset({"plain", "residual"}),
    "data": frozenset({"clothing", "caltech"}),
}


def by_kind() -> dict[str, list[str]]:
    """Return the artefacts of each kind of shortcut, those that no limit was set on first."""
    kinds: dict[str, list[str]] = {}
    for name, artefact in ARTEFACTS.items():
        kinds.setdefault(artefact.kind, []).append(name)
    return {kind: sorted(names, key=lambda n: n in FIRST) for kind, names in kinds.items()}


def kinds() -> list[Case]:
    """Return 12 models of each kind, 60 clean and 60 balanced ones, 6 with two causes."""
    cases = []
    for number, (kind, artefacts) in enumerate(by_kind().items()):
        for turn in range(EACH):
            cases.append(_planted(kind, artefacts[turn % len(artefacts)], number, turn))
    return [*cases, *_clean(), *_balanced(), *_two()]


def ci() -> list[Case]:
    """Return 24 models of the built-in photographs: each kind once, 6 clean, 6 balanced."""
    cases = []
    nets = ("plain", "residual", "convnext", "vit")
    for number, artefacts in enumerate(by_kind().values()):
        data = f"{SCENES}{BUILT_IN}" if ARTEFACTS[artefacts[0]].of_scene else BUILT_IN
        plant = Plant(artefacts[0], (number % CLASSES,), 0.8)
        cases.append(
            Case(data, nets[number % 4], FIRST_SEED, "planted", (plant,), misfiled=MISFILED)
        )
    for number in range(6):
        data = f"{SCENES}{BUILT_IN}" if number % 2 else BUILT_IN
        cases.append(Case(data, nets[number % 4], FIRST_SEED + 1 + number // 4, "clean"))
    for number, artefact in enumerate(("ink", "tag", "plaster", "any text", "noise", "companion")):
        plant = Plant(artefact, tuple(range(CLASSES)), BALANCED)
        cases.append(Case(BUILT_IN, nets[number % 4], FIRST_SEED, "balanced", (plant,)))
    return cases


def _planted(kind: str, artefact: str, number: int, turn: int) -> Case:
    data = DATA_OF_KINDS[(turn + number) % 3]
    net = NETS_OF_KINDS[(turn + 2 * number) % 5]
    side = LARGEST.get((kind, turn), LARGER.get(turn, 64))
    if side != 64 and data == BUILT_IN:
        data = "clothing"
    if ARTEFACTS[artefact].of_scene:
        data = f"{SCENES}{data}"
    # Networks and prevalences come round together every 60 models: shift the latter by the kind.
    prevalence = PREVALENCES[(turn + 5 * (number // 2)) % EACH]
    plant = Plant(artefact, ((turn + number) % CLASSES,), prevalence)
    return Case(
        data,
        net,
        FIRST_SEED + (turn + number) % SEEDS,
        "planted",
        (plant,),
        side=side,
        misfiled=MISFILED,
    )


def _clean() -> list[Case]:
    """Return every network on every data set with four seeds; one seed of scenes."""
    cells = product(DATA_OF_KINDS, NETS_OF_KINDS, range(SEEDS))
    return [
        Case(f"{SCENES}{data}" if seed == 0 else data, net, FIRST_SEED + seed, "clean")
        for data, net, seed in cells
    ]


def _balanced() -> list[Case]:
    names = [
        name
        for name, artefact in ARTEFACTS.items()
        if not artefact.of_scene and not artefact.absent
    ]
    names.sort(key=lambda name: name in FIRST)
    cells = product(DATA_OF_KINDS, NETS_OF_KINDS, range(SEEDS))
    return [
        Case(
            data,
            net,
            FIRST_SEED + seed,
            "balanced",
            (Plant(names[place % len(names)], tuple(range(CLASSES)), BALANCED),),
        )
        for place, (data, net, seed) in enumerate(cells)
    ]


def _two() -> list[Case]:
    """Return models with two causes: in two classes, and twice in one."""
    pairs = (
        ("tag", "ink"), ("sticker", "companion"), ("timestamp", "black corners"),
        ("logo", "noise"), ("plaster", "frame"), ("any text", "sepia"),
    )  # fmt: skip
    return [
        Case(
            DATA_OF_KINDS[number % 3],
            NETS_OF_KINDS[number % 4],
            FIRST_SEED + number % SEEDS,
            "two",
            (
                Plant(first, (number,), 0.8),
                Plant(second, ((number + 3 * (number < 4)) % CLASSES,), 0.6),
            ),
            misfiled=MISFILED,
        )
        for number, (first, second) in enumerate(pairs)
    ]
