"""``auditor review RUN --cues``: what steers the model is shown, and a person says what it is."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from auditor.base.errors import ConfigError, UnknownNameError, on_one_line
from auditor.report.document.answers import ANSWERS

if TYPE_CHECKING:
    from auditor.report.document.result import AuditResult
    from auditor.report.document.review import CueAnswer, Decision, DecisionState
    from auditor.review.decide.deciding import Said

KEYS = {"y": "yes", "n": "no", "u": "unsure"}
ALL = "all"
CHOICES = "Part of what '%s' means? [y]es   [n]o, a shortcut   [u]nsure   [s]kip   [q]uit"
REASONS = {
    "yes": "Part of what '%s' means.",
    "no": "No part of what '%s' means.",
    "unsure": "Not sure whether it is part of what '%s' means.",
}


def cues_of(result: AuditResult, states: Sequence[DecisionState]) -> list[CueAnswer]:
    """Return the cues of an audit with what the decisions say of each."""
    from auditor.review.graded import graded_findings
    from auditor.review.judge.cue_answers import cue_answers, with_answers

    return cue_answers(with_answers(graded_findings(result), states), states)


def answered(
    result: AuditResult, run: Path, cues: Sequence[CueAnswer], answers: Sequence[str], said: Said
) -> list[Decision]:
    """Return the decisions that answers such as ``F3=yes`` make; ``all`` is what is still open.

    Raises:
        ConfigError, UnknownNameError: an answer cannot be read, contradicts another one, or there
            is no such cue.
    """
    known = {each.finding: each for each in cues}
    given: dict[str, str] = {}
    for text in answers:
        name, answer = _read(text, known, result)
        if given.setdefault(name, answer) != answer:
            raise ConfigError(
                f"--answer says both {name}={given[name]} and {name}={answer}: give one of them."
            )
    # An answer about one cue wins over that about all, wherever it stands.
    waiting = [each.finding for each in cues if not each.answered and ALL in given]
    wanted = dict.fromkeys(waiting, given.get(ALL, "")) | given
    wanted.pop(ALL, None)
    return [_decision(result, run, known[name], wanted[name], said) for name in wanted]


def _read(text: str, cues: Container[str], result: AuditResult) -> tuple[str, str]:
    """Return the cue and the answer of a text such as ``F3=yes``, however it is written.

    Raises:
        ConfigError, UnknownNameError: it is no such text, or there is no such cue.
    """
    from auditor.review.graded import graded_findings

    grades = {each.id: each.grade for each in graded_findings(result)}
    written, _equals, answer = text.partition("=")
    answer = answer.strip().casefold()
    if answer not in ANSWERS:
        raise ConfigError(
            f"--answer '{text}': write ID=yes, ID=no or ID=unsure, such as F3=yes, or all=yes for "
            "every cue that has no answer yet."
        )
    spelled = {each.casefold(): each for each in (ALL, *grades)}
    name = spelled.get(written.strip().casefold(), written.strip())
    if name in grades and name not in cues:
        raise ConfigError(
            f"{name} is no cue but a finding of grade {grades[name]}: decide about it with "
            f"--finding {name} and --confirm, --reject, --accept or --mitigate."
        )
    if name != ALL and name not in cues:
        raise UnknownNameError("cue", name, [each for each in grades if each in cues])
    return name, answer


def kept(answers: Iterator[Decision]) -> list[Decision]:
    """Return what a person answers; what was answered before Ctrl-C is kept.

    Raises:
        click.Abort: nothing had been answered.
    """
    made: list[Decision] = []
    try:
        made.extend(answers)
    except click.Abort:
        if not made:
            raise
        click.echo("\nStopped. What was answered before is kept.", err=True)
    return made


def asked(
    result: AuditResult, run: Path, cues: Sequence[CueAnswer], said: Said
) -> Iterator[Decision]:
    """Show the open cues on the terminal, one after the other, and yield the answers."""
    waiting = [each for each in cues if not each.answered]
    if not waiting:
        click.echo("Every cue has an answer.", err=True)
        return
    if not said.person:
        said = replace(said, person=click.prompt("Your name", err=True))
    for number, cue in enumerate(waiting, start=1):
        click.echo(f"\n{number} of {len(waiting)}:", err=True)
        for line in _lines(result, run, cue):
            click.echo(line, err=True)
        key = click.prompt(
            CHOICES % on_one_line(cue.class_name),
            type=click.Choice([*KEYS, "s", "q"]),
            show_choices=False,
            err=True,
        )
        if key == "q":
            return
        if key != "s":
            yield _decision(result, run, cue, KEYS[key], said)


def show(result: AuditResult, run: Path, cues: Sequence[CueAnswer]) -> None:
    """Print all cues, and how to answer them."""
    if not cues:
        click.echo("There is no cue to ask about.")
        return
    for cue in cues:
        for line in _lines(result, run, cue):
            click.echo(line)
    waiting = [each.finding for each in cues if not each.answered]
    if waiting:
        click.echo(
            "Is it part of what the class means? Answer each, or all at once: auditor review "
            f"{run} --answer {waiting[0]}=yes --answer all=unsure --person NAME (yes, no or unsure)"
        )


def _decision(result: AuditResult, run: Path, cue: CueAnswer, answer: str, said: Said) -> Decision:
    from auditor.review.decide.deciding import about_finding

    reason = said.reason or REASONS[answer] % cue.class_name
    return about_finding(result, run, cue.finding, ANSWERS[answer], replace(said, reason=reason))


def _lines(result: AuditResult, run: Path, cue: CueAnswer) -> list[str]:
    from auditor.report.sections.cues import rows_of

    row = next(each for each in rows_of(result, None) if each.id == cue.finding)
    figure = result.factors.figure if result.factors else None
    picture = row.members[0] if row.members else figure
    lines = [f"{cue.finding} ({cue.class_name}): {row.title}", f"  {row.effect}"]
    lines.append(f"  {cue.sentence}")
    if picture is not None:
        lines.append(f"  picture: {run / 'images' / picture.file}")
    return [on_one_line(line) for line in lines]
