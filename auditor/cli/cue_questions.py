"""``auditor review RUN --cues``: what steers the model is shown, and a person says what it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from auditor.base.errors import ConfigError, UnknownNameError, on_one_line

if TYPE_CHECKING:
    from auditor.report.document.result import AuditResult
    from auditor.report.document.review import CueAnswer, Decision, DecisionKind, DecisionState
    from auditor.review.decide.deciding import Said

KINDS: Mapping[str, DecisionKind] = {"yes": "reject", "no": "confirm", "unsure": "unsure"}
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
        ConfigError, UnknownNameError: an answer cannot be read, or there is no such cue.
    """
    known = {each.finding: each for each in cues}
    wanted: dict[str, str] = {}
    for text in answers:
        name, _equals, answer = text.partition("=")
        if answer not in KINDS:
            raise ConfigError(
                f"--answer '{text}': write ID=yes, ID=no or ID=unsure, such as F3=yes, or all=yes "
                "for every cue that has no answer yet."
            )
        if name not in (ALL, *known):
            raise UnknownNameError("cue", name, known)
        names = [name] if name != ALL else [e.finding for e in cues if not e.answered]
        # An answer about one cue wins over that about all, wherever it stands.
        wanted |= {each: answer for each in names if name != ALL or each not in wanted}
    return [_decision(result, run, known[name], wanted[name], said) for name in wanted]


def asked(result: AuditResult, run: Path, cues: Sequence[CueAnswer], said: Said) -> list[Decision]:
    """Show the open cues on the terminal, one after the other, and return the answers."""
    waiting = [each for each in cues if not each.answered]
    if not waiting:
        click.echo("Every cue has an answer.", err=True)
        return []
    if not said.person:
        said = replace(said, person=click.prompt("Your name", err=True))
    made: list[Decision] = []
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
            break
        if key != "s":
            made.append(_decision(result, run, cue, KEYS[key], said))
    return made


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
    return about_finding(result, run, cue.finding, KINDS[answer], replace(said, reason=reason))


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
