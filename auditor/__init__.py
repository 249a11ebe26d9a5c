"""Audit image classifiers with Concept Relevance Propagation.

``auditor.Explainer`` is the relevance engine as a library; it is loaded on first use so that
``import auditor`` does not import torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from auditor.relevance.explainer import Explainer

__all__ = ["Explainer", "__version__"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name == "Explainer":
        from auditor.relevance.explainer import Explainer

        return Explainer
    raise AttributeError(f"module 'auditor' has no attribute '{name}'")
