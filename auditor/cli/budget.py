"""Keep an audit within a number of minutes: use fewer images, then look less closely.

The rule, which is said to the user and in the report. The time is estimated: passes of the model
are counted for every stage and timed on one batch. Where it is longer than ``audit.max_minutes``,
the images are cut to what fits: a stratified random sample in which no class that has
`LEAST_PER_CLASS` falls below. Where that is not enough, search and pictures take the values of the
preset quick. Where even that is longer, images are cut to the least only if it saves a `WORTH` of
the time. The choice is kept in OUT, so that the same command goes on with it.
"""

from __future__ import annotations

import json
import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from auditor.config.depth import LEAST_PER_CLASS

if TYPE_CHECKING:
    from auditor.base.progress import Progress
    from auditor.cli.check.estimate import Estimate
    from auditor.config.audit import Config
    from auditor.relevance.explainer import Explainer
    from auditor.subject import Subject

WORTH = 0.1  # of the time: less saved does not pay for what fewer images leave out


@dataclass(frozen=True)
class Choice:
    """How many images are used (None: all), whether with quick values; seconds by estimate."""

    limit: int | None
    quick: bool
    seconds: float


def within(config: Config, base: Path, out: Path, progress: Progress) -> Config:
    """Return the config cut to ``audit.max_minutes``; unchanged where it fits or none is given."""
    if config.audit.max_minutes is None:
        return config
    from auditor.pipeline.identity import identity_of
    from auditor.pipeline.opening import audited_layers, make_explainer
    from auditor.run.folder import digest_of
    from auditor.run.storage import write_atomic
    from auditor.subject import load_subject

    subject = load_subject(config, base)
    explainer = make_explainer(config, subject)
    layers = audited_layers(config, explainer)
    # The formats of the report cost time too.
    key = digest_of([identity_of(config, subject, explainer, layers), config.report.formats])
    kept = out / ".budget" / f"{key[:16]}.json"
    choice = _kept(kept, progress)
    if choice is None:
        with progress.stage("estimating the cost"):
            choice = choose(config, subject, explainer)
        document = {"choice": vars(choice), "digest": digest_of(vars(choice))}
        write_atomic(kept, json.dumps(document).encode())
    progress.say(_in_words(choice, config.audit.max_minutes, len(subject.manifest)))
    return applied(config, choice)


def _kept(path: Path, progress: Progress) -> Choice | None:
    """Return the choice made before, None where there is none; a damaged one is said and gone."""
    from auditor.run.folder import digest_of
    from auditor.run.storage import read_plain, remove

    try:
        document = json.loads(read_plain(path))
        if document["digest"] == digest_of(document["choice"]):
            return Choice(**document["choice"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        pass
    progress.say(f"warning: {path} is damaged: the audit's cost is estimated again")
    remove(path)
    return None


def choose(config: Config, subject: Subject, explainer: Explainer) -> Choice:
    """Return the largest audit that the estimate says fits."""
    budget = 60 * (config.audit.max_minutes or 0)
    images = len(subject.manifest)
    least = _least(subject.manifest.labels.tolist())
    measured = measure(config, subject, explainer)

    def taking(limit: int | None, quick: bool) -> float:
        return measured(applied(config, Choice(limit, quick, 0.0))).seconds

    for quick in (False, True):
        if taking(None, quick) <= budget:
            return Choice(None, quick, taking(None, quick))
        if least < images and taking(least, quick) <= budget:
            beyond = bisect_left(
                range(least + 1, images), True, key=lambda limit: taking(limit, quick) > budget
            )
            limit = least + beyond
            return Choice(limit, quick, taking(limit, quick))
    whole, smallest = taking(None, True), taking(least, True)
    if least >= images or whole - smallest < WORTH * whole:
        return Choice(None, True, whole)
    return Choice(least, True, smallest)


def _least(labels: Sequence[int]) -> int:
    """Return the size of a proportional sample that leaves every class its `LEAST_PER_CLASS`.

    Classes that have fewer do not count: they keep their share.
    """
    smallest = min((n for n in Counter(labels).values() if n >= LEAST_PER_CLASS), default=0)
    return math.ceil(len(labels) * LEAST_PER_CLASS / smallest) if smallest else len(labels)


def measure(config: Config, subject: Subject, explainer: Explainer) -> Callable[[Config], Estimate]:
    """Return a function that estimates the cost of a config on this subject, from one batch."""
    from auditor.base.errors import ModelError
    from auditor.cli.check import load_spread
    from auditor.cli.check import rates as timing
    from auditor.cli.check.estimate import estimate
    from auditor.cli.check.text import unexplained

    batch, load, _note = load_spread(subject, 4)  # the audit says it of all images
    problems = explainer.non_finite(batch.inputs)
    usable = [index for index, problem in enumerate(problems) if problem is None]
    if not usable:
        raise ModelError(f"the cost cannot be estimated. {unexplained(problems)}")
    rates = timing.measure(config, subject, explainer, batch.inputs[usable], load)

    def planned(changed: Config) -> Estimate:
        return estimate(changed, subject, explainer, rates)

    return planned


def applied(config: Config, choice: Choice) -> Config:
    """Return the config with fewer images and, where quick, that preset's values if smaller."""
    from auditor.config.audit import parse_config
    from auditor.config.depth import PRESETS

    changed = config.model_dump(mode="json")
    reduced = []
    if choice.limit is not None:
        changed["data"]["limit"] = choice.limit
        reduced.append("images")
    if choice.quick:
        for section in ("audit", "shortcuts"):
            for key, value in PRESETS["quick"][section].items():
                changed[section][key] = min(changed[section][key], value)
        reduced.append("depth")
    changed["audit"]["reduced"] = reduced
    return parse_config(changed)


def _in_words(choice: Choice, minutes: float, images: int) -> str:
    text = (
        f"estimate: about {choice.seconds / 60:.1f} minutes of {minutes:g} allowed (all stages and "
        "the reports, by passes of this model timed here and now; another load changes it)"
    )
    if choice.limit is not None:
        text += (
            f"; {choice.limit} of {images} images are used, a stratified random sample in which no "
            f"class that has {LEAST_PER_CLASS} falls below"
        )
    if choice.quick:
        text += "; still too long: search and pictures are as in the preset quick"
    if choice.seconds > 60 * minutes:
        text += ". That is as small as an audit gets: it may take longer than allowed"
    return text
