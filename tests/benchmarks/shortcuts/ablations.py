"""The search with one of its parts switched off."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from auditor.causal import nulls, search, transplant, trial
from auditor.shortcuts.propose.proposals import chosen_proposals

CONTROLS = {
    "another class": transplant.OTHER_CLASS,
    "non-members": transplant.NON_MEMBER,
    "same image": transplant.SAME_IMAGE,
}


@dataclass(frozen=True)
class Ablation:
    """What is off: a change of the config, or of the search while the context is open."""

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    context: Callable[[], AbstractContextManager[Any]] = nullcontext


def ablations() -> list[Ablation]:
    """Return all of them, for whatever proposals and controls the search has.

    Terms of implausibility need no second search: the page leaves them out of what was stored.
    """
    return [*_proposals(), *_controls()]


def _proposals() -> list[Ablation]:
    names = chosen_proposals(None)
    return [
        Ablation(f"without {name}", {"proposals": [each for each in names if each != name]})
        for name in names
    ]


def _controls() -> list[Ablation]:
    """Leave one control of the transplants out, and all but the first."""
    every = list(CONTROLS.values())
    found = [
        Ablation(f"without control: {name}", context=_keeping([c for c in every if c != control]))
        for name, control in CONTROLS.items()
    ]
    only = _keeping([transplant.OTHER_CLASS])
    return [*found, Ablation("only control: another class", context=only)]


def _keeping(kept: Sequence[str]) -> Callable[[], AbstractContextManager[Any]]:
    original = transplant.controls_of

    def fewer(pairing: transplant.Pairing) -> tuple[str, ...]:
        return tuple(name for name in original(pairing) if name in kept)

    @contextmanager
    def context() -> Iterator[None]:
        with ExitStack() as stack:
            for module in (transplant, trial, nulls, search):
                stack.enter_context(patch.object(module, "controls_of", fewer))
            yield

    return context
