"""The fixed texts of the report in one place: glossary, meanings of the scales, disclaimers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Term:
    """A word of the report and what it means, for a reader who does not do machine learning.

    ``executive``: the first pages use it; the others are explained where they are used.
    """

    word: str
    meaning: str
    executive: bool = True


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
        executive=False,
    ),
    Term(
        "Component, strategy",
        "A component is a part of a picture's relevance whose concepts act at the same places. A "
        "strategy is a way in which a class is decided: a group of its pictures that rest on the "
        "same concepts.",
        executive=False,
    ),
    Term(
        "Composition",
        "What a concept is made of: the concepts of an earlier layer that its relevance comes "
        "from, each with its part.",
        executive=False,
    ),
    Term(
        "Concept atlas",
        "A picture in which every area has the colour of the concept that dominates there.",
        executive=False,
    ),
    Term(
        "Candidate",
        "A suspected shortcut: something that the model relies on for a class and that does not "
        "look like the thing the class names, such as a stamp on the pictures of one class (also "
        "called 'clever Hans', after the horse that watched its master instead of counting). It "
        "is a candidate until a person has decided.",
    ),
    Term(
        "Interval and n",
        "Every measured value has a 95 % interval, the range in which it would usually fall if the "
        "audit were repeated with other pictures, and n, the number of pictures it rests on. q is "
        "the share of false alarms to expect among all results at least this clear: below 0.01 a "
        "result is hardly chance.",
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
    "A": "The model can be steered by it, and it does not look like part of the class.",
    "B": "Likely a shortcut: a person has to review it.",
    "C": "The model uses it, and it looks like part of the class itself: expected.",
    "D": "It is in the pictures, but the model hardly uses it: a note about the data.",
    "U": "It could not be tested.",
}

GRADE_GROUP: Mapping[str, str] = {
    "A": "candidate",
    "B": "candidate",
    "C": "expected evidence",
    "D": "data note",
    "U": "untested",
}

# What each test of a finding asks, where there is no room to explain the test.
QUESTION: Mapping[str, str] = {
    "T1 flip excess": "Put into other pictures: how many does the model now take for the class?",
    "T1 nearest class": "Put into pictures of the class most like it: how many does it turn?",
    "T1 evidence share": "How much of the model's evidence for the class moves along with it?",
    "T2 removal": "Covered up: how many pictures are no longer recognised?",
    "T3 latent": "Ignored inside the model: how many pictures are no longer recognised?",
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

NEXT: Mapping[str, str] = {
    "PASS": "Use the model within its scope, and audit it again when the model or its data change.",
    "PASS WITH CONDITIONS": "Have a person who knows the subject decide on every candidate below; "
    "its sheet has a box for the decision. Rely on the model when all are decided.",
    "FAIL": "Do not rely on the model. Fix what the findings below name, and audit it again.",
    "INCOMPLETE": "Supply what is missing and audit the model again. Until then this report is "
    "silent about the missing part: it is neither good nor bad news.",
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
