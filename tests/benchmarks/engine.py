"""Time the engine: ``python -m tests.benchmarks.engine --rows ... [--markdown]``.

Prints one JSON object with a row per measure, or the manual's table. Every figure is the median of
interleaved runs (ours, then the other's, and again), every ratio comes from one process. Weights
and images are random; batch norm is folded beforehand on the side of zennit-crp too, which runs
at the fastest of several batch sizes as its documentation has it. Freed memory is kept in the
process, for both sides, as the command line does.
"""

from __future__ import annotations

import argparse
import json
import platform

import torch

from auditor.relevance.sweep.numerics import keep_memory
from tests.benchmarks.engine_row import Row, Sizes
from tests.benchmarks.engine_rows import ROWS


def main() -> None:
    """Parse the arguments, run, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--size", type=int, default=224, help="pixels per side")
    parser.add_argument("--concepts", type=int, default=64)
    parser.add_argument("--peer-concepts", type=int, default=16, help="of them, timed for the peer")
    parser.add_argument("--peer-batches", nargs="+", type=int, default=[2, 4, 8])
    parser.add_argument("--images", type=int, default=64, help="for statistics and references")
    parser.add_argument("--markdown", action="store_true", help="print the table of the manual")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    keep_memory()
    sizes = Sizes(
        runs=arguments.runs, size=arguments.size, concepts=arguments.concepts,
        peer_concepts=min(arguments.peer_concepts, arguments.concepts),
        peer_batches=tuple(arguments.peer_batches), images=arguments.images,
    )  # fmt: skip
    rows = [row for name in arguments.rows for row in ROWS[name](sizes)]
    if arguments.markdown:
        print(markdown(rows))
        return
    machine = {"threads": arguments.threads, "processor": platform.processor() or "unknown"}
    machine["torch"] = torch.__version__
    machine["gpu"] = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    print(json.dumps({**machine, "sizes": vars(sizes), "rows": [vars(row) for row in rows]}))


def markdown(rows: list[Row]) -> str:
    """Return the rows as a table."""
    lines = [
        "| measure | this engine | compared with | ratio | goal |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.measure} | {row.ours} {row.unit} | {row.other} {row.unit} ({row.against}) | "
        f"{row.ratio} | {row.goal} |"
        for row in rows
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
