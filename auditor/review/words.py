"""The fixed sentences of comparisons, decisions and histories, with named gaps for what varies."""

from __future__ import annotations

# Like for like
SAME_SETTINGS = (
    "Like for like: the same pictures, classes and settings, so what changed is the model."
)
SAME_MODEL_TOO = (
    "The model, the pictures and the settings are the same: nothing should have changed."
)
NOT_ALIKE = (
    "Not like for like: besides the model other things changed, so a change below may come from "
    "them. {count} {things}."
)
MODEL = "Model: other parameters ({earlier} before, {now} now)."
MODEL_VERSION = "Model version: '{earlier}' before, '{now}' now."
MODEL_SOURCE = "Model source: '{earlier}' before, '{now}' now."
PREPROCESSING = "Preprocessing: {earlier} before; now {now}."
PROJECT = "Project: '{earlier}' before, '{now}' now. Are these audits of the same thing?"
DATA = "Pictures: other content ({shared} of {earlier} before and {now} now have the same name)."
CLASSES_ADDED = "Classes audited now and not before: {names}."
CLASSES_DROPPED = "Classes audited before and not now: {names}."
LAYERS = "Audited layers: {earlier} before, {now} now."
SETTING = "Setting {key}: {earlier} before, {now} now."
PROGRAM = "Program: version {earlier} before, {now} now."
TURNED = (
    "The audit compared with ({earlier}) is the later one ({now}): what is called new here may be "
    "what was mended. Give the earlier run first."
)
DEVICE = "Device: {earlier} before, {now} now; last digits may differ."
LIMIT = (
    "The search found effects from {now} now and from {earlier} before: weaker ones may be missed."
)
NO_SEARCH = "The search for shortcuts did not run {when}: {reason}"

# Metrics
ACCURACY = "Right answers"
CLASS_ACCURACY = "Right answers, {name}"
WORST_CLASS = "Right answers, worst class"
CALIBRATION = "Calibration error"
PAIRED = "paired on {n} pictures that both audits used (Newcombe 1998, method 10)"
PAIRED_BY_NAME = (
    "paired on {n} pictures of the same name (Newcombe 1998, method 10); their content may differ"
)
UNPAIRED = "two independent samples (Newcombe 1998)"
FROM_INTERVALS = "from both intervals, as of independent samples (square and add)"
WORST_RULE = (
    "from both intervals, as of independent samples; the worst of many is chosen each time, so "
    "chance alone moves it"
)
NO_INTERVAL = "not compared"
METRIC_BETTER = "{title}: better, {earlier} before and {now} now."
METRIC_WORSE = "{title}: worse, {earlier} before and {now} now."
METRIC_SAME = "{title}: no clear change, {earlier} before and {now} now."
METRIC_NEW = "{title}: {now} now, not measured before."
NOT_MEASURED = "{title}: measured neither before nor now."
METRIC_LOST = "{title}: not measured now, {earlier} before."
EFFECT = "Other pictures that it turns into the class"

