"""Where the data comes from: an image folder, a table, or a dataset factory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from auditor.config import DataConfig
from auditor.errors import DataError
from auditor.registry import Registry
from auditor.subject.collection import Collection
from auditor.subject.datasets import read_dataset
from auditor.subject.factories import find_file, is_factory
from auditor.subject.folders import read_folder
from auditor.subject.tables import TABLE_SUFFIXES, read_table

# The part of ``data.source`` after ``name:``, the data's config, and the folder of the config.
DataSource = Callable[[str, DataConfig, Path], Collection]
DATA_SOURCES: Registry[DataSource] = Registry("data source")


def read_data(config: DataConfig, base: Path) -> Collection:
    """Return the items of the source that the config names.

    Raises:
        DataError: nothing is there, or it is of no known kind.
    """
    scheme, _, rest = config.source.partition(":")
    if scheme in DATA_SOURCES:
        return DATA_SOURCES[scheme](rest, config, base)
    path = find_file(config.source, base)
    if path.is_dir():
        return read_folder(path)
    if path.is_file():
        if path.suffix.lower() in TABLE_SUFFIXES:
            return read_table(path, config)
        raise DataError(
            f"data.source '{config.source}' is a {path.suffix or 'plain'} file; give an image "
            f"folder, a table ({', '.join(TABLE_SUFFIXES)}) or path/file.py:factory."
        )
    if is_factory(config.source):
        return read_dataset(config, base)
    raise DataError(
        f"data.source '{config.source}' does not exist; give an image folder with one folder per "
        "class, a .csv or .parquet table, or a factory (paths are relative to the config)."
    )
