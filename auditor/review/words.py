"""The fixed sentences of comparisons, decisions and histories, with named gaps for what varies."""

from __future__ import annotations

from auditor.language.speaking import N_

# Like for like
SAME_SETTINGS = N_(
    "Like for like: the same pictures, classes and settings, so what changed is the model."
)
SAME_MODEL_TOO = N_(
    "The model, the pictures and the settings are the same: nothing should have changed."
)
NOT_ALIKE = N_(
    "Not like for like: besides the model other things changed, so a change below may come from "
    "them. Each is listed."
)
NOT_SET = N_("not set")
AND_MORE = N_("{names} and {count} more")
MODEL = N_("Model: other parameters or other code ({earlier} before, {now} now).")
MODEL_VERSION = N_("Model version: '{earlier}' before, '{now}' now.")
MODEL_SOURCE = N_("Model source: '{earlier}' before, '{now}' now.")
PREPROCESSING = N_("Preprocessing: {earlier} before; now {now}.")
PROJECT = N_("Project: '{earlier}' before, '{now}' now. Are these audits of the same thing?")
DATA = N_(
    "Pictures: other content ({shared} of {earlier} before and {now} now have the same name)."
)
CLASSES_ADDED = N_("Classes audited now and not before: {names}.")
CLASSES_DROPPED = N_("Classes audited before and not now: {names}.")
LAYERS = N_("Audited layers: {earlier} before, {now} now.")
SETTING = N_("Setting {key}: {earlier} before, {now} now.")
PROGRAM = N_("Program: version {earlier} before, {now} now.")
TURNED = N_(
    "The audit compared with ({earlier}) is the later one ({now}): what is called new here may be "
    "what was mended. Give the earlier run first."
)
DEVICE = N_("Device: {earlier} before, {now} now; last digits may differ.")
LIMIT = N_(
    "The search found effects from {now} now and from {earlier} before: weaker ones may be missed."
)
NO_SEARCH_BEFORE = N_("The search for shortcuts did not run before: {reason}")
NO_SEARCH_NOW = N_("The search for shortcuts did not run now: {reason}")

# Metrics
ACCURACY = N_("Right answers")
CLASS_ACCURACY = N_("Right answers, {name}")
WORST_CLASS = N_("Right answers, worst class")
CALIBRATION = N_("Calibration error")
PAIRED = N_("paired on {n} pictures that both audits used (Newcombe 1998, method 10)")
PAIRED_BY_NAME = N_(
    "paired on {n} pictures of the same name (Newcombe 1998, method 10); their content may differ"
)
UNPAIRED = N_("two independent samples (Newcombe 1998)")
FROM_INTERVALS = N_("from both intervals, as of independent samples (square and add)")
WORST_RULE = N_(
    "from both intervals, as of independent samples; the worst of many is chosen each time, so "
    "chance alone moves it"
)
METRIC_BETTER = N_("{title}: better, {earlier} before and {now} now.")
METRIC_WORSE = N_("{title}: worse, {earlier} before and {now} now.")
METRIC_SAME = N_("{title}: no clear change, {earlier} before and {now} now.")
METRIC_NEW = N_("{title}: {now} now, not measured before.")
NOT_MEASURED = N_("{title}: measured neither before nor now.")
METRIC_LOST = N_("{title}: not measured now, {earlier} before.")
NO_INTERVAL = N_("{title}: {earlier} before and {now} now; without intervals nothing is judged.")
CONSERVATION = N_("Score that relevance accounts for")
CONSERVATION_RULE = N_("from the intervals of both medians, as of independent samples")
RANKING = N_("Ranking of concepts at {layer}, better than chance by")
RANKING_RULE = N_(
    "what the relevance order has over a random one as a share of its own area (concepts switched "
    "off, to zero); from both intervals, as of independent samples"
)
EFFECT = N_("Other pictures that it turns into the class")

