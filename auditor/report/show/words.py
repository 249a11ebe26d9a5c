"""The fixed texts of the report in one place: glossary, meanings of the scales, disclaimers.

They are texts, which `auditor.language.speaking.constants` gives to the templates in the language
that is spoken.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from auditor.language.numbers import NO_NUMBER as NO_NUMBER
from auditor.language.speaking import NN_
from auditor.language.speaking import gettext as _
from auditor.report.document.codes import WORDS as WORDS
from auditor.report.document.codes import Code


@dataclass(frozen=True)
class Term:
    """A word of the report and what it means, for a reader who does not do machine learning.

    ``executive``: the first pages use it; the others are explained where they are used.
    """

    word: str
    meaning: str
    executive: bool = True


NOT_STATED = _("Not stated by the owner")

GLOSSARY: tuple[Term, ...] = (
    Term(
        _("Relevance"),
        _(
            "How much a part of the picture, or of the model, added to a decision. Red speaks for "
            "the class, blue against it. Relevance is counted in units of the score that the model"
            " gives to the class; a share is relevance divided by all relevance of the picture."
        ),
    ),
    Term(
        _("Concept"),
        _(
            "One channel of one layer of the model: a detector that the model learned by itself. "
            "Until a person names it, it is called by what was measured in its reference samples: "
            "colour, surface or form, place, and the class that most of them are of. The number "
            "behind such a working name is layer and channel."
        ),
    ),
    Term(
        _("Reference sample"),
        _(
            "A picture in which a concept matters most. The crop shows what the concept can see "
            "there; the rest is dimmed."
        ),
    ),
    Term(
        _("Concept subspace"),
        _("Several concepts that react to the same content. They are read as one."),
        executive=False,
    ),
    Term(
        _("Component, strategy"),
        _(
            "A component is a part of a picture's relevance whose concepts act at the same places."
            " A strategy is a way in which a class is decided: a group of its pictures that rest "
            "on the same concepts."
        ),
        executive=False,
    ),
    Term(
        _("Composition"),
        _(
            "What a concept is made of: the concepts of an earlier layer that its relevance comes "
            "from, each with its part."
        ),
        executive=False,
    ),
    Term(
        _("Concept atlas"),
        _("A picture in which every area has the colour of the concept that dominates there."),
        executive=False,
    ),
    Term(
        _("Candidate"),
        _(
            "A suspected shortcut: something that the model relies on for a class and that does "
            "not look like the thing the class names, such as a stamp on the pictures of one class"
            " (also called 'clever Hans', after the horse that watched its master instead of "
            "counting). It is a candidate until a person has decided."
        ),
    ),
    Term(
        _("Control"),
        _(
            "The same done with something else, such as another part of the picture. An effect is "
            "what the region does beyond its controls, so what any change of a picture does is not"
            " counted."
        ),
    ),
    Term(
        _("Interval and n"),
        _(
            "Every measured value has a 95 %% interval, the range of values that fit these "
            "pictures (made so that in 95 of 100 such audits it holds the value that all pictures "
            "of this kind would give), and n, the number of pictures it rests on. p is how probable"
            " a difference of this size is by chance alone. q is the share of false alarms to "
            "expect among all results at least this clear: below 0.01 a result is hardly chance."
        ),
    ),
)

SEVERITY: Mapping[str, str] = {
    "critical": _("A large part of the decisions for the class may depend on it."),
    "high": _("Decisions for the class are changed by it; act before the model is relied on."),
    "medium": _("A noticeable part of the decisions is touched; plan a fix."),
    "low": _("Little is touched; keep an eye on it."),
    "none": _("No action follows from it."),
}

CONFIDENCE: Mapping[str, str] = {
    "high": _("Several tests agree."),
    "moderate": _("One clear test, or tests that agree weakly."),
    "low": _("Little evidence; more pictures are needed."),
}

GRADE: Mapping[str, str] = {
    "A": _("The model can be steered by it, and it does not look like part of the class."),
    "B": _("Likely a shortcut: a person has to review it."),
    "C": _("The model can be steered by it; whether it is part of the class a person has to say."),
    "D": _("It is in the pictures, and no use of it was shown: a note about the data."),
    "U": _("It could not be tested."),
}

GRADE_GROUP: Mapping[str, str] = {
    "A": _("candidate"),
    "B": _("candidate"),
    "C": _("cue"),
    "D": _("data note"),
    "U": _("untested"),
}

OUTCOME: Mapping[str, str] = {
    "supports": _("supports"),
    "refutes": _("speaks against"),
    "inconclusive": _("inconclusive"),
    "not applicable": _("not applicable"),
    "error": _("failed"),
}

# What a verdict means, in a few words for the cover; its own sentence says what to do.
VERDICT: Mapping[Code, str] = {
    "do_not_use": _(
        "Something has to be fixed, or its risk accepted by a named person, before the model is "
        "used."
    ),
    "needs_decision": _("Something that looks like a shortcut waits for a person's decision."),
    "incomplete": _("Part of the audit is missing, so it cannot pass."),
    "needs_look": _("What steers the model has not been confirmed as part of its classes."),
    "conditions": _("Everything that was found is decided; conditions remain."),
    "pass": _("Nothing that was tested stands against relying on the model within its scope."),
}

NEXT: Mapping[Code, str] = {
    "do_not_use": _(
        "Fix what led to this verdict (missed targets, broken rules, the findings "
        "below), and audit the model again."
    ),
    "needs_decision": _("Each finding's sheet has a box for the decision."),
    "incomplete": _(
        "Until what is missing is there, this report is silent about it: that is neither good nor "
        "bad news."
    ),
    "needs_look": _(
        "Whoever knows the subject looks at the pictures and answers with yes, no or not sure: "
        "auditor review RUN --cues. What is no part of the class becomes a finding."
    ),
    "conditions": _("Read the conditions, and audit again before the first of them ends."),
    "pass": _(
        "Use the model within its scope, and audit it again when the model or its data change."
    ),
}

# What a person can decide about a finding, by what the decisions file calls it.
REVIEW_CHOICES: Mapping[str, str] = {
    "mitigate": _("Fix it"),
    "accept": _("Accept the risk until a day"),
    "reject": _("Not a shortcut: part of the class"),
    "unsure": _("Not sure: look further"),
}

NO_COMPARISON = _(
    "No earlier audit was given to compare with, so this report says how the model is, not what "
    "changed."
)

DISCLAIMER = _(
    "This report shows what the model's decisions are based on, as far as the "
    "audited pictures tell. A candidate is not a verdict: a person decides."
)

# What the enlarged view can show of one thing.
VIEWS: Mapping[str, str] = {
    "input": _("input"),
    "overlay": _("overlay"),
    "heatmap": _("heatmap"),
    "crop": _("crop"),
    "areas": _("areas"),
    "region": _("region"),
}

# Words that the result holds as keys and the report shows in the language that is spoken.
KEYS = (
    *(_("not finished"), _("unreadable")),
    *(_("critical"), _("high"), _("medium"), _("moderate"), _("low"), _("none")),
    *(_("new"), _("back"), _("worse"), _("better"), _("persisting"), _("gone")),
    *(_("no clear change"), _("not compared"), _("waived"), _("condition"), _("not asked")),
    *(_("found again"), _("met"), _("not met"), _("open"), _("not measured"), _("unchanged")),
    *(_("trusted"), _("partly trusted"), _("not trusted"), _("not tested")),
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
