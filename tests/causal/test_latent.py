"""The latent test where directions are known: the mark's decides for it, others do not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from auditor.causal import latent, reading
from auditor.causal.carrying_images import carries, carrying_images, masks_for, strays_of
from auditor.causal.directions import (
    random_directions,
    region_direction,
    spread_of,
    variance_along,
)
from auditor.causal.images import Stage, load_members
from auditor.causal.latent import Latent, ground_of, latent_test, promising
from auditor.causal.reading import Route, moves, pairs_of, read_positions, route_of
from auditor.causal.screening import Screened, screen
from auditor.causal.transplant import Region, control_windows
from auditor.causal.trial import Trial
from auditor.shortcuts.grading import LEVEL
from auditor.shortcuts.propose.proposals import Proposal
from auditor.shortcuts.propose.windows import FEATHER
from auditor.shortcuts.statistics import counted, sign_flip_p
from auditor.shortcuts.tests import FLIP_EXCESS
from tests.causal.worlds import BRIGHT, MARK, SIZE, ClassTokenModel, WideModel, World, world

TURNED = 3


# Where a mark fills a patch of 4 pixels.
ON_PATCH = (slice(24, 28), slice(24, 28))


def prepared(subject: World, mark: tuple[slice, slice] = MARK) -> tuple[Stage, Trial, Screened]:
    """Return what the search has at hand when the latent test begins, for the mark of class 0."""
    stage = subject.stage(36, targets=24, permutations=300)
    members = load_members(stage.search, 0)
    masks = np.zeros((len(members.rows), SIZE, SIZE), bool)
    # As a proposal would be: grown so that the mark has its full weight.
    masks[:, mark[0].start - FEATHER :, mark[1].start - FEATHER :] = True
    proposal = Proposal("mark", masks, 1.0, "")
    rng = np.random.default_rng(0)
    (screened,) = screen(stage.probe, members, [proposal], stage.others, classes=1, rng=rng)
    window = control_windows(members, masks, "mark", rank=0.5)
    region = Region(members, masks, screened.references, screened.non_members, window)
    return stage, Trial(region, None, None, {}, 0), screened


def run(subject: World, layer: str = "mixed", mark: tuple[slice, slice] = MARK) -> Latent:
    stage, trial, screened = prepared(subject, mark)
    members = trial.region.members
    strays = strays_of(stage, members)
    ground = ground_of(stage, members, layer, strays)
    carrying = carrying_images(stage, members, screened, strays)
    return latent_test(stage, trial, carrying, ground, np.random.default_rng(1))


@pytest.fixture(scope="module")
def turned() -> World:
    return world(per_class=60, model=WideModel(6.0, turned=TURNED))


@pytest.fixture(scope="module")
def found(turned: World) -> Latent:
    return run(turned)


def test_members_leave_without_the_direction_and_no_one_else_does(found: Latent) -> None:
    evidence, projection = found.evidence, found.projection
    assert evidence.test == "latent"
    assert evidence.low > 0.8
    assert evidence.p is not None
    assert evidence.p < 0.01
    assert projection is not None
    carrying, clean, others = projection.changes
    assert carrying.before is not None
    assert carrying.before.value == 1.0
    assert carrying.after is not None
    assert carrying.after.value == 0.0
    assert carrying.control is not None
    assert carrying.control == pytest.approx(evidence.effect, abs=0.01)
    for change in (clean, others):
        assert counted(change.before)[1] >= 4
        assert change.after == change.before
    assert evidence.n == counted(carrying.before)[0]
    assert projection.directions == 20
    assert projection.turned_n >= 32
    assert projection.turned[0] > 0.9
    assert projection.turned[1] < 0.05


def test_a_random_direction_in_its_place_does_not_pass(found: Latent) -> None:
    assert found.null is not None
    assert found.null.low < 0.05


def test_without_reliance_taking_the_direction_out_changes_nothing() -> None:
    subject = world(per_class=60, reliance=0.0, model=WideModel(0.0, turned=TURNED))
    found = run(subject)
    assert found.projection is not None
    assert found.evidence.high < 0.05
    assert all(change.after == change.before for change in found.projection.changes)
    assert found.projection.directions == latent.FIRST_DIRECTIONS


def test_where_too_few_leave_no_direction_more_could_make_it_pass() -> None:
    leaving = np.ones(latent.LEAST_LEAVING)
    rng = np.random.default_rng(0)
    assert sign_flip_p(leaving, 200, rng) <= LEVEL
    rest = np.zeros(40)
    assert sign_flip_p(np.concatenate([leaving[1:], rest]), 200, rng) > LEVEL
    assert sign_flip_p(np.concatenate([leaving[1:], rest, [-0.05]]), 200, rng) > LEVEL


def test_what_may_pass_is_compared_with_all_directions(turned: World, found: Latent) -> None:
    assert found.projection is not None
    assert found.projection.directions == latent.DIRECTIONS
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(latent, "FIRST_DIRECTIONS", latent.DIRECTIONS)
        assert run(turned) == found


def test_the_same_seed_gives_the_same_numbers(turned: World, found: Latent) -> None:
    assert run(turned) == found


def test_the_direction_is_the_mean_change_of_the_turned_layer(turned: World) -> None:
    stage, trial, _ = prepared(turned)
    pairing = pairs_of(stage, trial.region, np.random.default_rng(0))
    route = route_of(stage, pairing, "mixed")
    assert isinstance(route, Route)
    assert route.positions.all()
    assert route.geometry is None
    direction = region_direction(stage, pairing, route)
    assert direction is not None
    model = turned.model
    back = model.back.weight[:, :, 0, 0].detach().numpy() @ direction
    assert np.linalg.norm(direction) == pytest.approx(1.0)
    inside = turned.images[(slice(None), *MARK)]
    drawn = inside[:48].mean(axis=(0, 1, 2)) - inside[60:].mean(axis=(0, 1, 2))
    expected = np.append(drawn, 0.0)
    bright = np.maximum(inside[:48].sum(axis=3) - BRIGHT, 0)
    expected[3] = bright.mean()
    expected, own = expected / np.linalg.norm(expected), back[:4] / np.linalg.norm(back[:4])
    # The rim of the mask adds a little of the background.
    assert own @ expected > 0.97


def test_random_directions_are_at_right_angles_and_of_the_same_variance(turned: World) -> None:
    stage, trial, _ = prepared(turned)
    members = trial.region.members
    everywhere = Route("mixed", np.ones(SIZE * SIZE, bool))
    spread = spread_of(
        stage, everywhere, members.inputs, stage.others.inputs, np.random.default_rng(0)
    )
    positions = stage.probe.explainer.activations(
        torch.cat([members.inputs, stage.others.inputs]), ("mixed",)
    )["mixed"].numpy()
    direction = np.linalg.qr(np.random.default_rng(2).standard_normal((8, 8)))[0][0]
    along = np.tensordot(direction, positions, axes=([0], [1]))
    # 64 of 1,024 positions count, so the two agree up to sampling.
    assert variance_along(spread, direction) == pytest.approx(along.var(), rel=0.2)
    direction = spread.vectors[:, 4]
    wanted = variance_along(spread, direction)
    randoms = random_directions(spread, direction, 20, np.random.default_rng(0))
    assert np.abs(randoms @ direction).max() < 1e-6
    assert np.linalg.norm(randoms, axis=1) == pytest.approx(np.ones(20))
    ratios = [variance_along(spread, row) / wanted for row in randoms]
    assert np.median(np.abs(np.log(ratios))) < 0.5


def test_projecting_out_is_the_formula(turned: World) -> None:
    probe = turned.probe()
    images = turned.load(range(4))
    above = probe.explainer.upper(images, "mixed")
    unit = torch.nn.functional.normalize(torch.arange(1.0, 9.0), dim=0)
    mean = torch.linspace(0, 1, 8)
    maps = above.activation()
    along = torch.einsum("c,bchw->bhw", unit, maps - mean[:, None, None])
    edited = maps - unit[:, None, None] * along[:, None]
    model = turned.model
    with torch.no_grad():
        back = model.back(edited)
        expected = model.from_colours(back[:, :3].mean((2, 3))) + model.from_bright(
            back[:, 3:4].amax((2, 3))
        )
    torch.testing.assert_close(above.without(unit, mean), expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(above.activation(), maps)


def test_a_narrow_layer_is_said_to_be_too_narrow() -> None:
    found = run(world(), "bright")
    assert found.evidence.outcome == "not applicable"
    assert "at least 4 channels" in found.evidence.reason


def test_what_screening_measured_is_as_measured_again(turned: World) -> None:
    stage, trial, screened = prepared(turned)
    members, masks = trial.region.members, screened.proposal.masks
    some = screened.tried[::2]
    few = replace(screened, tried=some, effects=screened.effects[::2], references=some)
    found = carrying_images(stage, members, few, strays_of(stage, members))
    slow = carries(stage, members.inputs, masks, members.output, few)
    assert np.array_equal(found.members, slow)
    assert 0 < slow.sum() < len(slow)


def test_carrying_images_are_the_marked_members_and_masks_follow_the_references() -> None:
    stage, trial, screened = prepared(world())
    members = trial.region.members
    carrying = carrying_images(stage, members, screened, strays_of(stage, members))
    assert carrying.members.tolist() == (members.rows < 26).tolist()
    masks = masks_for(screened, members.heat[:2])
    assert np.array_equal(masks, screened.proposal.masks[:2])


def test_a_proposal_that_is_of_some_members_says_so_itself() -> None:
    stage, trial, screened = prepared(world())
    members = trial.region.members
    some = np.arange(len(members.rows)) < 5
    known = replace(screened, proposal=replace(screened.proposal, carriers=some))
    carrying = carrying_images(stage, members, known, strays_of(stage, members))
    assert carrying.members.tolist() == some.tolist()


def test_regions_of_unseen_images_lie_where_the_references_lie() -> None:
    _, trial, screened = prepared(world())
    members = trial.region.members
    moved = np.zeros_like(screened.proposal.masks)
    for place, mask in enumerate(moved):
        mask[25 + place % 2 : 29 + place % 2, 26:30] = True
    near = replace(screened, proposal=replace(screened.proposal, masks=moved))
    masks = masks_for(near, members.heat[:3])
    assert masks.sum(axis=(1, 2)).tolist() == [16] * 3
    assert (masks == masks[:1]).all()
    assert (masks[0] & screened.proposal.masks[0]).sum() >= 12
    for place, mask in enumerate(moved):
        mask[:] = False
        mask[3 * (place % 9) : 3 * (place % 9) + 4, 5 * (place % 5) : 5 * (place % 5) + 4] = True
    heat = np.zeros((2, SIZE, SIZE), np.float32)
    heat[0, 9:13, 4:8] = heat[1, 20:24, 20:24] = 1.0
    masks = masks_for(near, heat)
    assert masks[0, 9:13, 4:8].all()
    assert masks[1, 20:24, 20:24].all()
    assert masks_for(near, heat[:0]).shape == (0, SIZE, SIZE)


def test_strays_are_wrongly_decided_test_images_in_proportion() -> None:
    subject = world(per_class=40)
    images = subject.images.copy()
    images[30:40] = images[45:55]
    mistaken = World(images, subject.labels, subject.model)
    samples = mistaken.samples()
    stage, trial, _ = prepared(mistaken)
    found = strays_of(stage, trial.region.members)
    wrong = np.flatnonzero(~samples.discovery & (samples.labels == 0) & (samples.prediction != 0))
    assert len(wrong) > 0
    assert found.rows.tolist() == wrong.tolist()
    assert found.heat.shape == (len(wrong), SIZE, SIZE)


@pytest.fixture(scope="module")
def tokens() -> World:
    return world(per_class=60, model=ClassTokenModel(6.0), mark=ON_PATCH)


@pytest.mark.parametrize("layer", ["before", "after"])
def test_on_tokens_the_direction_is_taken_out_where_it_is_read(tokens: World, layer: str) -> None:
    found = run(tokens, layer, ON_PATCH)
    assert found.projection is not None
    assert found.projection.layer == layer
    assert found.evidence.low > 0.8
    assert found.projection.turned[1] < 0.1
    for change in found.projection.changes[1:]:
        assert change.after == change.before


def test_of_a_class_token_that_is_read_alone_no_patch_is_read(tokens: World) -> None:
    probe, images = tokens.probe(), tokens.load(range(4))
    assert read_positions(probe, images, "before").all()
    read = read_positions(probe, images, "after")
    assert np.flatnonzero(read).tolist() == [0]
    above = probe.explainer.upper(images, "after")
    torch.testing.assert_close(
        above.with_positions(~read[None], above.activation().flip(0)), above.logits()
    )
    assert moves(above, read)
    assert not moves(above, ~read)


def test_a_region_acts_through_its_places_before_and_the_token_after(tokens: World) -> None:
    stage, trial, _ = prepared(tokens, ON_PATCH)
    pairing = pairs_of(stage, trial.region, np.random.default_rng(0))
    inside, loose = (route_of(stage, pairing, layer) for layer in ("before", "after"))
    assert isinstance(inside, Route)
    assert isinstance(loose, Route)
    assert inside.geometry is not None
    assert np.flatnonzero(~inside.positions).tolist() == [0]
    assert np.flatnonzero(loose.positions).tolist() == [0]


def test_where_a_region_acts_nowhere_alone_the_layer_below_is_asked(
    tokens: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "THROUGH", 1.5)
    stage, trial, _ = prepared(tokens, ON_PATCH)
    pairing = pairs_of(stage, trial.region, np.random.default_rng(0))
    why = route_of(stage, pairing, "after")
    assert isinstance(why, str)
    assert "class token (100" in why
    found = run(tokens, "after", ON_PATCH)
    assert found.projection is not None
    assert found.projection.layer == "relu"
    assert found.evidence.low > 0.8
    monkeypatch.setattr(latent, "LOWER", 0)
    assert run(tokens, "after", ON_PATCH).evidence.reason == why


@pytest.mark.parametrize(
    ("p", "low", "reason", "open_to_it"),
    [
        (0.01, 0.05, "", True),
        (0.011, 0.05, "", False),
        (0.01, 0.049, "", False),
        (0.01, 0.05, "The region raises another class's score more.", False),
        (None, 0.05, "", False),
    ],
)
def test_only_an_effect_that_another_test_shows_is_worth_a_latent_test(
    p: float | None, low: float, reason: str, *, open_to_it: bool
) -> None:
    shown = FLIP_EXCESS.result(
        outcome="inconclusive", effect=0.2, low=low, high=0.3, n=30, p=p, reason=reason
    )
    assert promising([shown]) == open_to_it
    assert promising([FLIP_EXCESS.missing("none."), shown]) == open_to_it
