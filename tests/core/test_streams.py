"""Every random number comes from a stream that is named, and no two names share one."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import auditor
from auditor.base.streams import library_seed, stream

PACKAGE = Path(auditor.__file__).parent
# What the demo shows is made by its own generators: its data and its model are no audit's draws.
# A dictionary of a user's may draw where its codes begin: at the same ones each time.
OWN = ("base/streams.py", "demo/", "subject/overcomplete_models.py")
SEARCH = "causal/context.py"
MAKERS = {"default_rng", "RandomState", "SeedSequence", "PCG64", "manual_seed", "Random"}


def first(*names: object, seed: int = 0) -> float:
    return float(stream(seed, *names).random())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("a",), ("b",)),
        (("a",), ("a", 0)),
        (("a", 0), ("a", 1)),
        (("a", "b"), ("b", "a")),
        (("a", "b"), ("ab",)),
        (("a", "b"), ('a", "b',)),
        (("a", 1), ("a", "1")),
        (("a", 1, 2), ("a", 12)),
        ((), (0,)),
    ],
)
def test_other_names_are_another_stream(one: tuple[object, ...], other: tuple[object, ...]) -> None:
    assert first(*one) != first(*other)


def test_a_seed_is_no_name_and_neighbours_do_not_meet() -> None:
    found = {first(*names, seed=seed) for seed in range(9) for names in ((), (0,), (1,), ("a",))}
    assert len(found) == 9 * 4
    assert first("a", np.int64(3)) == first("a", 3)


def test_the_same_names_give_the_same_numbers_in_another_process() -> None:
    code = (
        "from auditor.base import streams as s; "
        "print(s.stream(5, 'é', 2).random(), s.library_seed(5, 'é'))"
    )
    run = [sys.executable, "-c", code]
    found = subprocess.run(run, capture_output=True, text=True, check=True, cwd=PACKAGE.parent)
    assert found.stdout.split() == [str(stream(5, "é", 2).random()), str(library_seed(5, "é"))]
    assert 0 <= library_seed(5, "é") < 2**32


def calls() -> list[tuple[str, ast.Call]]:
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE)
        if not name.as_posix().startswith(OWN):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            found += [(str(name), each) for each in ast.walk(tree) if isinstance(each, ast.Call)]
    return found


def called(call: ast.Call) -> str:
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def test_nothing_draws_but_from_a_stream() -> None:
    for name, call in calls():
        assert called(call) not in MAKERS, f"{name}:{call.lineno} makes a generator of its own"
        for keyword in call.keywords:
            literal = isinstance(keyword.value, ast.Constant)
            assert not (keyword.arg == "random_state" and literal), f"{name}:{call.lineno}"


def test_every_stream_says_what_it_draws_and_no_two_say_the_same() -> None:
    purposes = Counter()
    for name, call in calls():
        if called(call) in ("stream", "library_seed", "rng"):
            purpose = call.args[0 if called(call) == "rng" else 1]
            if isinstance(purpose, ast.Name) and name == SEARCH:  # hands on the purpose it is given
                continue
            assert isinstance(purpose, ast.Constant), f"{name}:{call.lineno}"
            assert isinstance(purpose.value, str), f"{name}:{call.lineno}"
            purposes[purpose.value] += 1
    assert len(purposes) > 20
    assert [purpose for purpose, count in purposes.items() if count > 1] == []
