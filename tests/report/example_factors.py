"""The part of the synthetic result about whole pictures, metadata and odd samples."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from auditor.records import shortcuts as parts
from auditor.report.draw.distributions import factors_figure
from auditor.shortcuts.tests import STATISTIC_GIVEN, in_order

if TYPE_CHECKING:
    from tests.report.example import Example

GIVEN = STATISTIC_GIVEN.result(outcome="supports", effect=0.4, low=0.3, high=0.5, n=64, q=0.001)
OWN, OTHERS = [1.2, 1.5, 1.8, 2.0, 2.4], [0.9, 1.0, 1.05, 1.1, 1.3]


def factors(example: Example) -> parts.Factors:
    """Return a factor that counts, one that could not be tested, a column and a sample."""
    say, first = example.say, example.classes[0]
    cards = [
        parts.GlobalFactor(
            id=f"0-g{number}",
            what=say(f"{statistic} in {first}"),
            class_name=first,
            statistic=statistic,
            unit="times",
            own=OWN,
            others=OTHERS,
            n=80,
            auc=0.93,
            p=0.0001,
            q=0.0001,
            evidence=in_order([given]),
            plausibility=0.75,
            terms={"made by camera or processing": 0.75},
            grade="B" if given.has_run else "U",
            meaning=say(f"{statistic} is higher in '{first}'."),
        )
        for number, (statistic, given) in enumerate(
            [
                ("JPEG blockiness", GIVEN),
                ("aspect ratio", STATISTIC_GIVEN.missing(say("Not testable: one size."))),
            ]
        )
    ]
    drawing = partial(factors_figure, [card.what for card in cards], [OWN] * 2, [OTHERS] * 2)
    return parts.Factors(
        factors=cards,
        columns=[
            parts.ColumnFactor(
                column=say("camera"),
                values=[say("A"), say("B")],
                n=80,
                association=0.61,
                p=0.001,
                q=0.001,
                classes=[parts.ColumnEffect(name=first, share=0.2, p=0.001, q=0.002, n=40)],
                reading=say("It goes with the label: review."),
            )
        ],
        odd=[
            parts.OddSample(
                sample=example.sample(0),
                label=first,
                why=say("labelled so, but as ordinary as that: check the label"),
                p=0.4,
                q=1.0,
            )
        ],
        odd_total=3,
        figure=example.figure(drawing, "quantiles of the statistics"),
    )
