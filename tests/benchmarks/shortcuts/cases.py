"""What a model of the benchmark is: data, network, seed and what was planted where."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

# By default half: of the first artefacts networks then go by most and not by all.
MISFILED = 0.5
Kind = Literal["planted", "clean", "balanced", "two", "shared", "training only"]


@dataclass(frozen=True)
class Plant:
    """An artefact on a share ``prevalence`` of the pictures of each of ``classes`` (outputs)."""

    artefact: str
    classes: tuple[int, ...]
    prevalence: float


@dataclass(frozen=True)
class Case:
    """One model of the grid.

    ``kind``: 'training only' plants in the training pictures alone, all others in both halves.
    ``repeat``: search twice and compare the two reports byte for byte. ``side``: of the pictures.
    ``misfiled``: the share of training pictures with an artefact that show another class.
    """

    data: str
    net: str
    seed: int
    kind: Kind
    plants: tuple[Plant, ...] = ()
    repeat: bool = False
    side: int = 64
    misfiled: float = MISFILED

    @property
    def id(self) -> str:
        """Name the case, as a file may be called."""
        marks = [
            f"{each.artefact.replace(' ', '_')}{round(100 * each.prevalence)}"
            f"@{'-'.join(map(str, each.classes)) if len(each.classes) < 4 else 'all'}"
            for each in self.plants
        ]
        kind = self.kind.replace(" ", "_")
        data = self.data.replace(" ", "_")
        size = [] if self.side == 64 else [f"{self.side}px"]
        return "_".join([kind, *marks, data, self.net, *size, f"s{self.seed}"])

    def training(self) -> dict[str, Any]:
        """Return what the trained model depends on."""
        given = asdict(self)
        keys = ("data", "net", "seed", "plants", *(["side"] if self.side != 64 else []))
        return {key: given[key] for key in keys}

    def clean(self) -> Case:
        """Return the case of the model that this one starts from, trained without artefacts."""
        return replace(self, plants=(), misfiled=MISFILED)

    @property
    def validation_plants(self) -> tuple[Plant, ...]:
        """What is planted in the pictures that are audited."""
        return () if self.kind == "training only" else self.plants


def digest(value: Any) -> str:
    """Return 16 hex digits that identify a value made of plain data."""
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
