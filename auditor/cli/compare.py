"""``auditor compare``: what changed between two finished audits, without the models or torch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from auditor.base.errors import ConfigError
from auditor.cli.options import LocalFolder, RunPath, quiet_option

if TYPE_CHECKING:
    from auditor.cli.progress import TerminalProgress
    from auditor.report.document.review import Comparison


@click.command("compare")
@click.argument("earlier", metavar="EARLIER", type=RunPath())
@click.argument("now", metavar="NOW", type=RunPath())
@click.option(
    "--format",
    "form",
    type=click.Choice(["html", "md", "json"]),
    default="md",
    show_default=True,
    help="Format of the comparison.",
)
@click.option(
    "--to",
    "target",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write.  [default: stdout; html: compare.html in NOW]",
)
@click.option(
    "--history",
    type=LocalFolder(),
    help="Folder with older runs of the project, by which a finding is 'back'.  [default: the "
    "folder that holds EARLIER]",
)
@click.option(
    "--save", is_flag=True, help="Put the comparison into NOW and draw its reports again."
)
@quiet_option("the result")
def command(
    earlier: Path,
    now: Path,
    form: str,
    target: Path | None,
    history: Path | None,
    save: bool,
    quiet: bool,
) -> None:
    """Compare two runs: EARLIER and NOW are their folders.

    Says whether they are like for like, how the numbers (with the interval of the difference) and
    the concepts changed, and whether each likely shortcut is new, persisting, worse, better, gone,
    back, or could not be tested. Needs neither the models nor torch.
    """
    import auditor
    from auditor.cli.progress import TerminalProgress
    from auditor.language.speaking import speaking
    from auditor.review.compare.audits import compare_folders
    from auditor.review.compare.pages import comparison_html, comparison_markdown
    from auditor.review.keep.runs import read_run, report_language
    from auditor.run.manifest import write_listed
    from auditor.run.mirror import shown
    from auditor.run.storage import write_atomic

    comparison = compare_folders(earlier, now, folder=history)
    if save:
        save_comparison(comparison, earlier, now)
        draw_again(now, TerminalProgress(quiet=quiet))
    if form == "html":
        images = [now / "images", earlier / "images"]
        text = comparison_html(
            comparison, read_run(now).result, images, auditor.__version__, report_language(now)
        )
        target = target or now / "compare.html"
    elif form == "json":
        with speaking(report_language(now)):
            text = comparison.translated().model_dump_json(indent=1)
    else:
        text = comparison_markdown(comparison, report_language(now))
    if target is None:
        click.echo(text)
        return
    if target.resolve().is_relative_to(now.resolve()):
        write_listed(now, {_name_in(now, target): text.encode()})
    else:
        write_atomic(target, text.encode())
    click.echo(shown(target))


def _name_in(run: Path, target: Path) -> str:
    """Return how a comparison is called inside of a run; it takes the place of nothing else.

    Raises:
        ConfigError: it would lie where something else of the run does.
    """
    name = target.resolve().relative_to(run.resolve()).as_posix()
    if "/" in name or not name.startswith("compare"):
        raise ConfigError(
            f"--to '{target}' lies inside of the run and would be taken for a part of it. Give a "
            f"name that begins with compare, such as {run / 'compare.md'}, or a file elsewhere."
        )
    return name


def save_comparison(comparison: Comparison, earlier: Path, now: Path) -> None:
    """Put the comparison into the review.json of run ``now``, with the earlier pictures."""
    from auditor.api.rendering import created_now
    from auditor.report.show.render import read_review
    from auditor.review.keep.pictures import with_pictures
    from auditor.review.keep.reviewed import update_review

    shown = with_pictures(comparison, earlier, now)
    before = read_review(now)
    after = update_review(now, shown.now.run, as_of=created_now()[:10], comparison=shown)
    if before and before.judgement and not after.judgement:
        click.echo(
            "The gate's verdict was made without this and is taken out: run auditor gate again.",
            err=True,
        )


def draw_again(run: Path, progress: TerminalProgress) -> None:
    """Draw the reports of a run again as its own config says."""
    from auditor.api.rendering import config_of_run, render_folder

    render_folder(run, config_of_run(run).report, progress)
