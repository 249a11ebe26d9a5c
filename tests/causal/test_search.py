"""The whole search on worlds whose shortcut is known: found, not invented, and said in words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from auditor.causal.search import find_shortcuts, steps_of
from auditor.config.audit import ShortcutConfig
from auditor.records.shortcuts import Signature
from auditor.records.stages import LayerRelevance, ShortcutReport
from auditor.shortcuts.fingerprint import SAME, same_finding
from auditor.shortcuts.propose.proposals import PROPOSALS
from tests.causal.worlds import MARK, SIZE, WideModel, World, world

CONFIG = ShortcutConfig(permutations=300, per_class=2, targets=24)


def search(subject: World, seed: int = 0, outputs: tuple[int, ...] = (0, 1, 2)) -> ShortcutReport:
    leading = dict.fromkeys(outputs, ("bright", (0,)))
    return find_shortcuts(subject.search(leading, outputs, CONFIG, seed=seed))


@pytest.fixture(scope="module")
def subject() -> World:
    return world()


@pytest.fixture(scope="module")
def wide() -> ShortcutReport:
    """The same images and a model whose last layer has channels to take a direction out of."""
    subject = world(per_class=60, model=WideModel(6.0, turned=1))
    leading = dict.fromkeys((0, 1, 2), ("mixed", (0,)))
    config = CONFIG.model_copy(update={"per_class": 5})
    return find_shortcuts(subject.search(leading, config=config))


@pytest.fixture(scope="module")
def report(subject: World) -> ShortcutReport:
    return search(subject)


def test_the_mark_is_the_first_finding_with_the_highest_grade(report: ShortcutReport) -> None:
    first = report.findings[0]
    assert (first.grade, first.candidate.output, first.severity) == ("A", 0, "critical")
    assert {f.candidate.output for f in report.findings if f.grade in ("A", "B")} == {0}
    mark = np.zeros((SIZE, SIZE), bool)
    mark[MARK] = True
    centres = [np.argwhere(mask).mean(axis=0).round().astype(int) for mask in first.candidate.masks]
    assert np.mean([mark[row, column] for row, column in centres]) > 0.9


def test_its_examples_are_members_that_carry_the_mark(report: ShortcutReport) -> None:
    candidate = report.findings[0].candidate
    assert len(candidate.examples) >= 5
    assert set(candidate.examples) <= set(candidate.rows) & set(range(26))


def test_its_members_are_the_marked_images(report: ShortcutReport) -> None:
    rows = report.findings[0].candidate.rows
    assert set(rows) <= set(range(26))
    assert len(rows) >= 23


def test_its_evidence_has_intervals_controls_and_corrected_p_values(
    report: ShortcutReport,
) -> None:
    evidence = dict(report.findings[0].evidence)
    latent = evidence.pop("latent")
    assert latent.outcome == "not applicable"
    assert "at least 4 channels" in latent.reason
    assert "Not needed" in evidence.pop("nearest_class").reason
    assert evidence.pop("covered").high < 0.1
    assert set(evidence) == {
        "flip_excess", "evidence_share", "removal", "evidence_lost",
    }  # fmt: skip
    for each in evidence.values():
        assert each.outcome == "supports"
        assert each.low <= each.effect <= each.high
        assert each.p is not None
        assert each.q is not None
        assert each.p <= each.q <= 0.01
        assert each.effect == pytest.approx(min(each.controls.values()))
    assert evidence["flip_excess"].low > 0.8


def test_a_graded_finding_has_all_its_details(wide: ShortcutReport) -> None:
    first = wide.findings[0]
    assert (first.grade, first.severity, first.confidence) == ("A", "critical", "moderate")
    latent = first.evidence["latent"]
    assert latent.outcome == "supports"
    assert latent.low > 0.8
    details = first.details
    assert details is not None
    assert details.missing == {}
    assert details.exposure is not None
    assert details.exposure.share == pytest.approx(0.8, abs=0.1)
    assert details.exposure.classes == ("red",)
    assert details.exposure.lost > 0.4
    own = details.subgroups[0]
    assert own.carrying is not None
    assert own.without is not None
    assert own.carrying.n + own.without.n == 30
    assert details.projection is not None
    assert details.zeroing is not None
    assert details.signature is not None
    assert first.against
    assert any("direction" in action for action in first.actions)


def test_another_sample_and_seed_find_the_same_thing_and_other_marks_are_others(
    report: ShortcutReport,
) -> None:
    def first(seed: int, **changes: object) -> Signature:
        return found(search(world(seed=seed, **changes), seed=seed))  # type: ignore[arg-type]

    def found(report: ShortcutReport) -> Signature:
        details = report.findings[0].details
        assert report.findings[0].grade in ("A", "B")
        assert details is not None
        assert details.signature is not None
        return details.signature

    here = found(report)
    assert same_finding(here, first(1)) >= SAME
    assert same_finding(here, first(2, reliance=9.0)) >= SAME
    elsewhere = (slice(3, 7), slice(14, 18))
    assert same_finding(here, first(3, mark=elsewhere)) < SAME
    assert same_finding(first(3, mark=elsewhere), first(4, mark=elsewhere)) >= SAME


def test_only_candidates_with_an_effect_are_taken_out_of_the_layer(wide: ShortcutReport) -> None:
    for finding in wide.findings:
        latent = finding.evidence["latent"]
        found = any(
            each.p is not None and each.p <= 0.01 and each.low >= 0.05
            for test, each in finding.evidence.items()
            if test != "latent"
        )
        assert (latent.n > 0) <= found


def test_the_search_says_how_many_transplants_stopped_early_and_checks_itself(
    wide: ShortcutReport,
) -> None:
    assert any(
        "stopped early, after the first 16 target images" in note for note in wide.limits.notes
    )
    (check,) = [note for note in wide.limits.notes if note.startswith("Self-check")]
    assert (
        f"{round(wide.limits.null_rate * wide.limits.null_n)} of {wide.limits.null_n} tests"
        in check
    )


def test_triplets_show_the_change(subject: World, report: ShortcutReport) -> None:
    triplets = report.findings[0].triplets
    assert 3 <= len(triplets) <= 4
    for triplet in triplets:
        before, with_mark, control = triplet.probabilities
        assert with_mark > 0.5 > max(before, control)
        assert triplet.predictions[1] == 0
        assert triplet.predictions[0] == subject.labels[triplet.target_row]
        assert subject.labels[triplet.reference_row] == 0
        assert triplet.pictures.shape == (3, SIZE, SIZE, 3)
        changed = (triplet.pictures[0] != triplet.pictures[1]).any(axis=2)
        assert changed.any()


def test_effects_are_measured_on_the_half_that_did_not_choose_the_region(
    subject: World, report: ShortcutReport
) -> None:
    samples = subject.samples()
    for finding in report.findings:
        for triplet in finding.triplets:
            assert not samples.discovery[triplet.target_row]
            assert samples.discovery[triplet.reference_row]


def test_the_same_seed_gives_the_same_report(subject: World, report: ShortcutReport) -> None:
    again = search(subject)
    assert [f.fingerprint for f in again.findings] == [f.fingerprint for f in report.findings]
    assert [f.evidence for f in again.findings] == [f.evidence for f in report.findings]
    assert [f.plausibility for f in again.findings] == [f.plausibility for f in report.findings]
    assert (again.limits.null_rate, again.limits.detection_limit) == (
        report.limits.null_rate,
        report.limits.detection_limit,
    )


def test_what_is_measured_of_a_class_does_not_depend_on_the_others(
    subject: World, report: ShortcutReport
) -> None:
    def of_class(found: ShortcutReport) -> list[tuple[object, ...]]:
        return [
            (
                each.candidate.id,
                each.fingerprint,
                each.candidate.masks.tobytes(),
                each.candidate.examples.tolist(),
                {test: made.effect for test, made in each.evidence.items()},
            )
            for each in found.findings
            if each.candidate.output == 0
        ]

    assert of_class(report)
    assert of_class(search(subject, outputs=(0, 2))) == of_class(report)


def test_another_seed_finds_the_same_thing(subject: World, report: ShortcutReport) -> None:
    other = search(subject, seed=5).findings[0]
    assert (other.grade, other.candidate.output) == ("A", 0)


def test_the_report_says_what_it_could_have_found(report: ShortcutReport) -> None:
    assert report.limits.proposed >= report.limits.tests / 3
    assert report.limits.targets > 16
    assert report.limits.detection_limit is not None
    assert 0 < report.limits.detection_limit < 0.6
    assert report.limits.null_n >= 3
    assert report.limits.null_rate == pytest.approx(0.0, abs=0.2)


@pytest.mark.parametrize(
    "marked", [(0.0, 0.0, 0.0), (0.8, 0.8, 0.8), (0.8, 0.0, 0.0)], ids=["clean", "all", "unused"]
)
def test_a_model_without_reliance_has_no_candidate(marked: tuple[float, ...]) -> None:
    report = search(world(per_class=20, marked=marked, reliance=0.0))
    assert [f.grade for f in report.findings if f.grade in ("A", "B")] == []


def test_small_classes_are_named_once_and_make_no_cards() -> None:
    report = search(world(per_class=5))
    assert report.findings == ()
    assert report.limits.detection_limit is None
    assert report.limits.null_rate is None
    assert report.limits.notes == ()
    assert "red (5), green (5), blue (5)" in report.limits.not_searched
    assert "at least 8" in report.limits.not_searched


def test_one_class_alone_is_said_to_be_untestable_by_transplant() -> None:
    report = search(world(classes=1), outputs=(0,))
    assert any("images of other classes" in note for note in report.limits.notes)
    for finding in report.findings:
        first = finding.evidence["flip_excess"]
        assert first.outcome == "not applicable"
        assert "0 images of other classes" in first.reason
    assert not any(f.grade == "A" for f in report.findings)


def test_progress_counts_every_class() -> None:
    subject, told = world(per_class=20), []
    find_shortcuts(subject.search(config=CONFIG, progress=told.append))
    assert sum(told) == steps_of((0, 1, 2))


def relevance_of(subject: World) -> LayerRelevance:
    """Return what the pass finds at the layer of the brightest pixel, which has one channel."""
    own = (subject.images.sum(axis=3).max(axis=(1, 2)) - 2.2).clip(0)[:, None]
    return LayerRelevance("bright", (SIZE, SIZE), own, np.zeros(own.shape, int), own, True)


def test_what_needs_relevance_by_concept_says_so_when_it_has_none(report: ShortcutReport) -> None:
    assert any("P2, P3, P4, P5, P8" in note for note in report.limits.notes)


def test_with_relevance_by_concept_the_same_mark_is_found_and_the_data_is_looked_at(
    subject: World,
) -> None:
    config = CONFIG.model_copy(update={"proposals": ["P1", "P2", "P3", "P8"]})
    found = find_shortcuts(subject.search(config=config, relevance=relevance_of(subject)))
    assert not any("relevance by concept was not given" in note for note in found.limits.notes)
    assert found.findings[0].candidate.output == 0
    assert {f.candidate.output for f in found.findings if f.grade in ("A", "B")} == {0}


@pytest.mark.parametrize("names", [["P1"], ["P1b"], ["P1c"]])
def test_each_proposal_runs_alone(subject: World, names: list[str]) -> None:
    config = CONFIG.model_copy(update={"proposals": names})
    leading = dict.fromkeys((0, 1, 2), ("bright", (0,)))
    found = find_shortcuts(subject.search(leading, config=config))
    assert {f.candidate.kind for f in found.findings} <= set(names)
    assert set(found.limits.switched_off) == set(PROPOSALS) - set(names)


class MarkedWorld(World):
    """A world whose user marked everything but the place of the mark as the object."""

    def objects(self, rows: Sequence[int]) -> np.ndarray:
        """Return masks of the objects."""
        masks = np.ones((len(rows), SIZE, SIZE), np.float32)
        masks[(slice(None), *MARK)] = 0.0
        return masks


class CoveredWorld(World):
    """A world in which all of every picture is marked as the object."""

    def objects(self, rows: Sequence[int]) -> np.ndarray:
        """Return masks of the objects."""
        return np.ones((len(rows), SIZE, SIZE), np.float32)


class BoxedWorld(CoveredWorld):
    """One whose objects are marked by boxes."""

    boxed = True


@pytest.mark.parametrize(("world", "outside"), [(CoveredWorld, 0.0), (BoxedWorld, None)])
def test_only_masks_say_that_a_region_lies_inside_the_object(
    subject: World, world: type[World], outside: float | None
) -> None:
    first = search(world(subject.images, subject.labels, subject.model)).findings[0]
    assert first.plausibility.outside == outside


def test_the_users_masks_say_that_the_mark_is_off_the_object(subject: World) -> None:
    marked = MarkedWorld(subject.images, subject.labels, subject.model)
    first = search(marked).findings[0]
    assert first.candidate.output == 0
    assert first.plausibility.terms["off the marked object"] > 0.2
    assert first.plausibility.terms["much for its size"] > 0.5
    assert "off the rest of the evidence" not in first.plausibility.terms
    everywhere = search(subject).findings[0].plausibility.terms
    assert "off the marked object" not in everywhere
