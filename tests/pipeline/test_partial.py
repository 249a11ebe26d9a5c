"""Partial input is never taken for whole: it stops the audit, which goes on when all is there."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image

import auditor
from auditor.base.errors import AuditorError, DataError, StoppedError
from auditor.base.progress import Place, Step
from auditor.config.audit import Config, load_config
from auditor.pipeline.audit import opened_audit, run_audit
from auditor.report.document.result import AuditResult
from auditor.subject.images import Unreadable
from tests.pipeline.small import write_own_model_audit

SMALL = {
    "audit": {"layers": ["0"], "composition": 0, "flipping_images": 4},
    "shortcuts": {"members": 8, "permutations": 200},
}


class AtStage:
    """Progress that does something when a stage begins, and knows which stages there were."""

    def __init__(self, title: str = "", act: Callable[[], object] = lambda: None) -> None:
        self.title, self.act = title, act
        self.titles: list[str] = []

    @contextmanager
    def stage(self, title: str, total: int | None = None, place: Place = None) -> Iterator[Step]:
        self.titles.append(title)
        if title == self.title:
            self.act()
        yield lambda done: None

    def say(self, text: str) -> None:
        """Say nothing."""


def audited(config: Path, out: Path, progress: AtStage) -> AuditResult:
    settings: Config = load_config(config)
    made = "2026-01-02T03:04:05Z"
    with opened_audit(
        settings, config.parent, out, created=made, argv=[], progress=progress
    ) as begun:
        return run_audit(begun)[1]


def raised(config: Path, out: Path, progress: AtStage) -> AuditorError | None:
    try:
        audited(config, out, progress)
    except AuditorError as error:
        return error
    return None


def moved(folder: Path) -> None:
    folder.rename(folder.with_name("elsewhere"))


def put_back(folder: Path) -> None:
    folder.with_name("elsewhere").rename(folder)


def other_pictures(folder: Path) -> None:
    moved(folder)
    for path in sorted(folder.with_name("elsewhere").rglob("*.png")):
        there = folder / path.relative_to(folder.with_name("elsewhere"))
        there.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (64, 64), "grey").save(there)


def real_ones(folder: Path) -> None:
    for path in sorted(folder.rglob("*.png")):
        path.unlink()
    for path in sorted(folder.iterdir()):
        path.rmdir()
    folder.rmdir()
    put_back(folder)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("harm", "mend", "kind", "said"),
    [
        (moved, put_back, StoppedError, "could be read when the audit began and cannot be now"),
        (other_pictures, real_ones, DataError, "has changed since the audit began"),
    ],
    ids=["gone", "changed"],
)
def test_pictures_that_go_missing_in_any_stage_stop_it_and_back_again_it_goes_on(
    tmp_path: Path,
    harm: Callable[[Path], None],
    mend: Callable[[Path], None],
    kind: type[AuditorError],
    said: str,
) -> None:
    config = write_own_model_audit(tmp_path, per_class=18, **SMALL)
    pictures = tmp_path / "photos" / "val"
    whole = AtStage()
    audited(config, tmp_path / "whole", whole)
    (expected,) = (tmp_path / "whole").glob("*/audit.json")
    stopped = []
    for title in whole.titles:
        if title == "loading model and data":
            continue
        progress = AtStage(title, lambda: harm(pictures))
        error = raised(config, tmp_path / "runs", progress)
        if title not in progress.titles:  # it read no picture, and an earlier run went beyond it
            continue
        mend(pictures)
        if error is not None:
            assert isinstance(error, kind), (title, error)
            assert said in str(error), (title, error)
            assert ".png'" in str(error)
            stopped.append(title)
    assert {title.partition(" ")[0] for title in stopped} >= {
        "relevance", "concepts", "reference", "components", "concept", "clever-Hans", "single",
    }  # fmt: skip
    audited(config, tmp_path / "runs", AtStage())
    (found,) = (tmp_path / "runs").glob("*/audit.json")
    assert found.read_bytes() == expected.read_bytes()


@pytest.mark.slow
def test_one_failed_read_in_the_search_is_not_a_smaller_search(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from auditor.subject import contents

    config = write_own_model_audit(tmp_path, per_class=18, **SMALL)
    read, failing = contents.read_file, [False]

    def sometimes(path: Path) -> bytes:
        if failing[0] and path.name == "07.png":
            raise Unreadable("cannot be read (Input/output error)")
        return read(path)

    monkeypatch.setattr(contents, "read_file", sometimes)

    def begin() -> None:
        failing[0] = True

    with pytest.raises(StoppedError, match=r"07\.png' could be read.*Input/output error"):
        audited(config, tmp_path / "runs", AtStage("clever-Hans candidates", begin))
    (run,) = (tmp_path / "runs").glob("*/")
    assert not (run / "stages" / "shortcuts").exists()
    failing[0] = False
    found = audited(config, tmp_path / "runs", AtStage())
    assert (
        found.model_dump_json() == audited(config, tmp_path / "whole", AtStage()).model_dump_json()
    )


def test_only_the_pass_and_first_looks_may_sift() -> None:
    """Everything else asks `Subject.load`, which gives all rows or none."""
    root = Path(auditor.__file__).parent
    callers = set()
    for path in sorted(root.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr == "sift":
                callers.add(path.relative_to(root).as_posix())
            if (
                isinstance(node, ast.Attribute)
                and node.attr == "read"
                and path.parts[-2] != "subject"
            ):
                owner = node.value
                assert not (isinstance(owner, ast.Attribute) and owner.attr == "reader"), path
    assert callers == {
        "cli/check/__init__.py",  # says how many of those looked at cannot be used
        "cli/input_trials.py",
        "pipeline/opening.py",  # looks at what the model's answers are
        "relevance/over_data/collect.py",  # writes down what it sets aside
        "subject/subject.py",
    }
