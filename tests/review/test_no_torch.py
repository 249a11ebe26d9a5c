"""Comparing, deciding, keeping and verifying need no model and no torch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.review.made import audit, card, write

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
BLOCKED = (
    "import sys\n"
    "class Refuse:\n"
    "    def find_spec(self, name, path=None, target=None):\n"
    "        if name.partition('.')[0] in ('torch', 'torchvision'): raise ImportError(name)\n"
    "sys.meta_path.insert(0, Refuse())\n"
    "from auditor.__main__ import run\n"
    "for line in sys.stdin.read().splitlines():\n"
    "    code = run(line.split())\n"
    "    if code: sys.exit(f'{line}: {code}')\n"
)


def test_every_command_of_a_review_works_without_torch(base, one, tmp_path: Path) -> None:
    write(tmp_path / "runs" / "a", audit(base, [card(one)]))
    write(tmp_path / "runs" / "b", audit(base), created="2026-04-01T00:00:00Z")
    commands = (
        "compare runs/a runs/b",
        "compare runs/a runs/b --format json --to c.json",
        "review runs/a --finding F1 --confirm --reason r --person p --no-render",
        "review runs/a --list",
        "history runs",
        "verify runs/a",
    )
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED],
        input="\n".join(commands),
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
