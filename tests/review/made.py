"""Audits made up for tests: real documents, with the findings that a test asks for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from auditor.records.part import Interval
from auditor.records.shortcuts import Signature
from auditor.report.document.analyses import Identity, LayerIdentity
from auditor.report.document.result import AuditResult, FindingCard
from auditor.shortcuts.tests import FLIP_EXCESS, in_order
from tests.runs import list_as_written

CONFIG = {
    "project": {"name": "surfaces"},
    "model": {"source": "net.py:build"},
    "data": {"source": "photos", "limit": None},
    "audit": {"seed": 0},
    "shortcuts": {"proposals": ["P1", "P2"]},
}


def look(seed: int = 0, place: tuple[float, float] = (0.85, 0.7)) -> Signature:
    """Return a look; another seed is another artefact."""
    generator = np.random.default_rng(seed)
    cells = generator.random((8, 8, 3))
    return Signature(
        area=0.05,
        place=place,
        spread=0.02,
        colour=tuple(float(value) for value in generator.random(3)),
        look=tuple(tuple(tuple(map(float, cell)) for cell in row) for row in cells),
    )


def card(base: FindingCard, number: int = 1, seed: int = 0, **changes: Any) -> FindingCard:
    """Return a finding with a look of its own: grade A, critical, on the class of ``base``."""
    effect, n = changes.pop("effect", 0.6), changes.pop("n", 64)
    half = 1.96 * (effect * (1 - effect) / n) ** 0.5
    flips = FLIP_EXCESS.result(
        outcome="supports",
        effect=effect,
        low=max(0.0, effect - half),
        high=min(1.0, effect + half),
        n=n,
        p=0.001,
        q=0.001,
    )
    details = base.details.model_copy(update={"signature": look(seed)})
    same = {
        "id": f"F{number}",
        "fingerprint": f"{seed:016x}",
        "title": f"Mark {seed} in '{base.class_name}'",
        "what": f"mark {seed} in {base.class_name}",
        "grade": "A",
        "severity": "critical",
        "kind": "P1",
        "evidence": in_order([flips]),
        "details": details,
        "carriers": [],
    }
    return base.model_copy(update=same | changes)


def identity(
    classes: Sequence[str], wrong: Sequence[int] = (), per_class: int = 40, moved: bool = False
) -> Identity:
    """Return who was wrong where, and six concepts of a layer; ``moved`` ones change places."""
    generator = np.random.default_rng(0)
    samples = [f"{name}/{i:03d}.png" for name in classes for i in range(per_class)]
    references = [sorted(generator.permutation(len(samples))[:8].tolist()) for _ in range(6)]
    shares = generator.random((6, len(classes))).round(3).tolist()
    order = [3, 0, 5, 1, 4, 2] if moved else list(range(6))
    return Identity(
        samples=samples,
        layers=[
            LayerIdentity(
                layer="stage3",
                classes=list(classes),
                concepts=list(range(6)),
                references=[references[place] for place in order],
                shares=[shares[place] for place in order],
            )
        ],
        classes=list(classes),
        labels=[label for label in range(len(classes)) for _ in range(per_class)],
        wrong=list(wrong),
    )


def audit(base: AuditResult, findings: Sequence[FindingCard] = (), **changes: Any) -> AuditResult:
    """Return the audit of ``base`` with other findings, and whatever else is changed.

    ``config`` is merged into `CONFIG` section by section; ``wrong`` are places of wrong pictures.
    """
    classes = [item.name for item in base.classes]
    config = {**CONFIG}
    for section, values in changes.pop("config", {}).items():
        config[section] = {**config.get(section, {}), **values}
    wrong = changes.pop("wrong", ())
    right = len(classes) * 40 - len(wrong)
    n = len(classes) * 40
    accuracy = Interval(value=right / n, low=right / n - 0.05, high=right / n + 0.05, n=n)
    scope = base.scope.model_copy(update={"name": "surfaces"} | changes.pop("scope", {}))
    search = base.search.model_copy(update=changes.pop("search", {}))
    same = {
        "findings": list(findings),
        "factors": None,
        "scope": scope,
        "search": search,
        "identity": identity(classes, wrong, moved=changes.pop("moved", False)),
        "performance": base.performance.model_copy(update={"accuracy": accuracy}),
        "classes": [item.model_copy(update={"searched": True}) for item in base.classes],
        "config": yaml.safe_dump(config),
    }
    return AuditResult.model_validate((base.model_copy(update=same | changes)).model_dump())


def write(folder: Path, result: AuditResult, created: str = "2026-03-01T00:00:00Z") -> Path:
    """Write a complete run folder and return it; pictures are not part of it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "audit.json").write_text(result.model_dump_json(indent=1))
    document = yaml.safe_load(result.config)
    (folder / "config.yaml").write_text(yaml.safe_dump(document))
    facts = {"key": result.run * 8, "created": created, "name": result.scope.name}
    return list_as_written(folder, **facts)
