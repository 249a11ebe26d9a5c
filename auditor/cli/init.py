"""``auditor init``: write a config from a model and its data, a sample config, or files for CI."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from auditor.base.errors import ConfigError, UnknownNameError
from auditor.base.shipped import shipped
from auditor.cli.options import SOURCES, preset_option, quiet_option, seen_from, with_options

if TYPE_CHECKING:
    import jinja2

    from auditor.config.audit import Config
    from auditor.config.layers import Layer

# Kind of job -> file of sample_configs/ci -> where it goes, from the folder of the config.
JOBS = {
    "github": {"github.yml": ".github/workflows/model-audit.yml"},
    "gitlab": {"gitlab.yml": "model-audit.gitlab-ci.yml"},
    "airflow": {"model_audit_dag.py": "model_audit_dag.py"},
    "cron": {
        "model-audit.sh": "model-audit.sh",
        "model-audit.service": "model-audit.service",
        "model-audit.timer": "model-audit.timer",
    },
    "make": {"Makefile": "Makefile"},
    "dvc": {"dvc.yaml": "dvc.yaml"},
}
CONFIG = "audit.yaml"  # what the files of sample_configs/ci call the config
PACKAGE = "concept-auditor"
LISTED = "?"

# Keys that may hold a path, which starts from where init runs.
PATHS = {
    *(("model", "source"), ("model", "weights"), ("model", "classes")),
    *(("data", "source"), ("data", "root"), ("data", "masks")),
    *(("report", "template"), ("report", "css"), ("report", "logo")),
    *(("policy", "baseline"), ("policy", "decisions"), ("completion", "readme")),
    ("completion", "tensorboard"),
    ("audit", "names_model"),
    ("audit", "names_vocabulary"),
}


@click.command("init")
@with_options(*SOURCES, preset_option("standard"))
@click.option(
    "--ci",
    "jobs",
    multiple=True,
    type=click.Choice(sorted(JOBS)),
    help="Also write the files of a scheduled job; repeatable.",
)
@click.option(
    "--sample",
    is_flag=False,
    flag_value=LISTED,
    metavar="[NAME]",
    help="Write this commented sample config instead; without NAME, list the samples.",
)
@click.option(
    "--to",
    "target",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path(CONFIG),
    show_default=True,
    help="Config file to write.",
)
@click.option("--force", is_flag=True, help="Replace files that exist.")
@quiet_option("the paths of the files")
def command(
    model: str | None,
    weights: str | None,
    data: str | None,
    settings: tuple[str, ...],
    preset: str,
    jobs: tuple[str, ...],
    sample: str | None,
    target: Path,
    force: bool,
    quiet: bool,
) -> None:
    """Write a config for a model and its data, with classes, layers and preprocessing filled in.

    Loads both and tries them on a few images, so that a mistake shows now. Lines marked CHECK are
    guesses to confirm: the order of the classes, the preprocessing, which label is which output.
    With --ci alone and a config that exists, writes the job's files for it.
    """
    if sample == LISTED:
        for name, text in samples().items():
            about = text.splitlines()[0].lstrip("# ").partition(":  ")[0]
            click.echo(f"{name:<20} {about}")
        return
    only_jobs = jobs and not (model or data or sample) and target.is_file()
    if not only_jobs and not (sample or (model and data)):
        raise ConfigError(
            f"give --model and --data, --sample, or --ci with a config that exists ({target} does "
            "not): auditor init --model my_model.py:build --weights model.safetensors --data "
            "photos/val"
        )
    if sample and (model or weights or data or settings or preset != "standard"):
        raise ConfigError(
            "--sample writes an example as it is: leave out --model, --weights, --data, --set and "
            "--preset."
        )
    folder = target.resolve().parent
    places = [place for job in jobs for place in JOBS[job].values()]
    wanted = [folder / name for name in places] + ([] if only_jobs else [target])
    existing = [str(path) for path in wanted if path.exists()]
    if existing and not force:
        raise ConfigError(f"{', '.join(existing)} exists already: give --to, or --force.")
    if sample:
        _write(target, sample_text(sample))
    elif not only_jobs:
        given = {"model": model, "weights": weights, "data": data, "settings": settings}
        _write(target, config_text(given, target, preset, quiet=quiet))
    for name, text in job_texts(jobs, target.name, _extras(target) if jobs else ()).items():
        _write(folder / name, text)
        if name.endswith(".sh"):
            (folder / name).chmod(0o755)
    if not quiet:
        click.echo(f"Next: auditor check {target}, then auditor run {target}", err=True)


def samples() -> dict[str, str]:
    """Return the sample configs: name -> text."""
    files = sorted(shipped("sample_configs").glob("*.yaml"))
    return {path.stem: path.read_text(encoding="utf-8") for path in files}


def sample_text(name: str) -> str:
    """Return a sample config.

    Raises:
        UnknownNameError: there is none of this name.
    """
    known = samples()
    if name not in known:
        raise UnknownNameError("sample config", name, known)
    return known[name]


def job_texts(jobs: tuple[str, ...], config: str, extras: Sequence[str] = ()) -> dict[str, str]:
    """Return the files of scheduled jobs, which install these extras: place -> text."""
    folder = shipped("sample_configs/ci")
    package = f"{PACKAGE}[{','.join(extras)}]" if extras else PACKAGE
    return {
        place: (folder / file)
        .read_text(encoding="utf-8")
        .replace(CONFIG, config)
        .replace(f'"{PACKAGE}"', f'"{package}"')
        for job in jobs
        for file, place in JOBS[job].items()
    }


def _extras(target: Path) -> list[str]:
    from auditor.cli.extras import extras_of
    from auditor.config.audit import load_config

    return extras_of(load_config(target), target.resolve().parent)


def config_text(given: dict[str, Any], target: Path, preset: str, *, quiet: bool) -> str:
    """Return the config for a model and its data, both loaded and looked at."""
    import os

    from auditor.cli.first_look import first_look
    from auditor.cli.progress import TerminalProgress
    from auditor.config.audit import Config, load_config, resolve
    from auditor.config.layers import Layer, merged, set_layer

    base = target.resolve().parent
    source = str(given["model"])
    document: dict[str, Any] = {
        "project": {"name": (source.partition(":")[2] or "audit").partition("?")[0]},
        "model": {"source": source},
        "data": {"source": given["data"]},
    }
    if given["weights"]:
        document["model"]["weights"] = given["weights"]
    if document["project"]["name"] in ("build", "make", "model", "create_model"):
        document["project"]["name"] = Path(source.partition(":")[0]).stem
    layer = merged([Layer(document), set_layer(given["settings"], Config)], Config)
    config = resolve([_seen_from(layer, base)], name="options")
    progress = TerminalProgress(quiet=quiet)
    looked = first_look(config, base, progress)
    text = (
        _environment()
        .get_template("audit.yaml")
        .render(
            file=os.path.relpath(target),
            preset=preset,
            given=_as_given(config, layer.values),
            **looked,
        )
    )
    for line in looked["tried"]:
        progress.say(line)
    for note in looked["notes"]:
        progress.say(f"note: {note}")
    _check(text, target, load_config)
    return text


def _seen_from(layer: Layer, base: Path) -> Layer:
    """Return a layer whose paths, which start here, start from the config's folder."""
    from dataclasses import replace

    values = {
        section: {
            key: seen_from(base, value)
            if (section, key) in PATHS and isinstance(value, str)
            else value
            for key, value in keys.items()
        }
        if isinstance(keys, dict)
        else keys
        for section, keys in layer.values.items()
    }
    return replace(layer, values=values)


