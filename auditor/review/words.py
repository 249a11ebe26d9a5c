"""The fixed sentences of comparisons, decisions and histories, with named gaps for what varies."""

from __future__ import annotations

from auditor.language.speaking import N_
from auditor.language.speaking import gettext as _

# Like for like
SAME_SETTINGS = _(
    "Like for like: the same pictures, classes and settings, so what changed is the model."
)
SAME_MODEL_TOO = _(
    "The model, the pictures and the settings are the same: nothing should have changed."
)
NOT_ALIKE = _(
    "Not like for like: besides the model other things changed, so a change below may come from "
    "them. Each is listed."
)
NOT_SET = _("not set")
AND_MORE = N_("%(names)s and %(count)s more")
MODEL = N_("Model: other parameters or other code (%(earlier)s before, %(now)s now).")
MODEL_VERSION = N_("Model version: '%(earlier)s' before, '%(now)s' now.")
MODEL_SOURCE = N_("Model source: '%(earlier)s' before, '%(now)s' now.")
PREPROCESSING = N_("Preprocessing: %(earlier)s before; now %(now)s.")
PROJECT = N_("Project: '%(earlier)s' before, '%(now)s' now. Are these audits of the same thing?")
DATA = N_(
    "Pictures: other content (%(shared)s of %(earlier)s before and %(now)s now have the same name)."
)
CLASSES_ADDED = N_("Classes audited now and not before: %(names)s.")
CLASSES_DROPPED = N_("Classes audited before and not now: %(names)s.")
LAYERS = N_("Audited layers: %(earlier)s before, %(now)s now.")
SETTING = N_("Setting %(key)s: %(earlier)s before, %(now)s now.")
PROGRAM = N_("Program: version %(earlier)s before, %(now)s now.")
TURNED = N_(
    "The audit compared with (%(earlier)s) is the later one (%(now)s), so what is "
    "called new here may have been fixed since. Give the earlier run first."
)
DEVICE = N_("Device: %(earlier)s before, %(now)s now; last digits may differ.")
LIMIT = N_(
    "The search found effects from %(now)s now and from %(earlier)s before: weaker ones may be "
    "missed."
)
NO_SEARCH_BEFORE = N_("The search for shortcuts did not run before: %(reason)s")
NO_SEARCH_NOW = N_("The search for shortcuts did not run now: %(reason)s")

# Metrics
ACCURACY = _("Right answers")
CLASS_ACCURACY = N_("Right answers, %(name)s")
WORST_CLASS = _("Right answers, worst class")
CALIBRATION = _("Calibration error")
PAIRED = N_("paired on %(n)s pictures that both audits used (Newcombe 1998, method 10)")
PAIRED_BY_NAME = N_(
    "paired on %(n)s pictures of the same name (Newcombe 1998, method 10); their content may differ"
)
UNPAIRED = _("two independent samples (Newcombe 1998)")
FROM_INTERVALS = _("from both intervals, as of independent samples (square and add)")
WORST_RULE = _(
    "from both intervals, as of independent samples; the worst of many is chosen each time, so "
    "chance alone moves it"
)
METRIC_BETTER = N_("%(title)s: better, %(earlier)s before and %(now)s now.")
METRIC_WORSE = N_("%(title)s: worse, %(earlier)s before and %(now)s now.")
METRIC_SAME = N_("%(title)s: no clear change, %(earlier)s before and %(now)s now.")
METRIC_NEW = N_("%(title)s: %(now)s now, not measured before.")
NOT_MEASURED = N_("%(title)s: measured neither before nor now.")
METRIC_LOST = N_("%(title)s: not measured now, %(earlier)s before.")
NO_INTERVAL = N_(
    "%(title)s: %(earlier)s before, %(now)s now. Without intervals the change cannot be judged."
)
CONSERVATION = _("Score that relevance accounts for")
CONSERVATION_RULE = _("from the intervals of both medians, as of independent samples")
RANKING = N_("Ranking of concepts at %(layer)s, better than chance by")
RANKING_RULE = _(
    "what the relevance order has over a random one as a share of its own area (concepts switched "
    "off, to zero); from both intervals, as of independent samples"
)
EFFECT = _("Other pictures that it turns into the class")

