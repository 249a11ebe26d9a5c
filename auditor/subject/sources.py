"""Where the data comes from: an image folder, a table, or a dataset factory."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from auditor.base.errors import DataError, did_you_mean
from auditor.base.factories import find_file, is_factory, may_be_code
from auditor.base.registry import Registry
from auditor.config.audit import DataConfig
from auditor.subject.arrow_files import SUFFIX
from auditor.subject.collection import Collection
from auditor.subject.datasets import read_dataset
from auditor.subject.folders import read_folder, read_remote_folder
from auditor.subject.packed_tables import holds_pictures, is_saved, read_packed, read_saved
from auditor.subject.patterns import files_of, is_pattern
from auditor.subject.remote import Remote, located
from auditor.subject.tables import TABLE_SUFFIXES, read_table
from auditor.subject.tars import read_tars

# The part of ``data.source`` after ``name:``, the data's config, and the folder of the config.
DataSource = Callable[[str, DataConfig, Path], Collection]
SHEETS = (".xlsx", ".xls", ".xlsm", ".ods", ".numbers")

DATA_SOURCES: Registry[DataSource] = Registry("data source")
DATA_SOURCES.register("webdataset")(read_tars)
DATA_SOURCES.register("hf-dataset")(read_saved)


def read_data(config: DataConfig, base: Path) -> Collection:
    """Return the items of the source that the config names.

    Raises:
        DataError: nothing is there, or it is of no known kind.
    """
    scheme, _, rest = config.source.partition(":")
    if scheme in DATA_SOURCES:
        return _checked(DATA_SOURCES[scheme](rest, config, base), config)
    return _checked(_read(config, base), config)


def _read(config: DataConfig, base: Path) -> Collection:
    if config.source.lower().endswith(".tar"):
        return read_tars(config.source, config, base)
    if is_pattern(config.source) and config.source.lower().endswith(SUFFIX):
        return read_packed(files_of(config.source, base, "data.source"), config)
    path = located(config.source, "data.source")
    if isinstance(path, Remote):
        return _read_remote(path, config, base)
    path = path or find_file(config.source, base)
    if path.is_dir():
        if is_saved(path):
            return read_saved(config.source, config, base)
        return read_folder(path, outside=config.allow_outside)
    if path.is_file():
        if path.suffix.lower() in TABLE_SUFFIXES:
            return _read_table(path, config, base)
        sheet = "save the sheet as CSV (UTF-8), or " if path.suffix.lower() in SHEETS else ""
        raise DataError(
            f"data.source '{config.source}' is a {path.suffix or 'plain'} file; {sheet}give an "
            f"image folder, a table ({', '.join(TABLE_SUFFIXES)}) or path/file.py:factory."
        )
    if is_factory(config.source) and may_be_code(config.source, base):
        return read_dataset(config, base)
    scheme = config.source.partition(":")[0]
    hint = did_you_mean(scheme, DATA_SOURCES) if scheme != config.source else ""
    raise DataError(
        f"data.source '{config.source}' does not exist.{hint} Give an image folder with one folder "
        "per class, a .csv, .tsv or .parquet table, or a factory (paths are relative to the "
        f"config), or a source by name: {', '.join(f'{name}:' for name in DATA_SOURCES)}."
    )


def _read_table(path: Path | Remote, config: DataConfig, base: Path) -> Collection:
    if path.name.lower().endswith(SUFFIX) and holds_pictures(path, config):
        return read_packed([path], config)
    return read_table(path, config, base)


def _read_remote(path: Remote, config: DataConfig, base: Path) -> Collection:
    if path.name.lower().endswith(TABLE_SUFFIXES):
        return _read_table(path, config, base)
    if path.is_folder():
        return read_remote_folder(path)
    raise DataError(
        f"data.source '{path.address}' is no folder and no table ({', '.join(TABLE_SUFFIXES)}); "
        "give the address of a folder with one folder per class, or of a table."
    )


def _checked(data: Collection, config: DataConfig) -> Collection:
    """Refuse labels that differ only in how they are spelled, unless the config maps labels.

    Raises:
        DataError: which labels, and how often each occurs.
    """
    counts = Counter(data.labels)
    spelled: dict[str, list[str]] = {}
    for label in sorted(counts):
        if config.classes is None or label in config.classes:
            alone = unicodedata.normalize("NFKC", label).casefold()
            key = re.sub(r"(?<=\w)[\s_-]+(?=\w)", " ", alone).strip()
            spelled.setdefault(key, []).append(label)
    alike = next((labels for labels in spelled.values() if len(labels) > 1), None)
    if alike is not None and config.labels == "auto":
        shown = ", ".join(f"'{label}' ({counts[label]})" for label in alike)
        raise DataError(
            f"labels of '{config.source}' differ only in how they are spelled: {shown}; write them "
            "alike, or say which output each is by a map in data.labels."
        )
    return data