# Findings
NEW = N_(
    "New: {title}. The earlier audit tested this class and did not find it. Look at its sheet."
)
NEW_UNTESTED = N_(
    "New: {title}. The earlier audit could not have found it ({reason}), so it may be older than "
    "that. Look at its sheet."
)
NEW_KNOWN = N_(
    "New: {title}. The region was in the earlier audit without being a likely shortcut (grade "
    "{earlier}); now it is one (grade {now}). Look at its sheet."
)
PERSISTING = N_(
    "Still there: {title}. What was planned against it has not worked, or is not done yet."
)
PERSISTING_UNTESTED = N_(
    "Still there: {title}. It was last seen in {seen}; the audit compared with could not test it "
    "({reason})."
)
WORSE = N_("Worse: {title}. {why}")
BETTER = N_("Better: {title}. {why} It is not gone: keep it on the list.")
WHY_SEVERITY = N_("Severity was {earlier} and is {now}.")
WHY_EFFECT = N_("It turned {earlier} of other pictures into the class and now turns {now}.")
GONE = N_(
    "Gone: {title}. It was looked for on this class and not found again. Confirm it by looking at "
    "the earlier pictures, then close it."
)
GONE_UNUSED = N_(
    "Gone: {title}. The region is still in the pictures, and the model no longer uses it (grade D)."
)
GONE_OBJECT = N_(
    "Gone as a likely shortcut: {title}. It still steers the decision, but by the audit's measures "
    "it now looks like part of the class (grade C). Look at {id} before you close it."
)
GONE_OTHER_PICTURES = N_(
    " The pictures are not the same as before: make sure that some of them still carry it, or it "
    "could not have been found."
)
NOT_TESTED = N_(
    "Not tested: {title}. This audit cannot say whether it is gone, because {reason}. Treat it as "
    "still there."
)
BACK = N_(
    "Back: {title}. {seen} had it ({before}), it was gone in between, and it is here again. Find "
    "out what brought it back before the model is used."
)
BECAUSE_OFF = N_("the search for shortcuts did not run ({reason})")
BECAUSE_CLASS = N_("the class '{name}' was not audited")
BECAUSE_FEW = N_("the class '{name}' had too few rightly recognised pictures for the tests")
BECAUSE_UNTESTABLE = N_("its test could not run (grade U)")
BECAUSE_PROPOSAL = N_("what proposed it ({kind}) was switched off")
BECAUSE_WEAK = N_(
    "its effect was {effect} and the search would only have found effects from {limit} on"
)

# Concepts
FOUND_AGAIN = N_("{earlier} is now {now}: {share} of the relevance of '{name}', {before} before.")
CONCEPT_NEW = N_("{now} leads in '{name}' ({share} of its relevance) and is no concept of before.")
CONCEPT_GONE = N_("{earlier} led in '{name}' ({before} of its relevance) and is not found again.")
MISSING_BEFORE = N_("the layer was not audited before")
MISSING_NOW = N_("the layer is not audited now")
UNKNOWN_BEFORE = N_("what identifies its concepts is not in the earlier result")
UNKNOWN_NOW = N_("what identifies its concepts is not in the present result")

# The summary
CHANGES = N_("Findings since the audit of {day}: {parts}.")
NO_FINDINGS = N_("Neither the audit of {day} nor this one has a likely shortcut.")

# Decisions
NO_END = N_("withdrawn")
IN_FORCE = {
    "confirm": N_("In force: {id} is a shortcut and has to be mended."),
    "reject": N_(
        "In force: {person} says that {id} is no shortcut; it is waived and stays listed."
    ),
    "accept": N_(
        "In force until {expires}: the risk of {id} is accepted; waived, it stays listed."
    ),
    "mitigate": N_("In force until {expires}: {id} is being mended."),
    "name": N_("In force: {id} is called '{name}'."),
}
EXPIRED = {
    "accept": (
        N_(
            "Expired on {expires}: the risk of {id} ({title}) is no longer accepted. Decide again, "
            "or mend it ({place})."
        )
    ),
    "mitigate": (
        N_("Overdue since {expires}: {id} ({title}) was to be mended and is still there ({place}).")
    ),
}
EXPIRED_OTHER = N_(
    "Expired on {expires}: the decision about {id} ({title}). Decide again ({place})."
)
REPLACED = N_("Replaced by a later decision about {id}.")
SETTLED = N_("Settled: nothing in this audit looks like {title} any more.")
UNMATCHED = N_(
    "Unmatched: nothing in this audit looks like {title}. If it is mended, take the decision out "
    "of the file ({place})."
)
FITS_BOTH = N_(
    "Unmatched: {title} fits {ids} of this audit alike. Decide about each with auditor review, and "
    "take this decision out of the file ({place})."
)
UNMATCHED_UNTESTED = N_(
    "Unmatched: {title} could not be found in this audit, because {reason} ({place})."
)
NO_CONCEPT = N_(
    "Unmatched: no concept of this audit shares the reference samples of {title}, so the name "
    "'{name}' is not used ({place})."
)

# Histories
NOT_FINISHED = N_("{stages} stages are done; the same command goes on with it")
NOT_THE_FORMAT = N_("audit.json does not fit its format")
IS_BASELINE = N_("it is the baseline of {run}")
IS_LINK = N_("it is a link")
IS_UNREADABLE = N_("it cannot be read: look at it and delete it by hand")
CAN_GO_ON = N_("it is not finished and can go on (--unfinished deletes it too)")
IS_RUNNING = N_("an audit is at work in it")
UNKNOWN_PROJECT = N_("(project not known)")
LIKELY_SHORTCUTS = N_("Likely shortcuts")
TREND = N_("{title}: {first} in the first of {count} audits, {last} in the last.")

# What a change, a decision or a run is called in a word.
WORDS = (
    *(N_("back"), N_("new"), N_("worse"), N_("not tested"), N_("persisting"), N_("better")),
    *(N_("gone"), N_("no clear change"), N_("not compared"), N_("not finished"), N_("unreadable")),
)