# Findings
NEW = N_(
    "New: %(title)s. The earlier audit tested this class and did not find it. Look at its sheet."
)
NEW_UNTESTED = N_(
    "New: %(title)s. The earlier audit could not have found it (%(reason)s), so it may be older "
    "than that. Look at its sheet."
)
NEW_KNOWN = N_(
    "New: %(title)s. The region was in the earlier audit without being a likely shortcut (grade "
    "%(earlier)s); now it is one (grade %(now)s). Look at its sheet."
)
PERSISTING = N_(
    "Still there: %(title)s. What was planned against it has not worked, or is not done yet."
)
PERSISTING_UNTESTED = N_(
    "Still there: %(title)s. It was last seen in %(seen)s; the audit compared with could not test "
    "it (%(reason)s)."
)
WORSE = N_("Worse: %(title)s. %(why)s")
BETTER = N_("Better: %(title)s. %(why)s It is not gone: keep it on the list.")
WHY_SEVERITY = N_("Severity was %(earlier)s and is %(now)s.")
WHY_EFFECT = N_("It turned %(earlier)s of other pictures into the class and now turns %(now)s.")
GONE = N_(
    "Gone: %(title)s. It was looked for on this class and not found again. Confirm it by looking "
    "at the earlier pictures, then close it."
)
GONE_UNUSED = N_(
    "Gone: %(title)s. The region is still in the pictures, and the model no longer uses it (grade "
    "D)."
)
STILL_A_CUE = N_(
    "Still there: %(title)s. It still steers the decision; %(id)s is a cue now (grade C), and a "
    "person has to say whether it is part of the class."
)
GONE_OTHER_PICTURES = _(
    "The pictures are not the same as before: make sure that some of them still carry it, or it "
    "could not have been found."
)
NOT_TESTED = N_(
    "Not tested: %(title)s. This audit cannot say whether it is gone, because %(reason)s. Treat it "
    "as still there."
)
BACK = N_(
    "Back: %(title)s. %(seen)s had it (%(before)s), it was gone in between, and it is here again. "
    "Find out what brought it back before the model is used."
)
BECAUSE_OFF = N_("the search for shortcuts did not run (%(reason)s)")
BECAUSE_CLASS = N_("the class '%(name)s' was not audited")
BECAUSE_FEW = N_("the class '%(name)s' had too few rightly recognised pictures for the tests")
BECAUSE_NOT_RULED_OUT = _("its use by the model was neither shown nor ruled out (grade D)")
BECAUSE_UNTESTABLE = _("its test could not run (grade U)")
BECAUSE_PROPOSAL = N_("what proposed it (%(kind)s) was switched off")
BECAUSE_WEAK = N_(
    "its effect was %(effect)s and the search would only have found effects from %(limit)s on"
)

# Concepts
FOUND_AGAIN = N_(
    "%(earlier)s is now %(now)s: %(share)s of the relevance of '%(name)s', %(before)s before."
)
CONCEPT_NEW = N_(
    "%(now)s leads in '%(name)s' (%(share)s of its relevance) and is no concept of before."
)
CONCEPT_GONE = N_(
    "%(earlier)s led in '%(name)s' (%(before)s of its relevance) and is not found again."
)
MISSING_BEFORE = _("the layer was not audited before")
MISSING_NOW = _("the layer is not audited now")
UNKNOWN_BEFORE = _("what identifies its concepts is not in the earlier result")
UNKNOWN_NOW = _("what identifies its concepts is not in the present result")

# The summary
CHANGES = N_("Findings since the audit of %(day)s: %(parts)s.")
NO_FINDINGS = N_("Neither the audit of %(day)s nor this one has a likely shortcut.")

# Decisions
NO_END = _("withdrawn")
IN_FORCE = {
    "confirm": N_("In force: %(id)s is a shortcut and has to be fixed."),
    "reject": N_(
        "In force: %(person)s says that %(id)s is part of the class and no shortcut; it stays "
        "listed."
    ),
    "accept": N_(
        "In force until %(expires)s: the risk of %(id)s is accepted; waived, it stays listed."
    ),
    "mitigate": N_("In force until %(expires)s: %(id)s is being fixed."),
    "unsure": N_("Open: %(person)s was not sure whether %(id)s is part of the class."),
    "name": N_("In force: %(id)s is called '%(name)s'."),
}
EXPIRED = {
    "accept": (
        N_(
            "Expired on %(expires)s: the risk of %(id)s (%(title)s) is no longer "
            "accepted. Decide again, or fix it (%(place)s)."
        )
    ),
    "mitigate": (
        N_(
            "Overdue since %(expires)s: %(id)s (%(title)s) should have been fixed and is "
            "still there (%(place)s)."
        )
    ),
}
EXPIRED_OTHER = N_(
    "Expired on %(expires)s: the decision about %(id)s (%(title)s). Decide again (%(place)s)."
)
REPLACED = N_("Replaced by a later decision about %(id)s.")
SETTLED = N_("Settled: nothing in this audit looks like %(title)s any more.")
UNMATCHED = N_(
    "Unmatched: nothing in this audit looks like %(title)s. If it was fixed, take "
    "the decision out of the file (%(place)s)."
)
FITS_BOTH = N_(
    "Unmatched: %(title)s fits %(ids)s of this audit alike. Decide about each with auditor review, "
    "and take this decision out of the file (%(place)s)."
)
GRAVER = N_(
    "Holds no longer: %(person)s called %(title)s part of the class when it was a cue (grade C), "
    "and now %(id)s is a likely shortcut (grade %(grade)s). Decide again (%(place)s)."
)
UNMATCHED_UNTESTED = N_(
    "Unmatched: %(title)s could not be found in this audit, because %(reason)s (%(place)s)."
)
NO_CONCEPT = N_(
    "Unmatched: no concept of this audit shares the reference samples of %(title)s, so the name "
    "'%(name)s' is not used (%(place)s)."
)

# Histories
NOT_FINISHED = N_("%(stages)s stages are done; the same command goes on with it")
NOT_THE_FORMAT = _("audit.json does not fit its format")
IS_BASELINE = N_("it is the baseline of %(run)s")
IS_LINK = _("it is a link")
IS_UNREADABLE = _("it cannot be read: look at it and delete it by hand")
CAN_GO_ON = _("it is not finished and can go on (--unfinished deletes it too)")
IS_RUNNING = _("an audit is at work in it")
UNKNOWN_PROJECT = _("(project not known)")
LIKELY_SHORTCUTS = _("Likely shortcuts")
TREND = N_("%(title)s: %(first)s in the first of %(count)s audits, %(last)s in the last.")
