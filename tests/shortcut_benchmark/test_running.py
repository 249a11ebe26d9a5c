"""Grids are what they say, runs go on where they stopped, and the smoke grid finds what it must."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from auditor.causal import search as searching
from auditor.causal import trial
from auditor.causal.transplant import NON_MEMBER, OTHER_CLASS, SAME_IMAGE
from auditor.causal.trial import FIRST_TARGETS
from auditor.config.audit import ShortcutConfig
from tests.benchmarks.shortcuts import running
from tests.benchmarks.shortcuts.__main__ import main
from tests.benchmarks.shortcuts.ablations import CONTROLS, ablations
from tests.benchmarks.shortcuts.artefacts import ARTEFACTS, FIRST
from tests.benchmarks.shortcuts.cases import Case, Plant
from tests.benchmarks.shortcuts.grid import (
    COMBINATIONS,
    FACTORS_FIRST,
    GRIDS,
    PREVALENCES,
    SEEDS,
)
from tests.benchmarks.shortcuts.kinds_grid import DATA_OF_KINDS, NETS_OF_KINDS
from tests.benchmarks.shortcuts.running import Plan, run, stored
from tests.benchmarks.shortcuts.searching import fingerprint_of
from tests.benchmarks.shortcuts.worlds import SCENES
from tests.causal.worlds import world


@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("smoke", 6),
        ("small", 30),
        ("full", 130),
        ("fresh", 40),
        ("factors", 48),
        ("kinds", 264),
        ("ci", 24),
    ],
)
def test_no_case_of_a_grid_is_there_twice(name: str, least: int) -> None:
    cases = GRIDS[name]()
    assert len(cases) >= least
    assert len({case.id for case in cases}) == len(cases)


def test_the_full_grid_meets_every_cell_on_both_halves() -> None:
    cases = [case for case in GRIDS["full"]() if case.kind == "planted"]
    cells = Counter(
        (case.plants[0].artefact, case.plants[0].prevalence, case.seed % 2) for case in cases
    )
    assert len(cells) == len(FIRST) * len(PREVALENCES) * 2
    assert {case.seed for case in cases} == set(SEEDS)
    for artefact in FIRST:
        own = [case for case in cases if case.plants[0].artefact == artefact]
        assert {(case.data, case.net) for case in own} >= {("clothing", "plain")}
        assert len({(case.data, case.net) for case in own}) == 4
    assert {case.kind for case in GRIDS["full"]()} == {
        "planted", "clean", "balanced", "two", "shared", "training only",
    }  # fmt: skip


def test_the_fresh_grid_shares_no_model_with_those_that_limits_were_set_on() -> None:
    cases = GRIDS["fresh"]()
    assert not {case.seed for case in cases} & set(SEEDS)
    assert {plant.artefact for case in cases for plant in case.plants} == set(FIRST)
    assert {case.kind for case in cases} == {"planted", "clean", "balanced", "two"}


def test_the_grid_of_kinds_has_twelve_models_of_each_and_sixty_of_each_negative() -> None:
    cases = GRIDS["kinds"]()
    planted = [case for case in cases if case.kind == "planted"]
    kinds = Counter(ARTEFACTS[case.plants[0].artefact].kind for case in planted)
    assert set(kinds) == {artefact.kind for artefact in ARTEFACTS.values()}
    assert set(kinds.values()) == {12}
    assert {case.plants[0].artefact for case in planted} == set(ARTEFACTS)
    for kind in kinds:
        own = [c for c in planted if ARTEFACTS[c.plants[0].artefact].kind == kind]
        assert {case.net for case in own} == set(NETS_OF_KINDS)
        assert {case.data.removeprefix(SCENES) for case in own} == set(DATA_OF_KINDS)
    for negative in ("clean", "balanced"):
        own = [case for case in cases if case.kind == negative]
        assert len(own) == 60
        assert set(Counter(case.net for case in own).values()) == {12}
    assert {case.side for case in cases} == {64, 128, 224}
    assert {case.plants[0].prevalence for case in planted} == {0.1, 0.2, 0.5, 0.8, 1.0}
    assert not {case.seed for case in cases} & set(range(8))


def test_the_second_half_of_the_grid_of_factors_has_the_same_cells_and_other_models() -> None:
    cases = GRIDS["factors"]()
    halves = cases[:FACTORS_FIRST], cases[FACTORS_FIRST:]
    kinds, models = [], []
    for half in halves:
        kinds.append(
            Counter((c.kind, *((p.artefact, p.prevalence) for p in c.plants)) for c in half)
        )
        models.append({(c.data, c.net, c.seed) for c in half})
        assert {(c.data, c.net) for c in half} == set(COMBINATIONS)
    assert kinds[0] == kinds[1]
    assert not models[0] & models[1]


def test_what_is_planted_only_in_training_is_not_audited() -> None:
    plants = (Plant("text", (1,), 0.8),)
    assert Case("built-in", "plain", 0, "training only", plants).validation_plants == ()
    assert Case("built-in", "plain", 0, "planted", plants).validation_plants == plants


def test_a_run_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = [Case("built-in", "plain", seed, "clean") for seed in range(3)]
    plan = Plan(None, None, tmp_path)
    asked: list[int] = []

    def measure(case: Case, **_: object) -> dict[str, int]:
        asked.append(case.seed)
        if case.seed == 1 and len(asked) == 2:
            raise RuntimeError("broken")
        if case.seed == 2 and len(asked) == 3:
            raise KeyboardInterrupt
        return {"seed": case.seed}

    monkeypatch.setattr(running, "measure", measure)
    with pytest.raises(KeyboardInterrupt):
        run(cases, plan, jobs=1)
    assert stored(cases[0], plan) is not None
    assert "broken" in json.loads(plan.result(cases[1]).read_text())["error"]
    run(cases, plan, jobs=1)
    assert asked == [0, 1, 2, 1, 2]
    assert all(stored(case, plan) is not None for case in cases)
    other = Plan(None, None, tmp_path, with_ablations=True)
    assert stored(cases[0], other) is None


def test_a_report_that_differs_anywhere_has_another_fingerprint() -> None:
    value = (1, {"a": np.arange(3)}, "b")
    assert fingerprint_of(value) == fingerprint_of((1, {"a": np.arange(3)}, "b"))
    assert fingerprint_of(value) != fingerprint_of((1, {"a": np.arange(3) + 1e-9}, "b"))
    assert fingerprint_of(((1,), 2)) != fingerprint_of(((1, 2),))


def test_every_part_can_be_switched_off_and_is_on_again_afterwards() -> None:
    before = trial.controls_of
    names = [each.name for each in ablations()]
    for name in (
        "without P1", "without P1c", "without control: same image", "without control: non-members",
        "only control: another class",
    ):  # fmt: skip
        assert name in names
    for each in ablations():
        ShortcutConfig(**each.settings)
        with each.context():
            changed = trial.controls_of
        assert each.settings or changed is not before
        assert trial.controls_of is before
    assert {OTHER_CLASS, NON_MEMBER, SAME_IMAGE} == set(CONTROLS.values())


def controls_of_a_search() -> set[str]:
    """Return what the first finding's transplants were compared with, after both rounds."""
    subject = world(marked=(0.5, 0.0, 0.0))
    config = ShortcutConfig(permutations=300, per_class=1, targets=24)
    leading = dict.fromkeys((0, 1, 2), ("bright", (0,)))
    report = searching.find_shortcuts(subject.search(leading, config=config))
    flips = report.findings[0].evidence["flip_excess"]
    assert flips.n > FIRST_TARGETS
    return set(flips.controls)


