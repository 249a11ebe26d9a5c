"""Where the data comes from: an image folder, a table, or a dataset factory."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from auditor.base.errors import ConfigError, DataError, did_you_mean
from auditor.base.factories import find_file, is_factory, may_be_code
from auditor.base.registry import Registry
from auditor.config.audit import DataConfig
from auditor.subject.arrow_files import SUFFIX
from auditor.subject.collection import Collection
from auditor.subject.datasets import read_dataset
from auditor.subject.folders import read_folder, read_remote_folder
from auditor.subject.imagenet_devkit import TRUTH, read_devkit, truth_of
from auditor.subject.packed_tables import holds_pictures, is_saved, read_packed, read_saved
from auditor.subject.patterns import files_of, is_pattern
from auditor.subject.remote import Remote, located
from auditor.subject.table_paths import Paths
from auditor.subject.tables import TABLE_SUFFIXES, read_table, table_collection
from auditor.subject.tars import read_tars

# The part of ``data.source`` after ``name:``, the data's config, and the folder of the config.
DataSource = Callable[[str, DataConfig, Path], Collection]
SHEETS = (".xls", ".xlsm", ".ods", ".numbers")
BESIDE = (".csv", ".tsv", ".tab", ".xlsx")  # tables that lie in a folder of pictures

DATA_SOURCES: Registry[DataSource] = Registry("data source", group="data_sources")
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
        truth = truth_of(path)
        if truth is not None:
            return _read_devkit(truth, path, config)
        table = _table_beside(path)
        if table is not None:
            data = read_table(table, config, base)
            said = f"'{path.name}' has no class folders and is read by its table {table.name}"
            return replace(data, notes=(said, *data.notes))
        return read_folder(path, outside=config.allow_outside)
    if path.is_file():
        if path.name == TRUTH:
            root = find_file(config.root, base) if config.root else path.parent
            return _read_devkit(path, root, config)
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
        f"per class, a table ({', '.join(TABLE_SUFFIXES)}), or a factory (paths are relative to "
        f"the config), or a source by name: {', '.join(f'{name}:' for name in DATA_SOURCES)}."
    )


def _read_devkit(truth: Path, pictures: Path, config: DataConfig) -> Collection:
    start = Paths(pictures, "the pictures", config.allow_outside)
    return table_collection(read_devkit(truth, pictures, config), config, start)


def _table_beside(folder: Path) -> Path | None:
    """Return the table in a folder that has no folders of classes: none below, or one.

    Raises:
        DataError: it has several tables.
    """
    try:
        listed = sorted(folder.iterdir())
    except OSError:
        return None  # which reading the folder says
    entries = [each for each in listed if not each.name.startswith((".", "__"))]
    tables = [each for each in entries if each.name.lower().endswith(BESIDE) and each.is_file()]
    if sum(each.is_dir() for each in entries) > 1 or not tables:
        return None
    if len(tables) > 1:
        names = ", ".join(f"'{each.name}'" for each in tables)
        raise DataError(
            f"'{folder.name}' has no class folders but {len(tables)} tables ({names}); give the "
            "one that lists its pictures as data.source."
        )
    return tables[0]


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
        ConfigError: rows or groups are asked for that the data cannot have.
    """
    if config.rows and not data.rows_chosen:
        raise ConfigError(
            f"data.rows takes rows of a table, and '{config.source}' is none that has rows to "
            "choose from; leave it out."
        )
    lacking = [name for name in config.groups or () if name not in data.metadata]
    if lacking:
        known = ", ".join(data.metadata) or "none"
        raise ConfigError(
            f"data.groups names '{lacking[0]}', and the columns of '{config.source}' are: {known}."
        )
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