def _as_given(config: Config, given: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the keys that were given, section by section, with their values as the config's."""
    resolved = config.model_dump(mode="json", exclude_unset=True)
    return {
        section: {key: resolved[section][key] for key in keys}
        for section, keys in given.items()
        if isinstance(keys, Mapping)
    }


def _check(text: str, target: Path, load: Any) -> None:
    """Read the text as a config, so that no broken one is left behind."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / target.name
        path.write_text(text, encoding="utf-8")
        load(path)


def _environment() -> jinja2.Environment:
    """Return the Jinja of the config that init writes: square brackets, since YAML uses braces."""
    import jinja2

    jinja = jinja2.Environment(  # noqa: S701 (no HTML; values are written as JSON)
        loader=jinja2.FileSystemLoader(shipped("templates/init")),
        undefined=jinja2.StrictUndefined,
        variable_start_string="[[",
        variable_end_string="]]",
        block_start_string="[%",
        block_end_string="%]",
        comment_start_string="[#",
        comment_end_string="#]",
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    jinja.filters["yaml"] = _yaml
    return jinja


def _yaml(value: Any) -> str:
    """Return a value as YAML on one line: as JSON, but a plain word, or where YAML differs."""
    import json

    import yaml

    if isinstance(value, str) and value.isidentifier() and yaml.safe_load(value) == value:
        return value
    text = json.dumps(value, ensure_ascii=False)
    if yaml.safe_load(text) == value:
        return text
    written: str = yaml.safe_dump(value, default_flow_style=True, width=sys.maxsize)
    return written.removesuffix("...\n").strip()


def _write(path: Path, text: str) -> None:
    from auditor.run.storage import write_atomic

    write_atomic(path, text.encode())
    click.echo(str(path))
