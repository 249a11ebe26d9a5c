"""Parquet files, and Arrow streams as Hugging Face saves them: their columns, pictures in cells.

A whole group of rows has to be read for one picture: the last groups are kept, up to `KEPT` bytes.
Nothing stays mapped into memory, so that a file that gets shorter is an error and no crash. Of an
Arrow file at an address there is a copy on disk.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from auditor.base.errors import AuditorError, ConfigError, DataError
from auditor.subject.limits import Unreadable
from auditor.subject.local_copy import local_copy
from auditor.subject.remote import Remote

KEPT = 512 * 1024 * 1024  # bytes
MOST_BYTES = 4 * 1024**3  # of a group of rows
SUFFIX = ".parquet"
END = b"\xff\xff\xff\xff\0\0\0\0"  # of an Arrow stream


@dataclass(frozen=True, slots=True)
class Cell:
    """A picture in a cell: the place of its row is counted in its group of rows."""

    file: Path | Remote
    group: int
    row: int
    column: str
    name: str

    @property
    def distant(self) -> bool:
        """Return whether it comes over a network."""
        return isinstance(self.file, Remote) and self.file.name.lower().endswith(SUFFIX)

    def content(self, most: int) -> bytes:
        """Return up to ``most`` bytes of it.

        Raises:
            Unreadable: the cell is empty, or the file is not what it was.
            DataError, StoppedError: the service that holds it refuses or fails.
        """
        try:
            value = GROUPS.get(self.file, self.group, self.column)[self.row]
            if hasattr(value, "keys"):  # {bytes, path}
                value = value["bytes"]
            buffer = value.as_buffer()
        except (AuditorError, MemoryError):
            raise
        except Exception as error:  # pyarrow raises nearly anything on damaged files
            reason = (str(error).splitlines() or [""])[0][:120]
            raise Unreadable(f"cannot be read ({reason})") from None
        if buffer is None:
            raise Unreadable("is not in the table, which only names its file")
        return bytes(memoryview(buffer)[:most])


_Key = tuple[Path | Remote, tuple[int, ...], int, str]


class Groups:
    """Columns of groups of rows, the last ones kept; safe between threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: OrderedDict[_Key, Any] = OrderedDict()
        self._lock = threading.Lock()
        self._loading: dict[_Key, threading.Lock] = {}

    def get(self, file: Path | Remote, group: int, column: str) -> Any:
        """Return the column of a group of rows as a chunked array."""
        key = (file, _stamp(file), group, column)
        with self._lock:
            loading = self._loading.setdefault(key, threading.Lock())
        with loading:
            with self._lock:
                if key in self._held:
                    self._held.move_to_end(key)
                    return self._held[key]
            found = _group(file, group, column)
            with self._lock:
                self._held[key] = found
                self._loading.pop(key, None)
                while len(self._held) > 1 and self._size() > self._most:
                    self._held.popitem(last=False)
            return found

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._held.clear()
        for each in (_metadata_at, _batches_at, _on_disk):
            each.cache_clear()

    def _size(self) -> int:
        return sum(each.nbytes for each in self._held.values())


GROUPS = Groups(KEPT)


@dataclass(frozen=True)
class Columns:
    """What the columns of a file are: its Arrow schema, and names of classes by column."""

    schema: Any
    classes: Mapping[str, tuple[str, ...]]

    def of_pictures(self, asked: str) -> str | None:
        """Return the column that holds pictures: the one asked for, else the only one.

        Raises:
            ConfigError: there are several.
        """
        found = [field.name for field in self.schema if _holds_content(field.type)]
        if asked in self.schema.names:
            return asked if asked in found else None
        if len(found) > 1:
            raise ConfigError(
                f"the columns {', '.join(found)} may hold pictures; say which does: set "
                "data.columns.path."
            )
        return found[0] if found else None

    def plain(self) -> list[str]:
        """Return the columns of text, numbers and truth values."""
        nested = _arrow("a table").types.is_nested
        return [
            field.name
            for field in self.schema
            if not _holds_content(field.type) and not nested(field.type)
        ]


def columns_of(file: Path | Remote) -> Columns:
    """Return what the columns of a file are.

    Raises:
        DataError: pyarrow is missing, or the file cannot be read.
    """
    try:
        if file.name.lower().endswith(SUFFIX):
            schema = _metadata(file).schema.to_arrow_schema()
        else:
            schema = _batches(file).schema
    except (AuditorError, MemoryError):
        raise
    except Exception as error:  # pyarrow raises nearly anything on damaged files
        first = (str(error).splitlines() or [""])[0]
        raise DataError(f"cannot read {file.name}: {first[:200]}.") from error
    return Columns(schema, _classes(schema.metadata or {}))


