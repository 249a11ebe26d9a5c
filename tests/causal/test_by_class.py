"""The search class by class: through files, in another order and from new starts it is the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from auditor.causal.by_class import OF_CLASSES, compared_classes
from auditor.causal.context import Search
from auditor.causal.images import Shelf, Stage, load_members, recalled
from auditor.causal.search import find_shortcuts, stage_of
from auditor.config.audit import ShortcutConfig
from auditor.records.stages import ShortcutReport
from auditor.run.codec import load_record, save_record
from auditor.run.tasks import Task, commit, record_of
from auditor.shortcuts.scenes import GROUPS
from tests.causal.worlds import WideModel, World, world

CONFIG = ShortcutConfig(permutations=200, per_class=2, targets=24)


class ThroughFiles:
    """Does the classes last to first, each as a new process would, and keeps nothing in memory."""

    def __init__(self, make: Callable[[], Stage], folder: Path) -> None:
        self.make, self.folder = make, folder

    def plan(self, name: str) -> Any:
        return load_record(self.folder / name, {})

    def of(self, name: str, output: int, shared: Mapping[str, Any]) -> Any:
        return record_of(self.folder, self.task(name, output), shared)

    def each(self, name: str, outputs: Sequence[int]) -> None:
        for output in reversed(outputs):
            made = OF_CLASSES[name](self.make(), output, self)
            commit(self.folder, self.task(name, output), made)

    def keep(self, name: str, make: Callable[[], Any]) -> Any:
        (self.folder / name).mkdir()
        save_record(self.folder / name, make())
        return self.plan(name)

    @staticmethod
    def task(name: str, output: int) -> Task:
        return Task(name, f"class-{output}", {"output": output}, "any")


@pytest.fixture(scope="module")
def subject() -> World:
    return world(per_class=40, model=WideModel(6.0, turned=1))


def asked(subject: World) -> Search:
    return subject.search(dict.fromkeys((0, 1, 2), ("mixed", (0,))), config=CONFIG)


def digests(report: ShortcutReport, folder: Path) -> dict[str, str]:
    folder.mkdir()
    return save_record(folder, report)


def test_files_and_another_order_change_no_byte(subject: World, tmp_path: Path) -> None:
    in_memory = find_shortcuts(asked(subject))
    assert in_memory.findings[0].grade in ("A", "B")  # so that all of a finding is in the record
    classes = ThroughFiles(lambda: stage_of(asked(subject)), tmp_path / "run")
    through_files = find_shortcuts(asked(subject), classes=classes)
    before, after = tmp_path / "in memory", tmp_path / "through files"
    assert digests(through_files, after) == digests(in_memory, before)


def test_pictures_are_held_as_far_as_there_is_room(subject: World) -> None:
    stage = stage_of(asked(subject))
    loaded: list[int] = []

    def load(output: int) -> Any:
        loaded.append(output)
        inputs = stage.probe.inputs(stage.samples.members(output)[:4])
        return inputs, stage.probe.pictures(inputs)

    small, large = Shelf(1), Shelf(1 << 20)
    for shelf, calls in ((small, [0, 1, 0]), (large, [0, 1])):
        loaded.clear()
        for output in (0, 0, 1, 1, 0):
            shelf.get(output, lambda output=output: load(output))
        assert loaded == calls


def test_members_are_what_they_were(subject: World) -> None:
    stage = stage_of(asked(subject))
    first = load_members(stage.search, 1)
    again = recalled(stage, 1, first.rows, first.heat, first.objects)
    assert (again.inputs == first.inputs).all()
    for name in ("rows", "discovery", "heat", "pictures", "logits"):
        assert (getattr(again, name) == getattr(first, name)).all(), name


def test_of_many_classes_some_are_compared_with(subject: World) -> None:
    stage = stage_of(asked(subject))
    few, many = range(GROUPS + 1), range(3 * GROUPS)
    assert compared_classes(replace(stage, searched=tuple(few)), 4) == [0, 1, 2, 3, *few[5:]]
    of_class = [compared_classes(replace(stage, searched=tuple(many)), each) for each in many]
    assert all(len(set(drawn)) == GROUPS for drawn in of_class)
    assert not any(output in drawn for output, drawn in enumerate(of_class))
    assert set().union(*of_class) == set(many)
