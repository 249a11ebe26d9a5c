"""Audit image classifiers with Concept Relevance Propagation.

``auditor.Explainer`` is the relevance engine as a library, with ``auditor.Condition`` and
``auditor.Selection`` to say which flow is asked for; they are loaded on first use so that ``import
auditor`` does not import torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from auditor.relevance.explainer import Explainer
    from auditor.relevance.sweep.conditions import Condition, Selection

__all__ = ["Condition", "Explainer", "Selection", "__version__"]
__version__ = "0.2.0"


def __getattr__(name: str) -> Any:
    if name == "Explainer":
        from auditor.relevance.explainer import Explainer

        return Explainer
    if name in {"Condition", "Selection"}:
        from auditor.relevance.sweep import conditions

        return getattr(conditions, name)
    raise AttributeError(f"module 'auditor' has no attribute '{name}'")
