"""``auditor review``: what a person decides about findings and concepts, kept in a file."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from auditor.base.errors import on_one_line
from auditor.cli.options import RunPath, quiet_option

if TYPE_CHECKING:
    from auditor.report.document.result import AuditResult
    from auditor.report.document.review import Decision, DecisionKind, DecisionState
    from auditor.review.decide.deciding import Said
    from auditor.review.graded import Graded

HINTS = {
    "person": "a decision has the name of who decides, such as --person 'Ann Lee'.",
    "reason": "a decision says why, in a sentence, such as --reason 'the stamp is on one camera'.",
}
KEYS: Mapping[str, DecisionKind] = {"c": "confirm", "r": "reject", "a": "accept", "m": "mitigate"}
CHOICES = (
    "[c]onfirm: a shortcut   [r]eject: none, it belongs to the class   "
    "[a]ccept the risk for a time   [m]itigate: it is being fixed   [s]kip   [q]uit"
)


@click.command("review")
@click.argument("run_folder", metavar="RUN", type=RunPath())
@click.option("--finding", help="Decide about this finding, by its id in the report.")
@click.option(
    "--confirm", "kinds", flag_value="confirm", multiple=True, help="Decide that it is a shortcut."
)
@click.option(
    "--reject",
    "kinds",
    flag_value="reject",
    multiple=True,
    help="Decide that it is no shortcut; waives it.",
)
@click.option(
    "--accept",
    "kinds",
    flag_value="accept",
    multiple=True,
    help="Accept its risk until --expires; waives it.",
)
@click.option(
    "--mitigate",
    "kinds",
    flag_value="mitigate",
    multiple=True,
    help="Decide that it is being fixed.",
)
@click.option(
    "--cues",
    "ask_cues",
    is_flag=True,
    help="Show what steers the model, and ask whether it is part of the class.",
)
@click.option(
    "--answer",
    "answers",
    multiple=True,
    metavar="ID=ANSWER",
    help="Answer about a cue: F3=yes (part of the class), F3=no (a shortcut) or F3=unsure; all=yes "
    "for every cue without an answer. Repeatable.",
)
@click.option(
    "--from",
    "saved",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Take over the decisions of a file that was saved from report.html.",
)
@click.option("--concept", help="Name this concept (layer/channel).")
@click.option("--name", help="Name to give to the concept.")
@click.option("--reason", help="Reason, in a sentence.")
@click.option("--person", help="Name of the person who decides.")
@click.option("--role", default="", help="Role of that person.")
@click.option("--date", help="Day of the decision (YYYY-MM-DD).  [default: today]")
@click.option("--expires", help="Last day on which the decision holds (YYYY-MM-DD).")
@click.option("--ticket", default="", help="Ticket that tracks the work.")
@click.option(
    "--decisions",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Decisions file.  [default: policy.decisions of the run's config, else decisions.yaml]",
)
@click.option("--list", "listing", is_flag=True, help="Only list what is decided and what is open.")
@click.option(
    "--render/--no-render", default=True, help="Draw the reports again, with the decisions."
)
@quiet_option("the result")
def command(
    run_folder: Path,
    finding: str | None,
    kinds: tuple[DecisionKind, ...],
    ask_cues: bool,
    answers: tuple[str, ...],
    saved: Path | None,
    concept: str | None,
    name: str | None,
    reason: str | None,
    person: str | None,
    role: str,
    date: str | None,
    expires: str | None,
    ticket: str,
    file: Path | None,
    listing: bool,
    render: bool,
    quiet: bool,
) -> None:
    """Decide about the findings of RUN: by options, or one after the other on a terminal.

    Decisions are appended to the decisions file; keep it in your repository. The next audit
    recognises a finding by its fingerprint or its appearance, a concept by its reference samples.
    With --cues the questions are about what steers the model without looking like a shortcut: yes
    confirms it as part of the class, no makes it a finding.
    """
    from auditor.api.rendering import created_now
    from auditor.cli.compare import draw_again
    from auditor.cli.progress import TerminalProgress
    from auditor.review.decide.deciding import Said
    from auditor.review.decide.decisions_file import add_decisions
    from auditor.review.keep.runs import read_run
    from auditor.run.mirror import shown

    result = read_run(run_folder).result
    today = created_now()[:10]
    place = file or _configured(run_folder)
    said = Said(reason or "", person or "", date or today, role, expires, ticket)
    if listing:
        _list(place, result, today)
        return
    about = _About(finding, kinds, ask_cues, answers, concept, name, saved)
    made = _decided(about, run_folder, place, result, said, today)
    if made is None:
        return
    if made:
        add_decisions(place, made)
    states = apply_decisions(run_folder, place, result, today)
    for state in states[len(states) - len(made) :]:
        click.echo(on_one_line(state.sentence), err=True)
    if made and about.cues:
        click.echo(f"auditor gate {shown(run_folder)} judges the run with this.", err=True)
    if made and render:
        draw_again(run_folder, TerminalProgress(quiet=quiet))
    click.echo(str(place))


@dataclass(frozen=True)
class _About:
    """What the options ask to decide about, and how."""

    finding: str | None
    kinds: tuple[DecisionKind, ...]
    ask_cues: bool
    answers: tuple[str, ...]
    concept: str | None
    name: str | None
    saved: Path | None

    @property
    def cues(self) -> bool:
        """Whether cues are meant."""
        return self.ask_cues or bool(self.answers)


def _decided(
    about: _About, run: Path, place: Path, result: AuditResult, said: Said, today: str
) -> list[Decision] | None:
    """Return the decisions that the options or a person on the terminal make; None: only shown.

    Raises:
        ConfigError: the options do not go together, or there is nobody to ask.
    """
    from auditor.base.errors import ConfigError
    from auditor.cli.cue_questions import answered, asked, cues_of, kept, show
    from auditor.review.decide.deciding import about_concept, about_finding

    finding, kinds, concept, name = about.finding, about.kinds, about.concept, about.name
    if about.saved:
        if finding or kinds or concept or name or about.cues:
            raise ConfigError("--from stands without another option that decides.")
        return _taken_over(about.saved, place)
    if about.cues:
        if finding or kinds or concept or name:
            raise ConfigError("--cues and --answer stand without --finding and --concept.")
        cues = cues_of(result, _states(place, result, today))
        if about.answers:
            _check_given(said, ("person",))
            return list(answered(result, run, cues, about.answers, said))
        if is_terminal():
            return kept(asked(result, run, cues, said))
        show(result, run, cues)
        return None
    if concept or name:
        if not (concept and name) or finding or kinds:
            raise ConfigError("to name a concept give --concept and --name, and no --finding.")
        _check_given(said, ("person", "reason"))
        return [about_concept(result, run, concept, name, said)]
    if finding or kinds:
        if not finding or len(kinds) != 1:
            raise ConfigError(
                "give --finding with exactly one of --confirm, --reject, --accept and --mitigate."
            )
        _check_given(said, ("person", "reason"))
        return [about_finding(result, run, finding, kinds[0], said)]
    if is_terminal():
        return kept(_ask(run, place, result, said, today))
    raise ConfigError(
        "there is no terminal to ask on: give --finding F1 with --confirm, --reject, --accept "
        "or --mitigate, or --answer F3=yes about a cue, or --concept with --name; and --reason "
        "and --person."
    )


def _taken_over(saved: Path, place: Path) -> list[Decision]:
    """Return the decisions of a saved file that the decisions file does not hold yet.

    Raises:
        ConfigError: one of the files cannot be read, or holds a wrong key or value.
    """
    from auditor.review.decide.decisions_file import read_decisions

    def bare(decision: Decision) -> Decision:
        return decision.model_copy(update={"place": ""})

    known = [bare(each) for each in (read_decisions(place) if place.exists() else ())]
    found = read_decisions(saved)
    new = [each for each in found if bare(each) not in known]
    click.echo(f"{len(new)} of {len(found)} decisions in {saved.name} are new.", err=True)
    return new


def _check_given(said: Said, wanted: Sequence[str]) -> None:
    """Check that a decision made by options says who decides, and why.

    Raises:
        ConfigError: it does not.
    """
    from auditor.base.errors import ConfigError

    missing = [name for name in wanted if not getattr(said, name).strip()]
    if missing:
        raise ConfigError(*(f"--{name} is missing: {HINTS[name]}" for name in missing))


def is_terminal() -> bool:
    """Say whether there is somebody to ask."""
    return sys.stdin.isatty()


def apply_decisions(run: Path, file: Path, result: AuditResult, as_of: str) -> list[DecisionState]:
    """Put the file's decisions into the run's review.json and return their states.

    A verdict of the gate that was made with other decisions is taken out, and that is said.
    """
    from auditor.report.show.render import read_review
    from auditor.review.decide.decisions import states_of_file
    from auditor.review.keep.reviewed import update_review

    states = states_of_file(file, result, as_of=as_of) if file.exists() else []
    before = read_review(run)
    after = update_review(run, result.run, as_of=as_of, decisions=states)
    if before and before.judgement and not after.judgement:
        click.echo(
            "The gate's verdict was made without this and is taken out: run auditor gate again.",
            err=True,
        )
    return states


def _configured(run: Path) -> Path:
    from auditor.api.rendering import config_of_run

    policy = config_of_run(run).policy
    return Path(policy.decisions if policy and policy.decisions else "decisions.yaml")


def _states(file: Path, result: AuditResult, today: str) -> list[DecisionState]:
    from auditor.review.decide.decisions import states_of_file

    return states_of_file(file, result, as_of=today) if file.exists() else []


def _list(file: Path, result: AuditResult, today: str) -> None:
    from auditor.cli.cue_questions import cues_of
    from auditor.review.decide.deciding import undecided

    states = _states(file, result, today)
    for state in states:
        made = state.decision
        about = state.finding or state.concept or "nothing here"
        text = f"{made.date}  {made.what:<8}  {about:<12}  {made.person}: {made.reason}"
        click.echo(on_one_line(text))
        click.echo(on_one_line(f"            {state.sentence}"))
    for each in undecided(result, states):
        click.echo(on_one_line(f"open        {each.id} ({each.severity}): {each.title}"))
    for cue in cues_of(result, states):
        if not cue.answered:
            click.echo(on_one_line(f"cue         {cue.sentence}"))


def _ask(run: Path, file: Path, result: AuditResult, said: Said, today: str) -> Iterator[Decision]:
    """Ask about every open finding, then for names of concepts; yield the answers."""
    from dataclasses import replace

    from auditor.base.errors import AuditorError
    from auditor.review.decide.deciding import about_concept, about_finding, undecided

    found = undecided(result, _states(file, result, today))
    if not said.person:
        said = replace(said, person=click.prompt("Your name", err=True))
    for place, each in enumerate(found, start=1):
        _show(each, place, len(found), run, result)
        key = click.prompt(
            CHOICES, type=click.Choice([*KEYS, "s", "q"]), show_choices=False, err=True
        )
        if key == "q":
            return
        if key == "s":
            continue
        answer = _answered(key, said)
        yield about_finding(result, run, each.id, KEYS[key], answer)
    if not found:
        click.echo("Every likely shortcut has a decision that is in force.", err=True)
    while concept := click.prompt(
        "Name a concept (layer/channel, empty to end)", default="", show_default=False, err=True
    ):
        name = click.prompt("What it is called", err=True)
        reason = click.prompt("Why", default="seen in its reference samples", err=True)
        try:
            yield about_concept(result, run, concept, name, replace(said, reason=reason))
        except AuditorError as error:
            click.echo(str(error), err=True)


def _answered(key: str, said: Said) -> Said:
    """Ask for what belongs to a decision, until it is right."""
    from dataclasses import replace

    reason = said.reason or click.prompt("Reason, in a sentence", err=True)
    expires = said.expires
    if key in ("a", "m") and not expires:
        must = key == "a"
        day = click.DateTime(["%Y-%m-%d"])
        hint = "Holds until (YYYY-MM-DD)" + ("" if must else ", empty for no date")
        given = click.prompt(
            hint, type=day, default=None if must else "", err=True, show_default=False
        )
        expires = given.date().isoformat() if given else None
    ticket = said.ticket or click.prompt("Ticket", default="", show_default=False, err=True)
    return replace(said, reason=reason, expires=expires, ticket=ticket)


def _show(finding: Graded, place: int, count: int, run: Path, result: AuditResult) -> None:
    cards = {each.id: each for each in result.findings}
    card = cards.get(finding.id)
    click.echo(f"\n{place} of {count}: {finding.id} {on_one_line(finding.title)}", err=True)
    click.echo(f"  severity {finding.severity}, grade {finding.grade}", err=True)
    if card is not None:
        click.echo(f"  {on_one_line(card.meaning)}", err=True)
        for text in card.against[:2]:
            click.echo(f"  against: {on_one_line(text)}", err=True)
    click.echo(f"  pictures: {run / 'report.html'}", err=True)
