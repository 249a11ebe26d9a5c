"""Log an audit to TensorBoard: figures as scalars, verdict and summary as texts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from auditor.completion.logged import failed, figures, labels_of, missing
from auditor.report.document.result import AuditResult


def log_run(run: Path, result: AuditResult, summary: Mapping[str, Any], *, folder: Path) -> str:
    """Write an event file into ``folder`` / name of the run, in place of earlier ones there.

    So the same audit again is one run of TensorBoard. All is at step 0. Returns a warning, or an
    empty text.
    """
    try:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.summary.writer.event_file_writer import EventFileWriter
    except ImportError:
        return missing("TensorBoard", "tensorboard")
    place = folder / run.name
    try:
        before = list(place.glob("events.out.tfevents.*"))
        with closing(EventFileWriter(str(place))) as writer:
            for values in _values(run, result, summary):
                writer.add_event(Event(step=0, summary=values))
        for earlier in before:
            earlier.unlink()
    except Exception as error:  # a full disk, and what TensorBoard makes of it
        return failed("TensorBoard", error)
    return ""


def _values(run: Path, result: AuditResult, summary: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the summaries of an event file: a scalar for each figure, then the texts."""
    from tensorboard.plugins.scalar.summary import scalar_pb
    from tensorboard.plugins.text.summary import text_pb

    for name, value in figures(result):
        yield scalar_pb(f"audit/{name}", value)
    for name, text in labels_of(run, result, summary).items():
        yield text_pb(name, text)
    if (run / "summary.md").is_file():
        yield text_pb("auditor.summary", (run / "summary.md").read_text(encoding="utf-8"))
