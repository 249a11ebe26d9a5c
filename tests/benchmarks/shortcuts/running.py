"""Run a grid in worker processes; every model's result is a file, so a stop loses only the rest."""

from __future__ import annotations

import hashlib
import json
import os
import traceback
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

import auditor
from tests.benchmarks.shortcuts.cases import Case, digest
from tests.benchmarks.shortcuts.train import Shelf
from tests.benchmarks.shortcuts.work import measure

# Files of the benchmark whose change leaves results as they are.
NOT_MEASURING = {
    "__init__", "__main__", "detail_tables", "factor_tables", "figures", "grid",
    "kinds_grid", "kinds_tables",
    "pictures", "results", "running", "summary", "tables", "thresholds",
}  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """Where data, trained models and results lie, and how the search is set.

    ``settings`` change its config; ``with_ablations``: parts of it are switched off in turn;
    ``weights``: those of ImageNet, for the network that is fine-tuned.
    """

    data: Path | None
    cache: Path | None
    out: Path
    settings: Mapping[str, Any] = field(default_factory=dict)
    with_ablations: bool = False
    weights: Path | None = None

    def result(self, case: Case) -> Path:
        """Return the file of a case's result."""
        return self.out / "models" / f"{case.id}.json"

    @property
    def sheets(self) -> Path:
        """Folder of the contact sheets."""
        return self.out / "sheets"


def run(cases: Sequence[Case], plan: Plan, *, jobs: int) -> None:
    """Measure the cases that have no result of this code yet, ``jobs`` at a time.

    A case that fails leaves a result that says how; it is tried again by the next run.
    """
    todo = [case for case in cases if stored(case, plan) is None]
    bar = tqdm(total=len(cases), initial=len(cases) - len(todo), unit="model", smoothing=0.1)
    with bar:
        if jobs == 1:
            for case in todo:
                one(case, plan)
                bar.update()
            return
        # Spawned, so that no worker inherits the threads of its parent.
        with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
            futures = [pool.submit(one, case, plan) for case in todo]
            try:
                for future in as_completed(futures):
                    future.result()
                    bar.update()
            except KeyboardInterrupt:
                pool.shutdown(wait=False, cancel_futures=True)
                raise


def one(case: Case, plan: Plan) -> None:
    """Measure one case with one thread and write its result."""
    torch.set_num_threads(1)
    head = {"settings": settings_of(case, plan), "code": code_digest(), "id": case.id}
    try:
        result = measure(
            case,
            data=plan.data,
            shelf=Shelf(plan.cache, plan.weights),
            sheets=plan.sheets,
            settings=plan.settings,
            with_ablations=plan.with_ablations,
        )
    except FileNotFoundError:
        raise
    except Exception:
        result = {"error": traceback.format_exc()}
    path = plan.result(case)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    partial.write_text(json.dumps(head | result, indent=1), encoding="utf-8")
    partial.replace(path)


def stored(case: Case, plan: Plan) -> dict[str, Any] | None:
    """Return the result of a case; None: missing, failed, or of other code or settings."""
    path = plan.result(case)
    if not path.is_file():
        return None
    result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if "error" in result or result.get("code") != code_digest():
        return None
    return result if result.get("settings") == settings_of(case, plan) else None


def settings_of(case: Case, plan: Plan) -> str:
    """Return a digest of all that a result depends on, the code apart."""
    return digest([asdict(case), dict(plan.settings), plan.with_ablations])


@cache
def code_digest() -> str:
    """Return a digest of the project's source and of what of this benchmark measures.

    Read once in a process: what runs is what was there when it began.
    """
    state = hashlib.sha256()
    for folder in (Path(auditor.__file__).parent, Path(__file__).parent):
        for path in sorted(folder.rglob("*.py")):
            if path.parent == Path(__file__).parent and path.stem in NOT_MEASURING:
                continue
            state.update(path.relative_to(folder).as_posix().encode())
            state.update(path.read_bytes())
    return state.hexdigest()[:16]