def test_a_search_without_a_control_has_the_others() -> None:
    assert controls_of_a_search() == set(CONTROLS.values())
    for each in ablations():
        off = each.name.removeprefix("without control: ")
        if off in CONTROLS:
            with each.context():
                assert controls_of_a_search() == set(CONTROLS.values()) - {CONTROLS[off]}
        if each.name == "only control: another class":
            with each.context():
                assert controls_of_a_search() == {OTHER_CLASS}


def test_a_data_set_that_is_missing_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["--grid", "small", "--out", str(tmp_path), "--only", "clean_clothing"])
    assert code == 2
    assert "'clothing' needs --data" in capsys.readouterr().err


def test_the_smoke_grid_finds_marks_and_leaves_negatives_alone(tmp_path: Path) -> None:
    assert main(["--grid", "smoke", "--out", str(tmp_path)]) == 0
    numbers = json.loads((tmp_path / "results.json").read_text())
    assert numbers["models"] == 6
    used = [row for row in numbers["plantings"] if row["verdict"] == "positive"]
    local = [row for row in used if ARTEFACTS[row["artefact"]].local]
    assert len(local) >= 2
    assert sum(row["outcomes"]["this search"]["hit3"] for row in local) >= 1
    assert all(row["repeated"] in (None, True) for row in numbers["model rows"])
    # Brightness and tint are properties of the built-in textures, which a network may rely on.
    for row in numbers["model rows"]:
        if row["kind"] in ("clean", "balanced"):
            found = json.loads((tmp_path / "models" / f"{row['case']}.json").read_text())
            assert not [each for each in found["search"]["findings"] if each["grade"] in "AB"]


@pytest.mark.slow
def test_the_ci_grid_has_each_kind_and_scores_it(tmp_path: Path) -> None:
    assert main(["--grid", "ci", "--out", str(tmp_path)]) == 0
    numbers = json.loads((tmp_path / "results.json").read_text())
    assert numbers["models"] == 24
    used = [row for row in numbers["plantings"] if row["verdict"] == "positive"]
    assert len(used) >= 6
    shown = [row["outcomes"]["this search"]["shown"] for row in used]
    assert sum(shown) >= len(shown) / 2
    page = (tmp_path / "results.md").read_text()
    for kind in {artefact.kind for artefact in ARTEFACTS.values()}:
        assert f"**{kind}**" in page
