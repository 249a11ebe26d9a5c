"""Random streams by name: what draws one number never depends on what else is drawn."""

from __future__ import annotations

import hashlib
import json
from typing import SupportsInt

import numpy as np

Name = str | SupportsInt


def stream(seed: int, *names: Name) -> np.random.Generator:
    """Return the generator of what ``names`` say, the same wherever it is asked for.

    Other names, or the same in another order, give an independent generator: the SHA-256 digest of
    seed and names is the entropy. The first name says what is drawn, the others of what: a class,
    a layer, a candidate.
    """
    return np.random.default_rng(np.random.SeedSequence(_entropy(seed, names)))


def library_seed(seed: int, *names: Name) -> int:
    """Return a number in [0, 2**32) for a library that takes one in place of a generator."""
    return _entropy(seed, names) % 2**32


def _entropy(seed: int, names: tuple[Name, ...]) -> int:
    # As JSON no two lists of names are written alike: ("a", "b") and ("ab",), (1,) and ("1",).
    written = json.dumps([int(seed), *names], default=int)
    return int.from_bytes(hashlib.sha256(written.encode()).digest())
