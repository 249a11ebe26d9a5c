"""Factors of whole pictures as rows: one for a statistic that does nothing in several classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from auditor.language.speaking import listed, ngettext
from auditor.records.shortcuts import GlobalFactor

# Grades that are notes: the model hardly uses it, or it could not be tested.
NOTES = ("D", "U")


@dataclass(frozen=True)
class FactorRow:
    """A factor, and the other classes in which the same statistic came to the same grade."""

    card: GlobalFactor
    others: tuple[str, ...] = ()

    @property
    def more(self) -> str:
        """What is said of the other classes; nothing where there are none."""
        if not self.others:
            return ""
        said = {"names": listed(self.others)}
        if self.card.grade == "D":
            return ngettext(
                "It also tells %(num)s other class apart, tested there without effect: %(names)s.",
                "It also tells %(num)s other classes apart, tested there without effect: "
                "%(names)s.",
                len(self.others),
                **said,
            )
        return ngettext(
            "It also tells %(num)s other class apart, not testable there either: %(names)s.",
            "It also tells %(num)s other classes apart, not testable there either: %(names)s.",
            len(self.others),
            **said,
        )


def factor_rows(cards: Sequence[GlobalFactor], *, every: bool) -> list[FactorRow]:
    """Return the rows in the order of the cards; with ``every`` each card is a row of its own.

    The first card of a statistic with a grade of `NOTES` speaks for all later ones.
    """
    if every:
        return [FactorRow(card) for card in cards]
    groups: dict[tuple[str, ...], list[GlobalFactor]] = {}
    for card in cards:
        note = card.grade in NOTES
        key = (card.statistic, card.grade or "", "" if note else card.id)
        groups.setdefault(key, []).append(card)
    return [
        FactorRow(first, tuple(card.class_name for card in rest))
        for first, *rest in groups.values()
    ]
