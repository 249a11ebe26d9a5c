"""How much an audit looks at: three presets, each a part of a config below everything given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Where an audit has too little time, no class that has as many images is cut below them.
LEAST_PER_CLASS = 50

PRESETS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "quick": {
        "data": {"limit": 600},
        "audit": {
            "max_classes": 10,
            "references": 6,
            "concepts": 3,
            "class_references": 3,
            "atlas_samples": 1,
            "composition": 0,
            "component_samples": 8,
            "max_pairs": 2,
            "strategies": 3,
            "mistakes": 3,
            "flipping_images": 8,
        },
        "shortcuts": {
            "per_class": 2,
            "total": 12,
            "members": 32,
            "targets": 32,
            "permutations": 1000,
        },
    },
    "standard": {},
    "deep": {
        "audit": {
            "max_classes": 100,
            "references": 24,
            "concepts": 12,
            "class_references": 12,
            "atlas_samples": 6,
            "composition": 4,
            "component_samples": 60,
            "max_pairs": 20,
            "flipping_images": 128,
        },
        "shortcuts": {
            "per_class": 10,
            "total": 200,
            "members": 150,
            "targets": 128,
            "permutations": 10000,
        },
    },
}