def check_streams(files: Sequence[Path | Remote]) -> None:
    """Read Arrow files through in a process of its own, which a damaged one may end.

    Raises:
        DataError: a file is damaged.
        StoppedError, StorageError: as `local_copy`.
    """
    _arrow(files[0].name)
    named = {str(_on_disk(file).resolve()): file.name for file in files}
    program = Path(__file__).with_name("arrow_check.py")
    done = subprocess.run(  # noqa: S603 (a file of this package)
        [sys.executable, "-I", str(program)],
        input="\n".join(named),
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        last = (done.stdout.splitlines() or [""])[-1]
        raise DataError(
            f"{named.get(last, files[0].name)} is a damaged Arrow file; download or save it again."
        )


def rows_of(file: Path | Remote) -> Iterator[tuple[int, int]]:
    """Yield group and place in it of every row."""
    if not file.name.lower().endswith(SUFFIX):
        for group, count in enumerate(_batches(file).rows):
            yield from ((group, row) for row in range(count))
        return
    metadata = _metadata(file)
    for group in range(metadata.num_row_groups):
        yield from ((group, row) for row in range(metadata.row_group(group).num_rows))


def values_of(file: Path | Remote, columns: Sequence[str]) -> list[list[Any]]:
    """Return the values of columns, a list a column; that of ``image.path`` is one of a field.

    Raises:
        DataError: the file cannot be read.
    """
    try:
        if file.name.lower().endswith(SUFFIX):
            table = _parquet(file).read(columns=list(columns))
        else:
            with _arrow(file.name).memory_map(str(_on_disk(file))) as source:
                table = _arrow(file.name).ipc.open_stream(source).read_all()
        found = []
        for name in columns:
            column, _, inner = (name, "", "") if name in table.column_names else name.partition(".")
            values = table.column(column)
            compute = _arrow(file.name).compute
            found.append((compute.struct_field(values, inner) if inner else values).to_pylist())
    except (AuditorError, MemoryError):
        raise
    except Exception as error:
        first = (str(error).splitlines() or [""])[0]
        raise DataError(f"cannot read {file.name}: {first[:200]}.") from error
    return found


@dataclass(frozen=True)
class Batches:
    """Where the batches of rows of an Arrow stream begin, and how many rows each has."""

    schema: Any
    starts: tuple[int, ...]
    rows: tuple[int, ...]


def _stamp(file: Path | Remote) -> tuple[int, ...]:
    """Return what changes when a file on disk does.

    Raises:
        OSError: it is not there.
    """
    if isinstance(file, Remote):
        return ()
    status = file.stat()
    return status.st_mtime_ns, status.st_size, status.st_ino


def _batches(file: Path | Remote) -> Batches:
    return _batches_at(file, _stamp(file))


def _metadata(file: Path | Remote) -> Any:
    return _metadata_at(file, _stamp(file))


@lru_cache(maxsize=1024)
def _batches_at(file: Path | Remote, _stamp: tuple[int, ...]) -> Batches:
    arrow = _arrow(file.name)
    starts, rows = [], []
    with arrow.memory_map(str(_on_disk(file))) as source:
        reader = arrow.ipc.open_stream(source)
        while True:
            at = source.tell()
            try:
                rows.append(reader.read_next_batch().num_rows)
            except StopIteration:
                break
            starts.append(at)
        source.seek(at)
        if source.read(len(END)) != END:
            raise DataError(f"{file.name} is cut short; download or save it again.")
    return Batches(reader.schema, tuple(starts), tuple(rows))


def _group(file: Path | Remote, group: int, column: str) -> Any:
    """Return a column of a group of rows."""
    if file.name.lower().endswith(SUFFIX):
        _check_size(file, group, column)
        return _parquet(file).read_row_group(group, columns=[column]).column(column)
    arrow, batches = _arrow(file.name), _batches(file)
    with arrow.OSFile(str(_on_disk(file))) as source:
        source.seek(batches.starts[group])
        batch = arrow.ipc.read_record_batch(arrow.ipc.read_message(source), batches.schema)
    return batch.column(batches.schema.get_field_index(column))


def _check_size(file: Path | Remote, group: int, column: str) -> None:
    """Refuse a group of rows that says it unpacks to more than is read at once.

    Raises:
        DataError: it does.
    """
    rows = _metadata(file).row_group(group)
    parts = (rows.column(at) for at in range(rows.num_columns))
    size = sum(
        part.total_uncompressed_size
        for part in parts
        if part.path_in_schema.partition(".")[0] == column.partition(".")[0]
    )
    if size > MOST_BYTES:
        raise DataError(
            f"a group of rows of {file.name} holds {size:,} bytes of pictures, more than the "
            f"{MOST_BYTES:,} read at once; write the file with smaller groups (row_group_size=100)."
        )


@lru_cache(maxsize=1024)
def _on_disk(file: Path | Remote) -> Path:
    return local_copy(file, "data.source") if isinstance(file, Remote) else file


@lru_cache(maxsize=1024)
def _metadata_at(file: Path | Remote, _stamp: tuple[int, ...]) -> Any:
    with _source(file) as source:
        return _arrow(file.name).parquet.read_metadata(source)


def _parquet(file: Path | Remote) -> Any:
    arrow = _arrow(file.name)
    return arrow.parquet.ParquetFile(_source(file), metadata=_metadata(file))


def _source(file: Path | Remote) -> Any:
    if isinstance(file, Remote):
        return file.opened()
    return _arrow(file.name).OSFile(str(file))


def _arrow(name: str) -> Any:
    try:
        import pyarrow
        import pyarrow.compute
        import pyarrow.parquet
    except ImportError as error:
        raise DataError(
            f"reading {name} needs pyarrow; install it with pip install 'concept-auditor[parquet]'."
        ) from error
    return pyarrow


def _holds_content(kind: Any) -> bool:
    types = _arrow("a table").types
    if types.is_struct(kind):
        at = kind.get_field_index("bytes")
        return at >= 0 and _holds_content(kind.field(at).type)
    return bool(types.is_binary(kind) or types.is_large_binary(kind))


def _classes(metadata: Mapping[bytes, bytes]) -> dict[str, tuple[str, ...]]:
    """Return the names of classes that Hugging Face's datasets write into a schema, by column."""
    try:
        features = json.loads(metadata[b"huggingface"])["info"]["features"]
        return {
            str(column): tuple(map(str, feature["names"]))
            for column, feature in features.items()
            if isinstance(feature, dict) and feature.get("_type") == "ClassLabel"
        }
    except (KeyError, ValueError, TypeError):
        return {}
