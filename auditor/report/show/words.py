"""The fixed texts of the report in one place: glossary, meanings of the scales, disclaimers.

They are marked here and read through `auditor.language.speaking.Texts`, in the language that is
spoken.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from auditor.language.numbers import NO_NUMBER as NO_NUMBER
from auditor.language.speaking import N_, NN_, gettext


@dataclass(frozen=True)
class Term:
    """A word of the report and what it means, for a reader who does not do machine learning.

    ``executive``: the first pages use it; the others are explained where they are used.
    """

    word: str
    meaning: str
    executive: bool = True

    def translated(self) -> Term:
        """Return the term in the language that is spoken."""
        return Term(gettext(self.word), gettext(self.meaning), self.executive)


NOT_STATED = N_("Not stated by the owner")

GLOSSARY: tuple[Term, ...] = (
    Term(
        N_("Relevance"),
        N_(
            "How much a part of the picture, or of the model, added to a decision. Red speaks for "
            "the class, blue against it. Relevance is counted in units of the score that the model"
            " gives to the class; a share is relevance divided by all relevance of the picture."
        ),
    ),
    Term(
        N_("Concept"),
        N_(
            "One channel of one layer of the model: a detector that the model learned by itself. "
            "It is written 'layer · channel' until a person gives it a name. What it detects is "
            "seen in its reference samples."
        ),
    ),
    Term(
        N_("Reference sample"),
        N_(
            "A picture in which a concept matters most. The crop shows what the concept can see "
            "there; the rest is dimmed."
        ),
    ),
    Term(
        N_("Concept subspace"),
        N_("Several concepts that react to the same content. They are read as one."),
        executive=False,
    ),
    Term(
        N_("Component, strategy"),
        N_(
            "A component is a part of a picture's relevance whose concepts act at the same places."
            " A strategy is a way in which a class is decided: a group of its pictures that rest "
            "on the same concepts."
        ),
        executive=False,
    ),
    Term(
        N_("Composition"),
        N_(
            "What a concept is made of: the concepts of an earlier layer that its relevance comes "
            "from, each with its part."
        ),
        executive=False,
    ),
    Term(
        N_("Concept atlas"),
        N_("A picture in which every area has the colour of the concept that dominates there."),
        executive=False,
    ),
    Term(
        N_("Candidate"),
        N_(
            "A suspected shortcut: something that the model relies on for a class and that does "
            "not look like the thing the class names, such as a stamp on the pictures of one class"
            " (also called 'clever Hans', after the horse that watched its master instead of "
            "counting). It is a candidate until a person has decided."
        ),
    ),
    Term(
        N_("Control"),
        N_(
            "The same done with something else, such as another part of the picture. An effect is "
            "what the region does beyond its controls, so what any change of a picture does is not"
            " counted."
        ),
    ),
    Term(
        N_("Interval and n"),
        N_(
            "Every measured value has a 95 %% interval, the range of values that fit these "
            "pictures (made so that in 95 of 100 such audits it holds the value that all pictures "
            "of this kind would give), and n, the number of pictures it rests on. p is how probable"
            " a difference of this size is by chance alone. q is the share of false alarms to "
            "expect among all results at least this clear: below 0.01 a result is hardly chance."
        ),
    ),
)

SEVERITY: Mapping[str, str] = {
    "critical": N_("A large part of the decisions for the class may rest on it."),
    "high": N_("Decisions for the class are changed by it; act before the model is relied on."),
    "medium": N_("A noticeable part of the decisions is touched; plan a fix."),
    "low": N_("Little is touched; keep an eye on it."),
    "none": N_("No action follows from it."),
}

CONFIDENCE: Mapping[str, str] = {
    "high": N_("Several tests agree."),
    "moderate": N_("One clear test, or tests that agree weakly."),
    "low": N_("Little evidence; more pictures are needed."),
}

GRADE: Mapping[str, str] = {
    "A": N_("The model can be steered by it, and it does not look like part of the class."),
    "B": N_("Likely a shortcut: a person has to review it."),
    "C": N_("The model uses it, and it looks like part of the class itself: expected."),
    "D": N_("It is in the pictures, and no use of it was shown: a note about the data."),
    "U": N_("It could not be tested."),
}

GRADE_GROUP: Mapping[str, str] = {
    "A": N_("candidate"),
    "B": N_("candidate"),
    "C": N_("expected evidence"),
    "D": N_("data note"),
    "U": N_("untested"),
}

# What each test of a finding asks, where there is no room to explain the test.
QUESTION: Mapping[str, str] = {
    "T1 flip excess": N_(
        "Put into other pictures: how many does the model now take for the class?"
    ),
    "T1 nearest class": N_("Put into pictures of the class most like it: how many does it turn?"),
    "T1 evidence share": N_("How much of the model's evidence for the class moves along with it?"),
    "T2 removal": N_("Covered up: how many pictures are no longer recognised?"),
    "T2 evidence lost": N_("Covered up: how much of the evidence for the class is gone?"),
    "T3 latent": N_("Ignored inside the model: how many pictures are no longer recognised?"),
}

OUTCOME: Mapping[str, str] = {
    "supports": N_("supports"),
    "refutes": N_("speaks against"),
    "inconclusive": N_("inconclusive"),
    "not applicable": N_("not applicable"),
    "error": N_("failed"),
}

VERDICT: Mapping[str, str] = {
    "PASS": N_("Nothing that was tested stands against relying on the model within its scope."),
    "PASS WITH CONDITIONS": N_("Something has to be reviewed before the model is relied on."),
    "FAIL": N_("The model should not be relied on before it is reviewed."),
    "INCOMPLETE": N_("Part of the audit is missing, so it cannot pass."),
}

NEXT: Mapping[str, str] = {
    "PASS": N_(
        "Use the model within its scope, and audit it again when the model or its data change."
    ),
    "PASS WITH CONDITIONS": N_(
        "Have a person who knows the subject decide on every candidate below; "
        "its sheet has a box for the decision. Rely on the model when all are decided."
    ),
    "FAIL": N_(
        "Do not rely on the model. Mend what it fails by (targets and rules that are not met, the "
        "findings below), and audit it again."
    ),
    "INCOMPLETE": N_(
        "Supply what is missing and audit the model again. Until then this report is "
        "silent about the missing part: it is neither good nor bad news."
    ),
}

REVIEW_CHOICES: tuple[str, ...] = (
    N_("Shortcut: to be fixed"),
    N_("Shortcut: accepted, because"),
    N_("Evidence of the class: expected"),
    N_("Undecided: more evidence needed"),
)

NO_COMPARISON = N_(
    "No earlier audit was given to compare with, so this report says how the model is, not what "
    "changed."
)

DISCLAIMER = N_(
    "This report shows evidence about what the model's decisions rest on, in the pictures that "
    "were audited. A candidate is not a verdict: a person decides."
)

# What the enlarged view can show of one thing.
VIEWS: Mapping[str, str] = {
    "input": N_("input"),
    "overlay": N_("overlay"),
    "heatmap": N_("heatmap"),
    "crop": N_("crop"),
    "areas": N_("areas"),
    "region": N_("region"),
}

# Words that the result holds as keys and the report shows in the language that is spoken.
KEYS = (
    *(N_("critical"), N_("high"), N_("medium"), N_("moderate"), N_("low"), N_("none")),
    *(N_("PASS"), N_("PASS WITH CONDITIONS"), N_("FAIL"), N_("INCOMPLETE")),
    *(N_("new"), N_("back"), N_("worse"), N_("better"), N_("persisting"), N_("gone")),
    *(N_("no clear change"), N_("not compared"), N_("waived"), N_("condition"), N_("not asked")),
    *(N_("found again"), N_("met"), N_("not met"), N_("not measured"), N_("unchanged")),
    *(N_("trusted"), N_("partly trusted"), N_("not trusted"), N_("not tested")),
    *(N_("made by camera or processing"), N_("of images"), N_("of the evidence")),
    N_("the same place of another class's image"),
    N_("an image of the class without the region"),
    N_("another window of the same image"),
    *(N_("filled smoothly"), N_("filled from another class's image"), N_("other classes")),
    N_("a random direction of the same variance"),
    N_("the opposite change of the same picture"),
    *(N_("brightness"), N_("contrast"), N_("saturation"), N_("sharpness"), N_("noise")),
    *(N_("red-green tint"), N_("blue-yellow tint"), N_("JPEG blockiness"), N_("uniform border")),
    *(N_("flat areas"), N_("portrait format"), N_("aspect ratio"), N_("file size in pixels")),
    *(N_("red-green tint of the margin"), N_("blue-yellow tint of the margin"), N_("highlights")),
    *(N_("of the picture"), N_("of 255"), N_("levels a step"), N_("width / height")),
    *(N_("megapixels"), N_("enough without any object")),
    *(N_("without it"), N_("concepts zeroed"), N_("direction projected out")),
)

# Nouns that are counted, by their singular and plural.
NOUNS = (
    NN_("%(num)s class", "%(num)s classes"),
    NN_("%(num)s component", "%(num)s components"),
    NN_("%(num)s concept", "%(num)s concepts"),
    NN_("%(num)s experiment", "%(num)s experiments"),
    NN_("%(num)s leading concept", "%(num)s leading concepts"),
    NN_("%(num)s mistake", "%(num)s mistakes"),
    NN_("%(num)s narrow decision", "%(num)s narrow decisions"),
    NN_("%(num)s picture", "%(num)s pictures"),
    NN_("%(num)s project", "%(num)s projects"),
    NN_("%(num)s region", "%(num)s regions"),
    NN_("%(num)s run", "%(num)s runs"),
    NN_("%(num)s test", "%(num)s tests"),
)
