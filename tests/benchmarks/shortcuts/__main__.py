"""Measure the search for clever-Hans candidates on models with planted artefacts.

    python -m tests.benchmarks.shortcuts --grid smoke --out DIR
    python -m tests.benchmarks.shortcuts --grid full --data DIR --cache DIR --out DIR --jobs 2
    python -m tests.benchmarks.shortcuts --grid fresh --data DIR --out DIR --jobs 2
    python -m tests.benchmarks.shortcuts --grid factors --data DIR --out DIR
    python -m tests.benchmarks.shortcuts --grid kinds --data DIR --weights FILE --out DIR --jobs 2
    python -m tests.benchmarks.shortcuts --grid ci --out DIR

'kinds' has every kind of shortcut on five networks, 60 clean and 60 balanced models; 'ci' is 24 of
the built-in photographs.
``--data`` holds clothing/ and caltech/, one folder of pictures per class at any depth. Every
model's result is a file in DIR/models: run the same command again and it goes on where it
stopped. DIR/results.md is the page with all tables and the sheets of what failed, DIR/results.json
the numbers, DIR/readme.md the section of the manual, which ``--manual`` puts there; ``--rates``
writes the counts that every report states (auditor/report/show/measured_rates.json).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.benchmarks.shortcuts.grid import GRIDS, SETTINGS
from tests.benchmarks.shortcuts.results import put_rates, put_section, write_results
from tests.benchmarks.shortcuts.running import Plan, run, stored


def main(arguments: list[str] | None = None) -> int:
    """Run a grid and write its results; 1 when a model failed, 130 when it was interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.shortcuts",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--grid", choices=GRIDS, default="smoke", help="which models")
    parser.add_argument("--data", type=Path, help="folder of clothing/ and caltech/")
    parser.add_argument("--cache", type=Path, help="folder of trained models (default: OUT/cache)")
    parser.add_argument("--weights", type=Path, help="ImageNet weights: mobilenet_v2-b0353104.pth")
    parser.add_argument("--out", type=Path, required=True, help="folder of the results")
    parser.add_argument("--jobs", type=int, default=1, help="processes, one thread each")
    parser.add_argument("--ablations", action="store_true", help="also with each part off")
    parser.add_argument("--only", nargs="+", default=[], help="models whose id holds one of these")
    parser.add_argument(
        "--part", default="1/1", metavar="K/N", help="only every N-th model, for N tasks at once"
    )
    parser.add_argument("--page", action="store_true", help="write the page from what is there")
    parser.add_argument("--manual", type=Path, help="page that has this grid's section")
    parser.add_argument("--rates", type=Path, help="file of the counts that reports state")
    given = parser.parse_args(arguments)
    cases = GRIDS[given.grid]()
    if given.only:
        cases = [case for case in cases if any(part in case.id for part in given.only)]
    plan = Plan(
        given.data,
        given.cache or given.out / "cache",
        given.out,
        SETTINGS.get(given.grid, {}),
        given.ablations,
        given.weights,
    )
    interrupted = False
    part, parts = (int(number) for number in given.part.split("/"))
    if not given.page:
        try:
            run(cases[part - 1 :: parts], plan, jobs=given.jobs)
        except KeyboardInterrupt:
            interrupted = True
            print("stopped; the same command goes on from here", file=sys.stderr)
        except FileNotFoundError as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
    failed = write_results(given.grid, cases, plan)
    if given.manual:
        put_section(given.manual, (given.out / "readme.md").read_text(encoding="utf-8"))
    if given.rates:
        put_rates(given.rates, given.out)
    missing = sum(stored(case, plan) is None for case in cases)
    print(f"{given.out / 'results.md'}: {len(cases) - missing} of {len(cases)} models")
    if interrupted:
        return 130
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
