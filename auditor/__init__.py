"""Audit image classifiers with Concept Relevance Propagation.

``auditor.audit`` audits a model and data that are objects, ``auditor.open_run`` opens a finished
run; ``auditor.Explainer`` is the relevance engine. `auditor docs python` has all names. They are
loaded on first use, so that ``import auditor`` imports no torch; their types are in the stub beside
this file.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOMES = {
    "Condition": "auditor.relevance.sweep.conditions",
    "Explainer": "auditor.relevance.explainer",
    "Explanation": "auditor.relevance.sweep.results",
    "Finding": "auditor.api.finished",
    "Gate": "auditor.api.finished",
    "Run": "auditor.api.finished",
    "Selection": "auditor.relevance.sweep.conditions",
    "audit": "auditor.api.auditing",
    "heat": "auditor.base.heatmaps",
    "open_run": "auditor.api.finished",
    "overlay": "auditor.base.heatmaps",
}
__all__ = ["__version__", *_HOMES]
__version__ = "0.2.0"


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'auditor' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
