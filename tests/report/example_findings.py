"""The findings of the synthetic result, and what was found about whole pictures."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from auditor.records.shortcuts import Carrier, Details, Evidence, Factors, GlobalFactor
from auditor.report.document.result import FindingCard, TripletCard
from auditor.report.draw.distributions import factors_figure
from auditor.report.draw.pictures import outline
from auditor.report.draw.zeroing_curves import zeroing_figure
from auditor.shortcuts.fingerprint import CELLS
from auditor.shortcuts.tests import (
    EVIDENCE_SHARE,
    FLIP_EXCESS,
    LATENT,
    REMOVAL,
    STATISTIC_GIVEN,
    in_order,
)

if TYPE_CHECKING:
    from tests.report.example import Example


def finding(example: Example, number: int, grade: str, severity: str) -> FindingCard:
    """Return a mark in the bottom right corner: all details for A and B, none for other grades."""
    place = (3 + number) % len(example.classes)
    name, other = example.name(place), example.name(place + 1)
    mask = np.zeros((24, 24), dtype=bool)
    mask[18:23, 10:23] = True
    members = [(example.photo(place, 128), example.sample(place)) for _ in range(6)]
    return FindingCard(
        **example.written("finding", name=name),
        id=f"F{number}",
        fingerprint=f"{number:02x}9f3ac1d7",
        grade=grade,
        severity=severity,
        confidence="high" if grade == "A" else "moderate",
        evidence=in_order(evidence(example, grade)),
        outlined=[example.jpeg(outline(seen, mask), f"region in {at}") for seen, at in members],
        aligned=[
            example.jpeg(seen[96:123, 53:123], f"region cut from {at}") for seen, at in members
        ],
        triplets=[triplet(example, place) for _ in range(4)],
        details=details(example, name, other) if grade in ("A", "B") else None,
        carriers=[
            Carrier(picture=at, half=half, box=(53, 96, 70, 27))
            for (_seen, at), half in zip(members, 3 * ("discovery", "test"), strict=True)
            if grade in ("A", "B")
        ],
    )


def evidence(example: Example, grade: str) -> list[Evidence]:
    """Return three tests that ran, and one that could not."""
    flip, share, removal = example.written("tests")
    removal["outcome"] = "supports" if grade == "A" else "refutes"
    return [
        FLIP_EXCESS.result(**flip),
        EVIDENCE_SHARE.result(**share),
        REMOVAL.result(**removal),
        LATENT.missing(example.say("the layer has no direction for it")),
    ]


def triplet(example: Example, place: int) -> TripletCard:
    other = (place + 1) % len(example.classes)
    before = example.photo(other, 64)
    marked, control = before.copy(), before.copy()
    marked[48:61, 27:61] = example.photo(place, 64)[48:61, 27:61]
    control[48:61, 27:61] = example.photo(other, 64)[48:61, 27:61]
    sample = example.sample(other)
    images = {"before": before, "marked": marked, "control": control}
    return TripletCard(
        target=sample,
        reference=example.sample(place),
        control=example.say("same place from another class"),
        pictures=[example.jpeg(image, f"{sample} {word}") for word, image in images.items()],
        probabilities=(0.03, 0.91, 0.05),
        predictions=(example.classes[other], example.classes[place], example.classes[other]),
    )


def details(example: Example, name: str, other: str) -> Details:
    """Return details in which every part is there, and one is said to be missing."""
    written = example.written("details", name=name, other=other)
    curve = written["zeroing"]
    curve["band_own"] = [(value - 0.03, min(1.0, value + 0.02)) for value in curve["random_own"]]
    look = tuple((written["signature"]["look"][0][0],) * CELLS for _row in range(CELLS))
    written["signature"] = written["signature"] | {"look": look}
    made = Details(**written)
    draw = partial(zeroing_figure, made.zeroing, name)
    figure = example.figure(draw, "confidence while concepts are zeroed")
    zeroing = made.zeroing.model_copy(update={"figure": figure})
    return made.model_copy(update={"zeroing": zeroing})


def factors(example: Example) -> Factors:
    """Return a factor that counts, one that could not be tested, a column and a sample."""
    given = STATISTIC_GIVEN.result(outcome="supports", effect=0.4, low=0.3, high=0.5, n=64, q=0.001)
    untested = STATISTIC_GIVEN.missing(example.say("Not testable: one size."))
    cards = [
        factor(example, 0, "JPEG blockiness", "B", given),
        factor(example, 1, "aspect ratio", "U", untested),
    ]
    drawn = [[getattr(card, side) for card in cards] for side in ("what", "own", "others")]
    return Factors(
        **example.written("factors"),
        factors=cards,
        odd=[example.written("odd") | {"sample": example.sample(0)}],
        figure=example.figure(partial(factors_figure, *drawn), "quantiles of the statistics"),
    )


def factor(
    example: Example, number: int, statistic: str, grade: str, evidence: Evidence
) -> GlobalFactor:
    first = example.classes[0]
    return GlobalFactor(
        **example.written("factor"),
        id=f"0-g{number}",
        what=example.say(f"{statistic} in {first}"),
        statistic=statistic,
        evidence=in_order([evidence]),
        grade=grade,
        meaning=example.say(f"{statistic} is higher in '{first}'."),
    )
