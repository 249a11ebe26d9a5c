"""What an export is given, and the registry of all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from auditor.base.errors import ConfigError, IntegrityError, OutputError
from auditor.base.registry import Registry
from auditor.report.document.result import AuditResult
from auditor.report.show.per_picture import Pictures, read_pictures
from auditor.report.show.render import read_result
from auditor.run.storage import make_folder, write_atomic

if TYPE_CHECKING:
    from auditor.exports.recomputed import Recomputed

# Formats that say nothing of the classes of pictures.
OF_FINDINGS = ("sarif",)
# name of a file -> its content.
Files = dict[str, bytes]


@dataclass(frozen=True, eq=False)
class Source:
    """A finished run to export: its result, and what it holds of each picture.

    ``recompute`` loads model and data again, for formats that need pixels; None where they were not
    named. ``limit``: of how many pictures at most.
    """

    path: Path
    result: AuditResult
    pictures: Pictures
    recompute: Callable[[], Recomputed] | None = None
    limit: int = 256

    @property
    def rows(self) -> np.ndarray:
        """The rows that could be used."""
        return np.flatnonzero(np.asarray(self.pictures.samples.valid))

    def spread(self) -> np.ndarray:
        """Return up to ``limit`` usable rows, spread over the data in its order."""
        rows = self.rows
        places = np.linspace(0, len(rows) - 1, min(self.limit, len(rows))).round().astype(int)
        return np.asarray(rows[np.unique(places)])

    def again(self, form: str) -> Recomputed:
        """Return model and data, loaded again and checked to be those of the run.

        Raises:
            ConfigError: they were not named.
        """
        if self.recompute is None:
            raise ConfigError(
                f"the format {form} holds pixels and heatmaps, which a run folder does not keep; "
                "name the config of the audit with --config, or give model and data in Python."
            )
        return self.recompute()


@dataclass(frozen=True)
class Export:
    """A format: what it is, in a line; what makes its files; whether it needs model and data."""

    title: str
    make: Callable[[Source], Files]
    pixels: bool = False


EXPORTS: Registry[Export] = Registry(
    "export", "auditor.exports.formats", group="exports", accepts=Export
)


def export(
    run: Path,
    form: str,
    out: Path,
    *,
    recompute: Callable[[], Recomputed] | None = None,
    limit: int = 256,
) -> list[Path]:
    """Write a run in a format into the folder ``out`` / ``form``; return the files.

    Raises:
        UnknownNameError: there is no such format.
        ConfigError: ``out`` lies in the run, or the format needs the model.
        IntegrityError: the run is not complete, was changed, or does not keep its pictures' rows.
    """
    made = EXPORTS[form]
    if out.resolve().is_relative_to(run.resolve()):
        raise ConfigError(f"{out} lies inside of the run, whose files are its own; give another.")
    result, pictures = read_result(run), read_pictures(run)
    if pictures is None:
        raise IntegrityError(
            f"{run} holds no row for each picture: it was made by an earlier version; audit again."
        )
    if pictures.samples.manifest.several is not None and form not in OF_FINDINGS:
        raise ConfigError(
            f"the format {form} has one class for each picture, and this run's pictures have "
            f"several labels: export to {', '.join(OF_FINDINGS)}, or read tables/pictures.csv, "
            "which has a row for each label that is present."
        )
    files = made.make(Source(run, result, pictures, recompute, limit))
    folder = out / form
    make_folder(folder)
    for name, content in files.items():
        write_atomic(folder / name, content)
    return [folder / name for name in files]


def needs(module: str, form: str) -> Any:
    """Return a module that a format needs.

    Raises:
        OutputError: it is not installed; the message says how to.
    """
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise OutputError(
            f"the format {form} needs {module}: pip install 'concept-auditor[{form}]'."
        ) from error
