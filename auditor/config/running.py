"""How an audit is done: by whom, and which part of it here; no number depends on it."""

from __future__ import annotations

from dataclasses import dataclass
from zlib import crc32

from pydantic import Field, field_validator

from auditor.config.section import Section


@dataclass(frozen=True)
class Share:
    """Job ``index`` of ``count`` that share a run, counted from 0."""

    index: int
    count: int

    @classmethod
    def of(cls, text: str) -> Share:
        """Read ``I/N``.

        Raises:
            ValueError: it is none.
        """
        index, _slash, count = text.partition("/")
        if not (index.isdecimal() and count.isdecimal() and int(count)):
            raise ValueError(f"'{text}' is no shard: write I/N, such as 0/4 for the first of four")
        share = cls(int(index), int(count))
        if share.index >= share.count:
            last = f"{share.count - 1}/{share.count}"
            raise ValueError(
                f"there is no shard {text}: the shards of {share.count} are 0/{share.count} to "
                f"{last}"
            )
        return share

    @property
    def leads(self) -> bool:
        """Say whether this is the job that puts together what all did."""
        return self.index == 0

    def owner(self, name: str) -> int:
        """Return the index of the job that does the task of a name."""
        return crc32(name.encode()) % self.count


class RunConfig(Section):
    """Who does the work of an audit; no number depends on it."""

    executor: str = Field(
        "inline",
        description="Who does the tasks: inline (this process), processes (several of this "
        "machine), ray (the cluster of RAY_ADDRESS, else one of this machine; needs the extra "
        "ray), or the name of an executor that a plugin registers.",
    )
    workers: int | None = Field(
        None,
        ge=1,
        description="Worker processes of the executor (default: one per core, or per GPU with "
        "ray).",
    )
    loaders: int | None = Field(
        None,
        ge=0,
        description="Threads that read and decode pictures ahead of the model, 0 for none "
        "(default: 4 where the model runs on a GPU and the data is files, else none). With them a "
        "dataset of your own is asked by several threads at once.",
    )
    shard: str | None = Field(
        None,
        description="Which part of the tasks this job does, as I/N: jobs 0/N to N-1/N run the same "
        "command on one file system, and 0/N writes the result.",
    )

    @field_validator("shard")
    @classmethod
    def _known_shard(cls, text: str | None) -> str | None:
        if text is not None:
            Share.of(text)
        return text

    @property
    def share(self) -> Share:
        """Which part of the tasks this job does: all of them where no shard is given."""
        return Share(0, 1) if self.shard is None else Share.of(self.shard)
