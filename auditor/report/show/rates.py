"""How sure the method is: what it found, and where it was wrong, on models with known shortcuts."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from auditor.language.numbers import number
from auditor.language.speaking import gettext as _

FILE = Path(__file__).with_name("measured_rates.json")


@cache
def measured_rates() -> dict[str, int]:
    """Return the counts of the benchmark, which writes them; see `auditor docs benchmarks`."""
    found: dict[str, int] = json.loads(FILE.read_text(encoding="utf-8"))
    return found


def rates_sentence() -> str:
    """Say how many planted shortcuts were shown, and how many models without any had a finding."""
    counts = {name: number(count) for name, count in measured_rates().items()}
    return _(
        "Tried on %(models)s small models whose shortcuts were known: %(shown)s of %(planted)s "
        "planted ones that a model relied on were shown, %(graded)s as a finding and the others as "
        "a question; of %(negatives)s models without any, %(alarmed)s had a finding all the same, "
        "and %(own)s had one of what their data really have.",
        **counts,
    )
