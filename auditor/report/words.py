"""The fixed texts of the report in one place: glossary, meanings of the scales, disclaimers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Term:
    """A word of the report and what it means, for a reader who does not do machine learning."""

    word: str
    meaning: str


NOT_STATED = "Not stated by the owner"
NO_NUMBER = "–"

GLOSSARY: tuple[Term, ...] = (
    Term(
        "Relevance",
        "How much a part of the picture, or of the model, added to a decision. Red speaks for the "
        "class, blue against it. Relevance is counted in units of the score that the model gives "
        "to the class; a share is relevance divided by all relevance of the picture.",
    ),
    Term(
        "Concept",
        "One channel of one layer of the model: a detector that the model learned by itself. It is "
        "written 'layer · channel' until a person gives it a name. What it detects is seen in its "
        "reference samples.",
    ),
    Term(
        "Reference sample",
        "A picture in which a concept matters most. The crop shows what the concept can see there; "
        "the rest is dimmed.",
    ),
    Term(
        "Concept subspace",
        "Several concepts that react to the same content. They are read as one.",
    ),
    Term(
        "Component, strategy",
        "A component is a part of a picture's relevance whose concepts act at the same places. A "
        "strategy is a way in which a class is decided: a group of its pictures that rest on the "
        "same concepts.",
    ),
    Term(
        "Composition",
        "What a concept is made of: the concepts of an earlier layer that its relevance comes "
        "from, each with its part.",
    ),
    Term(
        "Concept atlas",
        "A picture in which every area has the colour of the concept that dominates there.",
    ),
    Term(
        "Candidate",
        "Something the model relies on for a class that does not look like the thing the class "
        "names (a 'clever Hans' candidate). It is called a candidate because a person decides.",
    ),
    Term(
        "Interval and n",
        "Every measured value has a 95 % interval, the range in which it would usually fall if the "
        "audit were repeated with other pictures, and n, the number of pictures it rests on. The q "
        "value is the expected share of false alarms among all results at least this clear.",
    ),
)

SEVERITY: Mapping[str, str] = {
    "critical": "A large part of the decisions for the class may rest on it.",
    "high": "Decisions for the class are changed by it; act before the model is relied on.",
    "medium": "A noticeable part of the decisions is touched; plan a fix.",
    "low": "Little is touched; keep an eye on it.",
    "none": "No action follows from it.",
}

CONFIDENCE: Mapping[str, str] = {
    "high": "Several tests agree.",
    "moderate": "One clear test, or tests that agree weakly.",
    "low": "Little evidence; more pictures are needed.",
}

GRADE: Mapping[str, str] = {
    "A": "The model can be steered by it, and it looks like an artefact.",
    "B": "Likely a shortcut: review.",
    "C": "Compact evidence of the class itself; expected unless you say otherwise.",
    "D": "Present in the pictures but hardly used: a note about the data.",
    "U": "Could not be tested.",
}

GRADE_GROUP: Mapping[str, str] = {
    "A": "candidate",
    "B": "candidate",
    "C": "expected evidence",
    "D": "data note",
    "U": "untested",
}

OUTCOME: Mapping[str, str] = {
    "supports": "supports",
    "refutes": "speaks against",
    "inconclusive": "inconclusive",
    "not applicable": "not applicable",
    "error": "failed",
}

VERDICT: Mapping[str, str] = {
    "PASS": "Nothing that was tested stands against relying on the model within its scope.",
    "PASS WITH CONDITIONS": "Something has to be reviewed before the model is relied on.",
    "FAIL": "The model should not be relied on before it is reviewed.",
    "INCOMPLETE": "Part of the audit is missing, so it cannot pass.",
}

REVIEW_CHOICES: tuple[str, ...] = (
    "Shortcut: to be fixed",
    "Shortcut: accepted, because",
    "Evidence of the class: expected",
    "Undecided: more evidence needed",
)

NO_COMPARISON = (
    "No earlier audit was given to compare with, so this report says how the model is, not what "
    "changed."
)

DISCLAIMER = (
    "This report shows evidence about what the model's decisions rest on, in the pictures that "
    "were audited. A candidate is not a verdict: a person decides."
)
