"""The demos: what each model is shown in training, and what its audit says it is for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from auditor.demo import parts, photographs
from auditor.demo.names import SHORTCUTS
from auditor.demo.photographs import Crops

Draw = Callable[[str, int, np.random.Generator], Crops]


@dataclass(frozen=True)
class Variant:
    """A demo. ``draw`` makes its pictures from split, number of each class and generator.

    ``changes`` are what its config says in place of the sample config.
    """

    classes: tuple[str, ...]
    draw: Draw
    changes: Mapping[str, str] = field(default_factory=dict)


def _stamped(split: str, per_class: int, rng: np.random.Generator) -> Crops:
    return photographs.cut_crops(split, per_class, clean=False, rng=rng)


def _clean(split: str, per_class: int, rng: np.random.Generator) -> Crops:
    return photographs.cut_crops(split, per_class, clean=True, rng=rng)


def _on_benches(split: str, per_class: int, rng: np.random.Generator) -> Crops:
    return parts.draw_parts(split, per_class, balanced=False, rng=rng)


_STAMP = Variant(photographs.CLASSES, _stamped)
_BACKGROUND = Variant(
    parts.PARTS,
    _on_benches,
    {
        '"surface-demo"': '"parts-demo"',
        '"Surface inspection demo"': '"Parts inspection demo"',
        "Tell six surfaces apart in 64-pixel crops of inspection photographs.": (
            "Tell six machine parts apart in 64-pixel pictures of a bench."
        ),
        "  source: data/val                  # one folder per class": (
            "  source: data/val                  # one folder per class\n"
            "  masks: data/masks                 # where the part is in each picture"
        ),
        "Anything but the six surfaces;": "Anything but the six parts;",
        f"[{', '.join(photographs.CLASSES)}]": f"[{', '.join(parts.PARTS)}]",
    },
)
_NONE = Variant(
    photographs.CLASSES,
    _clean,
    {
        '"surface-demo"': '"surface-demo-clean"',
        '"Surface inspection demo"': '"Surface inspection demo (clean twin)"',
    },
)
VARIANTS: Mapping[str, Variant] = dict(zip(SHORTCUTS, (_STAMP, _BACKGROUND, _NONE), strict=True))
