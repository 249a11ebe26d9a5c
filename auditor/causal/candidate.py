"""Test the candidates of a class, and say how much each looks like an artefact."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float

from auditor.causal.absence import absence_test
from auditor.causal.carrying_images import Carrying, Pictures, carrying_images, strays_of
from auditor.causal.context import Search
from auditor.causal.control_members import control_members
from auditor.causal.images import Members, Stage
from auditor.causal.latent import Ground, Latent, ground_of, latent_test, promising
from auditor.causal.rivals import Rival, nearest_class_test
from auditor.causal.screening import Screened, Tried
from auditor.causal.transplant import Region, control_windows
from auditor.causal.trial import LEAST_COMPARED, Trial, next_rank, run_trial
from auditor.language.speaking import gettext as _
from auditor.records.shortcuts import Evidence, Plausibility
from auditor.shortcuts.plausibility import judge
from auditor.shortcuts.propose.shared_concepts import unrelated_classes
from auditor.shortcuts.region_view import Effects
from auditor.shortcuts.scenes import Scene
from auditor.shortcuts.terms.shared_with_unrelated_classes import shared_raise
from auditor.shortcuts.tests import LATENT, TESTS, Results, in_order

# Regions are of similar size when one's area is at most so many times the other's.
SIMILAR_SIZE = 2.0


@dataclass(frozen=True, eq=False)
class Compared:
    """What a candidate is compared with, by class: all screened regions, scenes, nearest classes.

    ``means`` are the mean relevance shares of each audited class, None where they are not known.
    """

    screened: Mapping[int, Sequence[Screened | Tried]]
    scenes: Mapping[int, Scene]
    rivals: Mapping[int, Rival]
    means: Float[np.ndarray, "class concept"] | None

    @property
    def shares(self) -> list[float]:
        """The evidence shares of all screened regions."""
        return [region.share for group in self.screened.values() for region in group]

    def of_other_classes(self, output: int) -> Iterator[Screened | Tried]:
        """Yield the screened regions of all classes but one."""
        for label, group in self.screened.items():
            if label != output:
                yield from group


@dataclass(frozen=True, eq=False)
class Tested:
    """A candidate with the results of its tests, q missing, and how much it looks like an artefact.

    ``carrying``, ``strays`` (the class's wrongly decided test images) and ``latent`` are None where
    no test found an effect: then no grade depends on them. ``layer`` is where the latent test ran.
    ``in_whole``: it was tested again as a part of a larger one, which is graded in its place.
    """

    id: str
    members: Members
    screened: Screened
    trial: Trial
    plausibility: Plausibility
    evidence: Results
    carrying: Carrying | None = None
    strays: Pictures | None = None
    latent: Latent | None = None
    layer: str | None = None
    in_whole: bool = False


@dataclass(frozen=True, eq=False)
class _Inside:
    """What the latent tests of a class share, loaded when the first of them asks for it."""

    stage: Stage
    members: Members
    layer: str | None

    @cached_property
    def strays(self) -> Pictures:
        return strays_of(self.stage, self.members)

    @cached_property
    def ground(self) -> Ground | None:
        if not self.layer:
            return None
        return ground_of(self.stage, self.members, self.layer, self.strays)


def tested_candidates(
    stage: Stage,
    members: Members,
    chosen: Sequence[Screened],
    compared: Compared,
    layer: str | None,
) -> list[Tested]:
    """Run all tests on the candidates of a class; ``layer`` is that of the latent test."""
    inside = _Inside(stage, members, layer)
    return [
        _tested(stage, f"{members.output}-{number}", screened, compared, inside)
        for number, screened in enumerate(chosen, start=1)
    ]


def _tested(
    stage: Stage, candidate: str, screened: Screened, compared: Compared, inside: _Inside
) -> Tested:
    """Run the tests that edit pictures, and where one of them found an effect the latent test."""
    search, members, proposal = stage.search, inside.members, screened.proposal
    name = members.output, *proposal.name
    trial = _trial(stage, members, screened, compared)
    rng = search.rng("trial on the nearest class", *name)
    rival = compared.rivals.get(members.output)
    nearest = nearest_class_test(stage, trial, rival, screened.share, rng)
    results = [*trial.evidence.values(), *_added_tests(stage, trial, name)]
    covered = absence_test(stage, trial, search.rng("place that is only covered", *name))
    results += [each for each in (nearest, covered) if each is not None]
    plausibility = judge(
        compared.scenes[members.output],
        screened.references,
        proposal.masks,
        [scene for label, scene in compared.scenes.items() if label != members.output],
        search.rng("plausibility", *name),
        _effects(search, members.output, screened, trial, compared),
    )
    made = candidate, members, screened, trial, plausibility
    if not promising(results):
        why = _("No other test found an effect, so no grade depends on it.")
        return Tested(*made, in_order([*results, LATENT.missing(why)]))
    carrying = carrying_images(stage, members, screened, inside.strays)
    latent = latent_test(stage, trial, carrying, inside.ground, search.rng("direction", *name))
    evidence = in_order([*results, latent.evidence])
    return Tested(*made, evidence, carrying, inside.strays, latent, inside.layer)


def _trial(stage: Stage, members: Members, screened: Screened, compared: Compared) -> Trial:
    """Put the region into other pictures and cover it up, against its controls."""
    proposal = screened.proposal
    region = Region(
        members,
        proposal.masks,
        screened.references,
        control_members(stage, members, screened),
        control_windows(members, proposal.masks, proposal.shape, rank=0.5),
        proposal.carriers,
    )
    windows = next_rank(members, region, proposal.shape)
    usual = _usual_shares(members.output, screened, compared)
    rng = stage.search.rng("trial", members.output, *proposal.name)
    return run_trial(stage, region, windows, usual, rng)


def _added_tests(stage: Stage, trial: Trial, name: tuple[str | int, ...]) -> Iterator[Evidence]:
    """Run the tests that a user's own module added; one that fails is a result that says so."""
    for test in map(TESTS.__getitem__, TESTS):
        if test.run is None:
            continue
        rng = stage.search.rng("test with a function of its own", test.id, *name)
        try:
            evidence = test.run(stage, trial, rng)
            if not isinstance(evidence, Evidence) or evidence.test != test.id:
                raise TypeError(f"its function returned no Evidence of '{test.id}'")
            yield evidence
        except Exception as error:
            why = _("The test failed: %(error)s", error=f"{type(error).__name__}: {error}")
            yield test.missing(why, "error")


def _usual_shares(output: int, screened: Screened, compared: Compared) -> list[float]:
    """Return the evidence shares of other classes' regions of similar size, or of all of them."""
    area = screened.proposal.area
    others = list(compared.of_other_classes(output))
    similar = [
        region.share for region in others if 1 / SIMILAR_SIZE <= region.area / area <= SIMILAR_SIZE
    ]
    return similar if len(similar) >= LEAST_COMPARED else [region.share for region in others]


def _effects(
    search: Search, output: int, screened: Screened, trial: Trial, compared: Compared
) -> Effects:
    """Return what the model did with a region, beside the same for regions of other classes."""
    usual = [region.effects for region in compared.of_other_classes(output)]
    shared = None
    if compared.means is not None and trial.result is not None:
        unrelated = unrelated_classes(compared.means, search.outputs, output)
        if unrelated:
            controls = trial.result.controls.values()
            raised = np.min([trial.result.region - control for control in controls], axis=0)
            shared = shared_raise(raised.mean(axis=(0, 1)), output, unrelated)
    share = screened.share if screened.measured else None
    return Effects(screened.effects, usual, shared, share)
