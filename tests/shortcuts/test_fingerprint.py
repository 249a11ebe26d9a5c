"""A candidate is known again: by name in the same audit, by its look in the next one."""

from __future__ import annotations

import numpy as np
import pytest

from auditor.records.shortcuts import Signature
from auditor.shortcuts.fingerprint import (
    SAME,
    fingerprint,
    same_finding,
    signature,
    told_apart,
)

SIZE = 64


def region(top: int, left: int, height: int = 8, width: int = 14, count: int = 12) -> np.ndarray:
    masks = np.zeros((count, SIZE, SIZE), bool)
    masks[:, top : top + height, left : left + width] = True
    return masks


def pictures(seed: int, kind: str, top: int = 50, left: int = 44) -> np.ndarray:
    """Noise with an artefact of a kind drawn at a place."""
    generator = np.random.default_rng(seed)
    found = generator.integers(60, 160, (12, SIZE, SIZE, 3)).astype(np.uint8)
    if kind == "stripes":
        found[:, top : top + 8 : 3, left : left + 14] = (250, 240, 40)
    elif kind == "sticker":
        found[:, top : top + 8, left : left + 14] = (20, 190, 60)
    elif kind == "text":
        for column in (0, 3, 7, 12):
            found[:, top : top + 8, left + column] = (245, 245, 245)
        found[:, top, left : left + 14] = (245, 245, 245)
    return found


def test_references_without_the_region_do_not_count() -> None:
    shown, masks = pictures(0, "sticker"), region(50, 44)
    some = masks.copy()
    some[:4] = False
    assert fingerprint("gravel", shown, some) == fingerprint("gravel", shown[4:], masks[4:])
    nowhere = np.zeros_like(masks)
    bare = fingerprint("gravel", shown, nowhere)
    assert bare == fingerprint("gravel", pictures(1, "text"), nowhere)  # by the class alone
    assert bare not in {fingerprint("gravel", shown, masks), fingerprint("grass", shown, nowhere)}


def of(seed: int, kind: str, top: int = 50, left: int = 44, **box: int) -> Signature:
    here = region(top + box.get("down", 0), left + box.get("right", 0))
    return signature(pictures(seed, kind, top, left), here)


def test_fingerprints_stay_with_the_region_and_tell_others_apart() -> None:
    generator = np.random.default_rng(0)
    shown = generator.integers(90, 120, (12, 40, 40, 3)).astype(np.uint8)

    def box(top: int, left: int) -> np.ndarray:
        masks = np.zeros((12, 40, 40), bool)
        masks[:, top : top + 6, left : left + 10] = True
        return masks

    first = fingerprint("gravel", shown, box(32, 26))
    assert fingerprint("gravel", shown[::-1], box(32, 27)) == first
    assert fingerprint("gravel", shown[:8], box(32, 26)[:8]) == first
    assert fingerprint("gravel", shown, box(2, 2)) != first
    assert fingerprint("grass", shown, box(32, 26)) != first
    assert fingerprint("gravel", 255 - shown, box(32, 26)) != first
    assert len(first) == 16


@pytest.mark.parametrize("kind", ["stripes", "sticker", "text"])
def test_the_same_artefact_in_other_pictures_is_known_again(kind: str) -> None:
    first = of(0, kind)
    assert same_finding(first, first) == pytest.approx(1.0)
    for other in (of(1, kind), of(2, kind, down=2, right=-2), of(3, kind, down=-3)):
        assert same_finding(first, other) >= SAME
        assert same_finding(first, other) == pytest.approx(same_finding(other, first))


@pytest.mark.parametrize(
    ("one", "two"), [("stripes", "sticker"), ("sticker", "text"), ("stripes", "text")]
)
def test_different_artefacts_at_the_same_place_differ(one: str, two: str) -> None:
    assert same_finding(of(0, one), of(1, two)) < SAME


@pytest.mark.parametrize("kind", ["stripes", "sticker", "text"])
def test_the_same_artefact_elsewhere_differs(kind: str) -> None:
    first = of(0, kind)
    assert same_finding(first, of(1, kind, top=4, left=4)) < SAME


def test_a_sticker_that_moves_about_is_known_by_its_look() -> None:
    def moving(seed: int) -> Signature:
        generator = np.random.default_rng(seed)
        corners = generator.integers(2, 46, (12, 2))
        shown = pictures(seed, "none")
        masks = np.zeros((12, SIZE, SIZE), bool)
        for picture, mask, (top, left) in zip(shown, masks, corners, strict=True):
            picture[top : top + 8, left : left + 14] = (20, 190, 60)
            mask[top : top + 8, left : left + 14] = True
        return signature(shown, masks)

    assert same_finding(moving(0), moving(1)) >= SAME
    assert same_finding(moving(0), of(0, "sticker")) < SAME


def test_regions_of_another_size_over_the_same_mark_are_the_same() -> None:
    first = of(0, "sticker")
    larger = signature(pictures(1, "sticker"), region(48, 42, 12, 18))
    assert same_finding(first, larger) >= SAME


def test_empty_regions_make_an_empty_signature() -> None:
    found = signature(pictures(0, "none"), np.zeros((12, SIZE, SIZE), bool))
    assert found.area == 0.0
    assert np.array(found.look).shape == (8, 8, 3)


def named(seed: int, kind: str, top: int, left: int) -> tuple[str, Signature]:
    shown, masks = pictures(seed, kind, top, left), region(top, left)
    return fingerprint("gravel", shown, masks), signature(shown, masks)


def test_two_regions_that_share_a_fingerprint_are_told_apart() -> None:
    # Both lie in the last cell of the grid of 4 x 4, and are of one size and colour.
    first, second = named(0, "sticker", 50, 44), named(0, "sticker", 56, 48)
    alone = named(0, "sticker", 4, 4)
    assert first[0] == second[0] != alone[0]
    names = told_apart([first, alone, second])
    assert len(set(names)) == 3
    assert names[1] == alone[0]  # it shares nothing, and keeps its own
    assert first[0] not in names  # what named two names none
    assert all(len(each) == 16 and int(each, 16) >= 0 for each in names)


def test_told_apart_depends_on_no_order_and_on_nothing_else_found() -> None:
    first, second = named(0, "sticker", 50, 44), named(0, "sticker", 56, 48)
    one, two = told_apart([first, second])
    assert told_apart([second, first]) == [two, one]
    assert told_apart([named(0, "text", 4, 4), first, second])[1:] == [one, two]
    again = named(3, "sticker", 50, 44), named(3, "sticker", 56, 48)  # in other pictures
    assert told_apart(again) == [one, two]


def test_what_nothing_tells_apart_is_numbered() -> None:
    first = named(0, "sticker", 50, 44)
    bare = ("00" * 8, None)
    names = told_apart([first, first, first, bare, bare])
    assert len(set(names)) == 5
    assert not {first[0], bare[0]} & set(names)


def test_findings_of_an_audit_keep_their_fingerprints_where_none_is_shared() -> None:
    found = [named(0, kind, 50, 44) for kind in ("sticker", "text")]
    assert told_apart(found) == [name for name, _ in found]
