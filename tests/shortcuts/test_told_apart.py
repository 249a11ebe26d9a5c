"""Concepts whose pictures look alike get names that differ, by what differs most."""

from __future__ import annotations

import numpy as np
import pytest

from auditor.language.speaking import gettext as _
from auditor.language.speaking import speaking, translated
from auditor.shortcuts.told_apart import WORDS, Sighting, measure, told_apart

EDGE = Sighting("grey vertical edge", ("brick",), 1)
LEVEL = dict.fromkeys(WORDS, 0.0)


def edge(**changes: object) -> Sighting:
    return Sighting(**{**EDGE.__dict__, "measured": LEVEL, **changes})


def test_a_name_that_nothing_shares_is_left_as_it_is():
    names = told_apart({"a/1": edge(place="at the top"), "a/2": edge(phrase="grey mark")})
    assert names == {"a/1": "grey vertical edge (brick)", "a/2": "grey mark (brick)"}


def test_what_differs_most_is_added_first():
    names = told_apart(
        {
            "a/1": edge(place="at the top", classes=("brick", "gravel")),
            "a/2": edge(place="at the bottom", classes=("brick", "gravel")),
            "a/3": edge(place="in the middle"),
        }
    )
    assert list(names.values()) == [
        "grey vertical edge, at the top (brick)",
        "grey vertical edge, at the bottom (brick)",
        "grey vertical edge, in the middle (brick)",
    ]


@pytest.mark.parametrize("kind", WORDS)
def test_a_measured_difference_is_said_once_it_is_large(kind):
    near = told_apart({"a/1": edge(), "a/2": edge(measured={**LEVEL, kind: 0.9})})
    assert list(near.values()) == [
        "grey vertical edge, no. 1 (brick)",
        "grey vertical edge, no. 2 (brick)",
    ]
    low, high = WORDS[kind]
    far = told_apart({"a/1": edge(), "a/2": edge(measured={**LEVEL, kind: 1.1})})
    assert list(far.values()) == [
        f"grey vertical edge, {low} (brick)",
        f"grey vertical edge, {high} (brick)",
    ]


def test_four_alike_are_told_apart_by_more_than_one_difference():
    names = told_apart(
        {
            "a/1": edge(),
            "a/2": edge(classes=("brick", "gravel")),
            "a/3": edge(measured={**LEVEL, "brightness": 4.0}),
            "a/4": edge(classes=("brick", "gravel"), measured={**LEVEL, "brightness": 4.2}),
        }
    )
    assert set(names.values()) == {
        "grey vertical edge, darker (brick)",
        "grey vertical edge, brighter (brick)",
        "grey vertical edge, darker (brick, gravel)",
        "grey vertical edge, brighter (brick, gravel)",
    }


def test_the_number_says_the_layer_too_where_both_have_it():
    names = told_apart({"one/7": edge(), "two/7": edge()})
    assert list(names.values()) == [
        "grey vertical edge, no. 7, one (brick)",
        "grey vertical edge, no. 7, two (brick)",
    ]


def test_a_place_that_the_name_has_is_not_said_twice():
    marks = {f"a/{k}": edge(phrase=_("mark at the top"), place="at the top") for k in (1, 2)}
    assert "mark at the top, no. 1 (brick)" in told_apart(marks).values()


def test_random_concepts_never_share_a_name():
    rng = np.random.default_rng(5)
    places = ("anywhere", "at the top", "at the left")
    drawn = {
        f"{layer}/{channel}": edge(
            place=str(rng.choice(places)),
            classes=("brick", "gravel")[: rng.integers(3)],
            named=0,
            measured={kind: float(rng.normal(0, 1.5)) for kind in WORDS},
        )
        for layer in "ab"
        for channel in range(40)
    }
    assert len(set(told_apart(drawn).values())) == len(drawn)


def test_names_are_translated():
    names = told_apart({"a/1": edge(), "a/2": edge(measured={**LEVEL, "size": 3.0})})
    with speaking("de"):
        assert [translated(name) for name in names.values()] == [
            "grey vertical edge, kleiner (brick)",
            "grey vertical edge, größer (brick)",
        ]


def test_place_brightness_size_and_contrast_are_measured():
    pictures = np.full((4, 30, 30, 3), 100, dtype=np.uint8)
    pictures[:, ::2] = 140
    masks = np.zeros((4, 30, 30), dtype=bool)
    masks[:3, :10, 10:20] = True
    place, measured = measure(pictures, masks)
    assert place == "at the top"
    assert measured["brightness"] == pytest.approx(120 / 20)
    assert 1.5 ** measured["size"] == pytest.approx(1 / 9)
    assert 1.5 ** measured["contrast"] == pytest.approx(20)
