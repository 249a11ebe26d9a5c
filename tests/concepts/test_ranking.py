"""Trust in the ranking: areas by plain loops, and worlds where the answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import trapezoid

from auditor.concepts.ranking import flipping_areas, ranking_card
from auditor.records.concepts import FlippingCard

SWITCHED = np.linspace(0, 1, 11)


def curves(direction, n=40, seed=0, gradient_wins=False):
    """Return logits of an additive layer of 10 concepts switched in several orders.

    The relevance order is that of the true contributions, with noise; that by gradient is without
    noise where it shall win.
    """
    rng = np.random.default_rng(seed)
    contribution = rng.normal(0.5, 1.0, (n, 10))
    scores = {
        "relevance": contribution + rng.normal(0, 0.4 if gradient_wins else 0.05, (n, 10)),
        "activation": contribution + rng.normal(0, 1.5, (n, 10)),
        "gradient": contribution + (0.0 if gradient_wins else rng.normal(0, 0.8, (n, 10))),
        "random": rng.normal(size=(n, 10)),
    }
    found = {}
    for order, score in scores.items():
        moved = np.take_along_axis(contribution, np.argsort(-score, axis=1), axis=1)
        total = np.concatenate([np.zeros((n, 1)), np.cumsum(moved, axis=1)], axis=1)
        found[order] = contribution.sum(axis=1)[:, None] - total if direction == "off" else total
    return found


def areas_of(direction, **keywords):
    return flipping_areas(
        curves(direction, **keywords), SWITCHED, direction, rng=np.random.default_rng(0)
    )


def test_areas_equal_plain_loops():
    for direction, sign in (("off", -1), ("on", 1)):
        given = curves(direction)
        found = areas_of(direction)
        assert isinstance(found, FlippingCard)
        for each in found.orders:
            areas = []
            for curve in given[each.order]:
                area = 0.0
                for step in range(10):
                    left, right = (sign * (curve[s] - curve[0]) for s in (step, step + 1))
                    area += (left + right) / 2 * (SWITCHED[step + 1] - SWITCHED[step])
                areas.append(area)
            assert each.area.value == pytest.approx(sum(areas) / len(areas))
            assert each.area.low <= each.area.value <= each.area.high
            gain = found.order("relevance").area.value - each.area.value
            assert each.gain.value == pytest.approx(gain)


def test_paired_intervals_equal_resampling_row_by_row():
    given, found = curves("off"), areas_of("off")
    area = {order: -trapezoid(c - c[:, :1], SWITCHED, axis=1) for order, c in given.items()}
    difference = area["relevance"] - area["activation"]
    rng = np.random.default_rng(1)
    means = [difference[rng.integers(0, 40, 40)].mean() for _ in range(4000)]
    low, high = np.quantile(means, [0.025, 0.975])
    gain = found.order("activation").gain
    width = high - low
    assert gain.low == pytest.approx(low, abs=0.1 * width)
    assert gain.high == pytest.approx(high, abs=0.1 * width)


def test_steps_of_different_width_are_weighted():
    curve = np.array([[4.0, 2.0, 0.0]] * 5)
    found = flipping_areas(
        {"relevance": curve, "random": curve}, np.array([0, 0.2, 1.0]), "off",
        rng=np.random.default_rng(0),
    )  # fmt: skip
    assert found.order("relevance").area.value == pytest.approx(0.2 * 1 + 0.8 * 3)
    assert (found.order("random").gain.low, found.order("random").gain.high) == (0, 0)


def test_a_true_ranking_is_trusted():
    found = ranking_card("features.7", [areas_of("off"), areas_of("on")])
    assert found.trust == "trusted"
    assert "Switching concepts off by relevance lowers the score by" in found.sentence
    assert "Switching concepts on by relevance raises the score by" in found.sentence
    assert "n\u00a0=\u00a040" in found.sentence


def test_a_ranking_upside_down_is_said_as_it_is():
    given = curves("off")
    contribution = -np.diff(given["relevance"], axis=1)[:, ::-1]
    start = given["relevance"][:, :1]
    given["relevance"] = start - np.concatenate(
        [np.zeros((40, 1)), np.cumsum(contribution, axis=1)], axis=1
    )
    areas = flipping_areas(given, SWITCHED, "off", rng=np.random.default_rng(0))
    found = ranking_card("x", [areas])
    assert found.trust == "not trusted"
    assert "off by relevance raises the score by" in found.sentence
    assert "worse than in random order" in found.sentence


def test_a_better_rival_makes_it_a_guide():
    areas = [areas_of(direction, gradient_wins=True) for direction in ("off", "on")]
    found = ranking_card("features.7", areas)
    assert found.trust == "partly trusted"
    assert "the order by gradient does better" in found.sentence


def test_a_ranking_that_is_random_is_not_trusted():
    wrong = 0
    for seed in range(10):
        given = curves("off", seed=seed)
        rng = np.random.default_rng(seed + 100)
        contribution = -np.diff(given["random"], axis=1)
        again = rng.permuted(contribution, axis=1)
        given["relevance"] = given["random"][:, :1] - np.concatenate(
            [np.zeros((40, 1)), np.cumsum(again, axis=1)], axis=1
        )
        areas = flipping_areas(given, SWITCHED, "off", rng=rng, draws=500)
        wrong += ranking_card("x", [areas]).trust != "not trusted"
    assert wrong <= 2


def test_too_little_is_said_in_words():
    assert "there are 3" in areas_of("off", n=3).reason
    assert ranking_card("x", []).trust == "not tested"
    few = ranking_card("x", [areas_of("off", n=3)])
    assert (few.trust, few.ways) == ("not tested", [])
    assert "there are 3" in few.sentence


def test_switching_to_the_mean_is_said_and_decides_nothing():
    way = areas_of("off")
    mean = way.model_copy(update={"baseline": "mean"})
    assert ranking_card("x", [mean]).trust == "not tested"
    found = ranking_card("x", [way, mean])
    assert found.trust == ranking_card("x", [way]).trust
    assert found.sentence.startswith(ranking_card("x", [way]).sentence)
    assert "Set to their mean over the pictures instead of zero" in found.sentence
    assert found.ways == [way, mean]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c.pop("relevance"), "no order 'relevance'"),
        (lambda c: c.update(gradient=c["gradient"][:3]), "'gradient' has shape"),
        (lambda c: c.update(gradient=c["gradient"] + 1), "do not start alike"),
    ],
)
def test_wrong_curves_are_refused(change, words):
    given = curves("off")
    change(given)
    with pytest.raises(ValueError, match=words):
        flipping_areas(given, SWITCHED, "off", rng=np.random.default_rng(0))


def test_steps_must_fit_and_increase():
    for switched, words in ((SWITCHED[:5], "11 steps"), (SWITCHED[::-1], "increase from 0")):
        with pytest.raises(ValueError, match=words):
            flipping_areas(curves("off"), switched, "off", rng=np.random.default_rng(0))
    areas = flipping_areas(
        {"relevance": curves("off")["relevance"]}, SWITCHED, "off", rng=np.random.default_rng(0)
    )
    with pytest.raises(ValueError, match="no order 'random'"):
        ranking_card("x", [areas])


def test_a_rival_that_is_ahead_by_a_hair_is_level():
    given = curves("off")
    given["gradient"] = given["relevance"] - 1e-3 * (SWITCHED > 0)
    areas = flipping_areas(given, SWITCHED, "off", rng=np.random.default_rng(0))
    assert areas.order("gradient").gain.high < 0
    assert ranking_card("x", [areas]).trust == "trusted"