# Findings
NEW = "New: {title}. The earlier audit tested this class and did not find it. Look at its sheet."
NEW_UNTESTED = (
    "New: {title}. The earlier audit could not have found it ({reason}), so it may be older than "
    "that. Look at its sheet."
)
NEW_KNOWN = (
    "New: {title}. The region was in the earlier audit without being a likely shortcut (grade "
    "{earlier}); now it is one (grade {now}). Look at its sheet."
)
PERSISTING = "Still there: {title}. What was planned against it has not worked, or is not done yet."
PERSISTING_UNTESTED = (
    "Still there: {title}. It was last seen in {seen}; the audit compared with could not test it "
    "({reason})."
)
WORSE = "Worse: {title}. {why}"
BETTER = "Better: {title}. {why} It is not gone: keep it on the list."
WHY_SEVERITY = "Severity was {earlier} and is {now}."
WHY_EFFECT = "It turned {earlier} of other pictures into the class and now turns {now}."
GONE = (
    "Gone: {title}. It was looked for on this class and not found again. Confirm it by looking at "
    "the earlier pictures, then close it."
)
GONE_UNUSED = (
    "Gone: {title}. The region is still in the pictures, and the model no longer uses it (grade D)."
)
GONE_OBJECT = (
    "Gone as a likely shortcut: {title}. It still steers the decision, but by the audit's measures "
    "it now looks like part of the class (grade C). Look at {id} before you close it."
)
GONE_OTHER_PICTURES = (
    " The pictures are not the same as before: make sure that some of them still carry it, or it "
    "could not have been found."
)
NOT_TESTED = (
    "Not tested: {title}. This audit cannot say whether it is gone, because {reason}. Treat it as "
    "still there."
)
BACK = (
    "Back: {title}. {seen} had it ({before}), it was gone in between, and it is here again. Find "
    "out what brought it back before the model is used."
)
BECAUSE_OFF = "the search for shortcuts did not run ({reason})"
BECAUSE_CLASS = "the class '{name}' was not audited"
BECAUSE_FEW = "the class '{name}' had too few rightly recognised pictures for the tests"
BECAUSE_UNTESTABLE = "its test could not run (grade U)"
BECAUSE_PROPOSAL = "what proposed it ({kind}) was switched off"
BECAUSE_WEAK = (
    "its effect was {effect} and the search would only have found effects from {limit} on"
)

# Concepts
FOUND_AGAIN = "{earlier} is now {now}: {share} of the relevance of '{name}', {before} before."
CONCEPT_NEW = "{now} leads in '{name}' ({share} of its relevance) and is no concept of before."
CONCEPT_GONE = "{earlier} led in '{name}' ({before} of its relevance) and is not found again."
LAYER_MISSING = "the layer was not audited {when}"
LAYER_UNKNOWN = "what identifies its concepts is not in the {when} result"

# The summary
CHANGES = "Findings since {earlier}: {parts}."
NO_FINDINGS = "Neither {earlier} nor this one has a likely shortcut."

# Decisions
NO_END = "withdrawn"
IN_FORCE = {
    "confirm": "In force: {id} is a shortcut and has to be mended.",
    "reject": "In force: {person} says that {id} is no shortcut; it is waived and stays listed.",
    "accept": "In force until {expires}: the risk of {id} is accepted; waived, it stays listed.",
    "mitigate": "In force until {expires}: {id} is being mended.",
    "name": "In force: {id} is called '{name}'.",
}
EXPIRED = {
    "accept": (
        "Expired on {expires}: the risk of {id} ({title}) is no longer accepted. Decide again, or "
        "mend it ({place})."
    ),
    "mitigate": (
        "Overdue since {expires}: {id} ({title}) was to be mended and is still there ({place})."
    ),
}
EXPIRED_OTHER = "Expired on {expires}: the decision about {id} ({title}). Decide again ({place})."
REPLACED = "Replaced by a later decision about {id}."
SETTLED = "Settled: nothing in this audit looks like {title} any more."
UNMATCHED = (
    "Unmatched: nothing in this audit looks like {title}. If it is mended, take the decision out "
    "of the file ({place})."
)
UNMATCHED_UNTESTED = (
    "Unmatched: {title} could not be found in this audit, because {reason} ({place})."
)
NO_CONCEPT = (
    "Unmatched: no concept of this audit shares the reference samples of {title}, so the name "
    "'{name}' is not used ({place})."
)

# Histories
NOT_FINISHED = "{stages} stages are done; the same command goes on with it"
NOT_THE_FORMAT = "audit.json does not fit its format"
IS_BASELINE = "it is the baseline of {run}"
IS_LINK = "it is a link"
IS_UNREADABLE = "it cannot be read: look at it and delete it by hand"
CAN_GO_ON = "it is not finished and can go on (--unfinished deletes it too)"
IS_RUNNING = "an audit is at work in it"
