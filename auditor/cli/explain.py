"""``auditor explain``: one image on one page: what decides, where, and inside any region."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import click

from auditor.base.errors import ConfigError
from auditor.cli.options import (
    DEVICE,
    LocalFolder,
    RunPath,
    format_option,
    options_of,
    quiet_option,
)

REGION = re.compile(r"\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*")


@click.command("explain")
@click.argument("config_file", metavar="CONFIG", type=click.Path(path_type=Path))
@click.option("--image", required=True, type=click.Path(path_type=Path), help="Picture to explain.")
@click.option(
    "--region",
    "regions",
    multiple=True,
    metavar="X,Y,W,H",
    help="Rank the concepts inside this box, in pixels as the model sees the picture; repeatable.",
)
@click.option("--class", "explained", help="Explain this class instead of the predicted one.")
@click.option("--layer", "layers", multiple=True, help="Show this layer; repeatable.")
@click.option(
    "--run",
    "run_folder",
    type=RunPath(),
    help="Finished run of the same model to take the concepts' reference samples from.",
)
@DEVICE
@format_option("both")
@click.option(
    "--out",
    type=LocalFolder(),
    default=Path("explained"),
    show_default=True,
    help="Folder for the pages.",
)
@quiet_option("the paths")
def command(
    config_file: Path,
    image: Path,
    regions: tuple[str, ...],
    explained: str | None,
    layers: tuple[str, ...],
    run_folder: Path | None,
    device: str | None,
    formats: tuple[str, ...],
    out: Path,
    quiet: bool,
) -> None:
    """Explain one picture with the model of CONFIG, as one page of HTML and PDF.

    The picture may be of the data or not. The page shows its relevance, the leading concepts of
    each audited layer with what they see in it, and their ranking inside the window with the most
    relevance or inside each --region. The paths of the pages go to stdout.
    """
    from auditor.api.rendering import created_now
    from auditor.cli.progress import TerminalProgress
    from auditor.language.speaking import speaking, translated
    from auditor.pipeline.explain import Question, explain_image
    from auditor.report.show.image_page import write_page
    from auditor.run.storage import check_writable

    check_writable(out)
    boxes = tuple(_box(text) for text in regions)
    config, base = options_of(config_file, layers=layers, device=device)
    question = Question(image, boxes, explained, run_folder)
    progress = TerminalProgress(quiet=quiet)
    with tempfile.TemporaryDirectory(prefix="auditor-explain-") as place:
        with progress.stage(f"explaining {image.name}"):
            page = explain_image(config, base, question, Path(place))
        with progress.stage("drawing the page"), speaking(config.report.language):
            written = write_page(
                translated(page),
                Path(place),
                out,
                f"{image.stem}-explained",
                formats=formats or ("html", "pdf"),
                created=created_now(),
                timeout=config.report.pdf_timeout,
            )
    for path in written:
        click.echo(str(path))


def _box(text: str) -> tuple[int, int, int, int]:
    found = REGION.fullmatch(text)
    if found is None:
        raise ConfigError(
            f"--region '{text}' is no box: give four whole numbers x,y,width,height such as "
            "10,20,64,48."
        )
    x, y, width, height = (int(number) for number in found.groups())
    return x, y, width, height
