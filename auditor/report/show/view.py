"""What the templates see: the result, the order of its sections, and how much of it is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import get_args

from auditor.language.speaking import gettext as _
from auditor.language.speaking import translated
from auditor.records.concepts import MapCard
from auditor.records.part import Interval
from auditor.records.shortcuts import Evidence, GlobalFactor, Severity
from auditor.report.document.analyses import LayerUnits
from auditor.report.document.result import (
    AuditResult,
    ClassPerformance,
    ClassReport,
    CompositionCard,
    Concept,
    Crop,
    FindingCard,
    LocalCard,
    RenderContext,
)
from auditor.report.document.review import Comparison, Decision, DecisionState
from auditor.report.draw.graph_layout import Layout, layered
from auditor.report.draw.map_layout import MapLayout, placed
from auditor.report.draw.style import short
from auditor.report.sections.cues import Cue, cues, decision_entry
from auditor.report.sections.order import ShownSection, sections_of
from auditor.report.show.chosen import (
    SHEET_GRADES,
    chosen_classes,
    chosen_compositions,
    chosen_concepts,
    chosen_performance,
    chosen_pictures,
    gravest,
)
from auditor.report.show.factor_rows import FactorRow, factor_rows
from auditor.report.show.limits import Limits
from auditor.report.show.rates import rates_sentence
from auditor.shortcuts.grading import severity

DECIDED = {
    "confirm": _("confirmed"),
    "reject": _("rejected"),
    "accept": _("risk accepted"),
    "mitigate": _("being mended"),
    "unsure": _("not sure"),
    "name": _("named"),
}
WHAT = {
    "confirm": _("Confirmed as a shortcut"),
    "reject": _("Not a shortcut"),
    "accept": _("Risk accepted"),
    "mitigate": _("Being mended"),
    "unsure": _("Not sure"),
    "name": _("Named"),
}


class Names:
    """How concepts are called and drawn, for a view that knows some of them."""

    @property
    def concepts(self) -> Mapping[str, Concept]:
        """Concepts by id."""
        raise NotImplementedError

    def called(self, concept: str) -> str:
        """Return a concept's name: a person's, else what was seen, else ``layer · channel``."""
        known = self.concepts.get(concept)
        if known and self.named(known):
            return known.name
        return known.seen if known and known.seen else " · ".join(concept.rsplit("/", 1))

    def number(self, concept: str) -> str:
        """Return ``layer · channel`` of a concept that is called by what was seen, else nothing."""
        known = self.concepts.get(concept)
        seen = known is not None and known.seen and self.called(concept) == known.seen
        return " · ".join(concept.rsplit("/", 1)) if seen else ""

    def label(self, concept: str) -> str:
        """Return how a text calls a concept: its name, with its number after a working name."""
        number = self.number(concept)
        return f"{self.called(concept)} [{number}]" if number else self.called(concept)

    def named(self, concept: Concept) -> bool:
        """Say whether a person gave the concept its name."""
        return concept.name != f"{concept.layer} · {concept.channel}"

    def short(self, concept: str) -> str:
        """Return how a drawing calls a concept: its channel, or the name that a person gave it."""
        known = self.concepts.get(concept)
        if known and self.named(known):
            return self.clipped(known.name, 16)
        return f"· {concept.rpartition('/')[2]}"

    def clipped(self, name: str, length: int = 40) -> str:
        """Return a name on one line, with an ellipsis in its middle when it is too long."""
        return short(name, length)

    def face(self, concept: str) -> Crop | None:
        """Return the reference sample that stands for a concept in legends."""
        known = self.concepts.get(concept)
        return known.by_relevance[0] if known and known.by_relevance else None


@dataclass(frozen=True)
class PageView(Names):
    """What the templates ask of a view, for a page of its own: it has no section and no card.

    ``known`` are the concepts that it may name; ``faces`` are of further ones, by id.
    """

    known: Sequence[Concept]
    limits: Limits
    faces: Mapping[str, Crop] = field(default_factory=dict)

    @cached_property
    def concepts(self) -> Mapping[str, Concept]:
        """Known concepts by id."""
        return {concept.id: concept for concept in self.known}

    def face(self, concept: str) -> Crop | None:
        """Return the face of a concept, also of one that has no reference samples here."""
        return super().face(concept) or self.faces.get(concept)

    def anchor(self, _: str) -> str:
        """Return nothing: there is no card to lead to."""
        return ""

    def has(self, _: str) -> bool:
        """Say that the page has no other section."""
        return False


@dataclass(frozen=True)
class View(Names):
    """The result as one rendering shows it. ``left_out`` says what the file had to leave out."""

    result: AuditResult
    context: RenderContext
    limits: Limits
    left_out: tuple[str, ...] = ()

    @cached_property
    def sections(self) -> tuple[ShownSection, ...]:
        """Sections with content, numbered; a screen folds the appendix, paper leaves it out.

        A short document without any sheet has no section of them.
        """
        shown = sections_of(
            self.result,
            self.context.tier,
            self.context.sections,
            compared=self.comparison is not None,
            appendix=self.context.tier == "standard" and not self.brief,
        )
        if self.brief and not self.sheets and not self.context.sections:
            shown = tuple(each for each in shown if each.id != "findings")
        return tuple(replace(each, number=place) for place, each in enumerate(shown, start=1))

    @property
    def how_sure(self) -> str:
        """How sure the method is, in a sentence."""
        return rates_sentence()

    @property
    def comparison(self) -> Comparison | None:
        """What changed since an earlier audit, where one was compared."""
        return self.context.review.comparison if self.context.review else None

    @property
    def decisions(self) -> Sequence[DecisionState]:
        """What people decided, and what of it holds."""
        return self.context.review.decisions if self.context.review else []

    def decisions_on(self, finding: str) -> Sequence[DecisionState]:
        """Return the decisions about a finding that were not replaced by later ones."""
        states = [state for state in self.decisions if state.finding == finding]
        return [state for state in states if state.state != "replaced"]

    def decided(self, finding: str) -> str:
        """Return what was decided about a finding, in a word or two for the register."""
        for state in self.decisions_on(finding):
            what, day = translated(DECIDED[state.decision.what]), state.decision.expires
            if state.state == "expired":
                return _("%(decision)s, expired %(day)s", decision=what, day=day)
            return _("%(decision)s until %(day)s", decision=what, day=day) if day else what
        return _("not reviewed")

    def decision_entry(self, finding: FindingCard) -> str:
        """Return what the page fills in of a decision about a finding, as JSON."""
        return decision_entry(finding, self.result.run)

    def what_was_decided(self, state: DecisionState) -> str:
        """Return what a decision says of its finding or concept."""
        return str(translated(WHAT[state.decision.what]))

    @property
    def reviewers(self) -> Sequence[Decision]:
        """The last decision of each person, in the order of their names."""
        last = {state.decision.person: state.decision for state in self.decisions}
        return [last[name] for name in sorted(last)]

    @property
    def brief(self) -> bool:
        """Say whether room is short: in a PDF that is not of the technical tier."""
        return self.limits.brief

    def title(self, section: str) -> str:
        """Return the title of a section that the whole report has, or nothing."""
        whole = sections_of(self.result, "technical")
        return next((item.title for item in whole if item.id == section), "")

    def has(self, section: str) -> bool:
        """Say whether a section is part of this rendering."""
        return any(item.id == section for item in self.sections)

    @cached_property
    def concepts(self) -> Mapping[str, Concept]:
        """Concepts by id."""
        return {concept.id: concept for concept in self.result.concepts}

    def called(self, concept: str) -> str:
        """Return a concept's name, also by a person's decision where it has no card."""
        given = {state.concept: state.decision.name for state in self.decisions if state.concept}
        return given.get(concept) or super().called(concept)

    @cached_property
    def factor_rows(self) -> Sequence[FactorRow]:
        """Factors of whole pictures; only the technical tier has a row for every class."""
        cards = self.result.factors.factors if self.result.factors else []
        return factor_rows(cards, every=self.context.tier == "technical")

    @cached_property
    def sheets(self) -> Sequence[FindingCard]:
        """Findings with a sheet of their own."""
        return [finding for finding in self.result.findings if finding.grade in SHEET_GRADES]

    @cached_property
    def whole_pictures(self) -> Sequence[GlobalFactor]:
        """Statistics of whole pictures that count like findings; they have no sheet."""
        cards = self.result.factors.factors if self.result.factors else ()
        return [card for card in cards if card.grade in SHEET_GRADES]

    def severity(self, factor: GlobalFactor) -> Severity:
        """Return the severity of a statistic with a grade: how many pictures have it is unknown."""
        return severity(factor.grade, None) if factor.grade else "none"

    @cached_property
    def drawn_sheets(self) -> Sequence[FindingCard]:
        """Findings whose sheet is drawn: all, or where room is short the gravest."""
        return gravest(self.sheets, self.limits.sheets)

    def sheet(self, finding: FindingCard) -> str:
        """Return the anchor of a finding's sheet, or nothing when it has none here."""
        if not self.has("findings") or finding not in self.drawn_sheets:
            return ""
        return f"finding-{self.sheets.index(finding) + 1}"

    @cached_property
    def minor(self) -> Sequence[FindingCard]:
        """Findings that are folded away: cues, data notes, untested."""
        return [finding for finding in self.result.findings if finding.grade not in SHEET_GRADES]

    @property
    def drawn_minor(self) -> Sequence[FindingCard]:
        """Findings without a sheet that are drawn: all, or where room is short none."""
        return () if self.brief else self.minor

    @cached_property
    def unasked(self) -> int:
        """Number of candidates, regions and statistics, that a short document leaves out."""
        asked = {cue.id for cue in self.cues} if self.has("cues") else set()
        factors = self.result.factors.factors if self.result.factors else ()
        noted = [card.id for card in factors if card.grade in ("C", "D")]
        return sum(name not in asked for name in [*(each.id for each in self.minor), *noted])

    @cached_property
    def flagged(self) -> Mapping[str, Severity]:
        """Classes with a likely shortcut, region or statistic, and the gravest severity of each."""
        found = [(each.class_name, each.severity) for each in self.sheets]
        found += [(each.class_name, self.severity(each)) for each in self.whole_pictures]
        order = get_args(Severity)
        return {
            name: min((each for who, each in found if who == name), key=order.index)
            for name, _severity in found
        }

    @cached_property
    def cues(self) -> Sequence[Cue]:
        """What a person is asked about now: a row of pictures each."""
        return cues(self.result, self.context.review)

    @cached_property
    def open_cues(self) -> Sequence[Cue]:
        """Cues of those that are asked about now that nobody has answered yet."""
        return [cue for cue in self.cues if not cue.settled]

    @cached_property
    def cues_waiting(self) -> int:
        """Number of cues that are asked about once those before them have an answer."""
        return len(self.result.cues) - len(self.cues)

    def mistake(self, label: str, prediction: str) -> str:
        """Return the anchor of the pictures of ``label`` taken for ``prediction``, or nothing."""
        if self.result.errors is None or not self.has("errors"):
            return ""
        shown = self.result.errors.pairs[: self.limits.mistakes]
        pairs = [(pair.label, pair.prediction) for pair in shown]
        known = (label, prediction) in pairs
        return f"mistake-{pairs.index((label, prediction)) + 1}" if known else ""

    def entry(self, finding: FindingCard) -> str:
        """Return the anchor of a finding without a sheet, or nothing when it has none here."""
        if self.has("findings") and finding in self.drawn_minor:
            return f"minor-{self.drawn_minor.index(finding) + 1}"
        asked = {cue.id: cue.anchor for cue in self.cues} if self.has("cues") else {}
        return asked.get(finding.id, "")

    def leading_test(self, finding: FindingCard) -> Evidence | None:
        """Return the plainest test that speaks for a cue; tests come in that order."""
        results = finding.evidence.values() if finding.grade == "C" else ()
        return next((test for test in results if test.outcome == "supports"), None)

    @cached_property
    def shown_classes(self) -> Sequence[ClassReport]:
        """Audited classes with a page of their own: where not all have one, flagged and worst."""
        return chosen_classes(self.result, self.limits.classes)

    @cached_property
    def worst_first(self) -> Sequence[tuple[ClassReport, Interval]]:
        """Classes with a page of their own, and how often they are right; worst first."""
        right = {each.name: each.accuracy for each in self.result.performance.classes}
        known = [(each, right[each.name]) for each in self.shown_classes if each.name in right]
        return sorted(known, key=lambda pair: pair[1].value)

    @cached_property
    def ranked(self) -> Sequence[ClassPerformance]:
        """Classes by accuracy, worst first."""
        return chosen_performance(self.result, self.limits.ranked)

    @cached_property
    def composed(self) -> Sequence[CompositionCard]:
        """Composition graphs of classes: worst first where not all are shown."""
        return chosen_compositions(self.result, self.limits.graphs)

    @cached_property
    def cards(self) -> Sequence[Concept]:
        """Concepts with a card: those of the candidates first when not all can be shown."""
        wanted = [name for finding in self.sheets for name in finding.concepts]
        return chosen_concepts(self.result, wanted, self.limits.cards)

    @cached_property
    def example(self) -> Concept | None:
        """Concept that explains how to read the pictures: a candidate's, else the first."""
        ids = [name for finding in self.sheets for name in finding.concepts]
        known = [self.concepts[name] for name in ids if name in self.concepts]
        return next((c for c in (*known, *self.result.concepts) if c.by_relevance), None)

    @cached_property
    def single_pictures(self) -> Sequence[LocalCard]:
        """Pictures looked at closely: all, or where room is short one or so of each class."""
        return chosen_pictures(self.result, self.limits.pictures)

    def anchor(self, concept: str) -> str:
        """Return the anchor of a concept's card, or nothing when it has none."""
        number = self._numbers.get(concept)
        return "" if number is None else f"concept-{number}"

    def graph(self, card: CompositionCard) -> Layout:
        """Return where the nodes and edges of a composition graph are drawn."""
        return layered(card)

    def map(self, card: MapCard) -> MapLayout:
        """Return where the pictures of a concept map are drawn."""
        return placed(card)

    def face(self, concept: str) -> Crop | None:
        """Return the face of any concept that is named somewhere, also of one without a card."""
        return super().face(concept) or self._further.get(concept)

    @cached_property
    def units(self) -> Mapping[str, LayerUnits]:
        """Units larger than a concept by layer."""
        return {units.layer: units for units in self.result.units}

    @cached_property
    def _further(self) -> Mapping[str, Crop]:
        """Faces of concepts that lead no class and are named somewhere."""
        faces: dict[str, Crop] = dict(self.result.faces)
        for card in self.result.planes.cards if self.result.planes else ():
            for axis in card.axes:
                if card.kind == "channel" and axis.crops:
                    faces.setdefault(axis.unit, axis.crops[0])
        for item in self.result.strategies.classes if self.result.strategies else ():
            for use in (row for strategy in item.strategies for row in strategy.concepts):
                if use.crop is not None:
                    faces.setdefault(use.concept, use.crop)
        for pair in self.result.errors.pairs if self.result.errors else ():
            for row in (*pair.driving, *pair.missing):
                if row.crops:
                    faces.setdefault(row.concept, row.crops[0])
        return faces

    @cached_property
    def _numbers(self) -> Mapping[str, int]:
        if not self.has("atlas"):
            return {}
        return {concept.id: number for number, concept in enumerate(self.cards, start=1)}
