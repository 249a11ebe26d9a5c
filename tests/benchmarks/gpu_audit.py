"""A whole audit on a GPU beside the same on the CPU, and the pass by loader threads and batch.

    python -m tests.benchmarks.gpu_audit --data DIR --weights FILE --out DIR --minutes 10

``--data`` holds one folder of photographs per class, named as outputs of the model; ``--weights``
are MobileNet v2's. It prints images per second of the pass with 0, 4 and 8 loader threads and
batches of 16, 64 and 256, the rows of `engine_gpu` (the share of the device's arithmetic or
bandwidth), and whether both audits come to the same verdict, findings and grades; it ends with 1
where they do not. Without a GPU it says so and ends with 2. What does not fit into ``--minutes`` is
left out and named. No GPU has run it yet.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from auditor.config.audit import Config
from auditor.pipeline.opening import make_explainer
from auditor.relevance.over_data.collect import PassPlan, collect_shard
from auditor.relevance.sweep.numerics import exact
from auditor.subject import load_subject
from tests.benchmarks.engine_gpu import gpu_rows
from tests.benchmarks.engine_row import Sizes

LOADERS, BATCHES = (0, 4, 8), (16, 64, 256)
LAYER = "features.14"
SIDE = 224
ROWS = 512
SIZES = Sizes(runs=3, size=SIDE, concepts=64, peer_concepts=8, peer_batches=(8,), images=64)


def config(data: Path, weights: Path, device: str) -> Config:
    """Return the config of the audit on a device."""
    return Config.model_validate(
        {
            "version": 1,
            "model": {
                "source": "torchvision:mobilenet_v2",
                "weights": str(weights),
                "device": device,
            },
            "data": {"source": str(data), "labels": "name"},
            "preprocess": {
                "resize": [SIDE, SIDE],
                "crop": SIDE,
                "mean": [0.485, 0.456, 0.406],
                "std": [0.229, 0.224, 0.225],
            },
        }
    )


def passes(data: Path, weights: Path) -> Iterator[str]:
    """Yield images per second of the pass by loader threads and batch."""
    subject = load_subject(config(data, weights, "cuda"), Path())
    explainer = make_explainer(config(data, weights, "cuda"), subject)
    rows = range(min(ROWS, len(subject.manifest)))
    with exact(subject.device):
        for batch in BATCHES:
            plan = PassPlan((LAYER,), "prediction", batch, ROWS)
            for loaders in LOADERS:
                collect_shard(explainer, subject, plan, rows[:batch], lambda _: None)
                torch.cuda.synchronize()
                start = time.perf_counter()
                collect_shard(explainer, subject, plan, rows, lambda _: None, loaders=loaders)
                torch.cuda.synchronize()
                rate = len(rows) / (time.perf_counter() - start)
                yield f"pass, batch {batch}, {loaders} loader threads: {rate:.0f} images a second"


def audited(data: Path, weights: Path, out: Path, device: str, limit: float) -> dict[str, Any]:
    """Run the command on a device; return the result's decisions and what it took in seconds."""
    out.mkdir(parents=True, exist_ok=True)
    written = out / f"{device}.json"
    written.write_text(config(data, weights, device).model_dump_json(), encoding="utf-8")
    start = time.perf_counter()
    subprocess.run(
        [
            *(sys.executable, "-m", "auditor", "run", str(written), "--out", str(out / device)),
            *("--set", "report.formats=[]", "--quiet"),
        ],
        check=True,
        timeout=limit,
    )
    (result,) = (out / device).glob("*/audit.json")
    return decisions(json.loads(result.read_text())) | {"took": time.perf_counter() - start}


def decisions(result: dict[str, Any]) -> dict[str, Any]:
    """Return what a reader acts on: verdict, and class, kind and grade of all that is listed."""
    factors = (result.get("factors") or {}).get("factors", [])
    return {
        "verdict": result["verdict"]["code"],
        "findings": sorted((f["class_name"], f["kind"], f["grade"]) for f in result["findings"]),
        "factors": sorted((f["class_name"], f["statistic"], f["grade"] or "") for f in factors),
    }


def main() -> int:
    """Run everything that fits into the time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=10.0)
    given = parser.parse_args()
    if not torch.cuda.is_available():
        print("no GPU is at hand", file=sys.stderr)
        return 2
    end = time.monotonic() + 60 * given.minutes
    for line in passes(given.data, given.weights):
        print(line, flush=True)
    found = {}
    for device in ("cuda", "cpu"):
        try:
            left = max(1.0, end - time.monotonic())
            found[device] = audited(given.data, given.weights, given.out, device, left)
        except subprocess.TimeoutExpired:
            print(f"left out, no time: the audit on {device}", flush=True)
            continue
        print(f"audit on {device}: {found[device].pop('took'):.0f} s", flush=True)
    if len(found) == 2:
        print("same decisions and grades" if found["cuda"] == found["cpu"] else f"DIFFER: {found}")
    if time.monotonic() < end:
        for row in gpu_rows(SIZES):
            print(row)
    return int(len(found) == 2 and found["cuda"] != found["cpu"])


if __name__ == "__main__":
    raise SystemExit(main())
