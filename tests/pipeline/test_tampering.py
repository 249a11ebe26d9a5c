"""What was changed behind the program's back is found; what can be made again is, and is said."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from auditor.__main__ import run as auditor
from auditor.base.errors import IntegrityError
from auditor.pipeline.explain import _audited
from auditor.review.keep.verify import verify
from tests.pipeline.tiny import digests, loaded_once, run, write_tiny_audit

# One file of each kind that a run holds.
KINDS = {
    "picture": "images/*.jpg",
    "figure": "images/*.svg",
    "shard": "tasks/pass/shard-00001/*.npy",
    "done.json of a shard": "tasks/pass/shard-00001/done.json",
    "record of a stage": "stages/strategies/record.json",
    "array of a stage": "stages/relevance/*.npy",
    "result": "audit.json",
    "config": "config.yaml",
    "report": "report.html",
    "table": "tables/classes.csv",
    "summary": "summary.json",
    "review": "review.json",
    "judgement": "junit.xml",
}
DRAWN = ("report", "table", "summary", "judgement")


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with loaded_once():
        yield write_tiny_audit(tmp_path_factory.mktemp("tampering"))


@pytest.fixture(scope="module")
def untouched(config: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("untouched")
    assert run(config, out) == 0
    (folder,) = out.glob("*/")
    return folder


@pytest.fixture
def finished(untouched: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(untouched, tmp_path / "runs" / untouched.name))


@pytest.fixture
def unfinished(finished: Path) -> Path:
    """Return the run as it is when it was killed before its result was written."""
    keep = ("images/", "tasks/", "config.yaml")
    document = json.loads((finished / "manifest.json").read_text())
    for name in [name for name in document["files"] if not name.startswith(keep)]:
        del document["files"][name]
        (finished / name).unlink()
    shutil.rmtree(finished / "tables")
    document["status"] = "running"
    (finished / "manifest.json").write_text(json.dumps(document))
    return finished


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def lose(path: Path) -> None:
    path.unlink()


def as_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "inside").write_text("x")


def as_link(path: Path) -> None:
    runs = next(parent for parent in path.parents if parent.name == "runs")
    elsewhere = runs.parent / f"elsewhere-{path.name}"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


def as_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


DAMAGE = (flip, cut, empty, lose, as_folder, as_link, as_pipe)


def always(values: Iterable[Any], *chosen: Any) -> list[Any]:
    """Return the values as parameters; those that are not chosen only run with the slow tests."""
    return [
        each if each in chosen else pytest.param(each, marks=pytest.mark.slow) for each in values
    ]


def one(folder: Path, kind: str) -> Path:
    return sorted(folder.glob(KINDS[kind]))[0]


@pytest.mark.parametrize("kind", always(KINDS, "picture", "shard", "result"))
def test_one_bit_of_a_finished_run_is_refused_and_repaired(
    config: Path,
    untouched: Path,
    finished: Path,
    kind: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = one(finished, kind)
    name = path.relative_to(finished).as_posix()
    flip(path)
    before = path.read_bytes()
    assert run(config, finished.parent) == 5
    error = capsys.readouterr().err
    assert f"  changed: {name}" in error.splitlines()
    assert "--repair" in error
    assert path.read_bytes() == before
    assert verify(finished).changed == (name,)
    assert auditor(["run", str(config), "--out", str(finished.parent), "--repair"]) == 0
    assert f"warning: {name} (changed) is removed" in capsys.readouterr().err
    assert verify(finished).whole
    assert digests(finished) == digests(untouched)


@pytest.mark.slow
@pytest.mark.parametrize("damage", [lose, as_folder, as_link])
def test_all_of_a_finished_run_at_once(
    config: Path, untouched: Path, finished: Path, damage: Callable[[Path], None]
) -> None:
    for kind in KINDS:
        damage(one(finished, kind))
    assert run(config, finished.parent) == 5
    assert run(config, finished.parent, "--repair") == 0
    assert verify(finished).whole
    assert digests(finished) == digests(untouched)


def test_reports_that_are_gone_are_drawn_again(
    config: Path, untouched: Path, finished: Path
) -> None:
    for kind in DRAWN:
        one(finished, kind).unlink()
    assert run(config, finished.parent) == 0
    assert verify(finished).whole
    assert digests(finished) == digests(untouched)


@pytest.mark.parametrize("damage", always(DAMAGE, flip, as_link))
def test_what_is_damaged_in_an_unfinished_run_is_computed_again(
    config: Path,
    untouched: Path,
    unfinished: Path,
    damage: Callable[[Path], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    damaged = [one(unfinished, kind) for kind in list(KINDS)[:5] if kind != "figure"]
    damaged.append(unfinished / "stages" / "shortcuts" / "record.json")
    for path in [*damaged, unfinished / "config.yaml"]:
        damage(path)
    assert auditor(["run", str(config), "--out", str(unfinished.parent)]) == 0
    lines = [line for line in capsys.readouterr().err.splitlines() if "computed again" in line]
    for path in damaged:
        name = path.relative_to(unfinished).as_posix()
        assert any(name in line for line in lines), (name, lines)
    assert digests(unfinished) == digests(untouched)
    assert verify(unfinished).whole


@pytest.mark.slow
def test_a_damaged_shard_alone_is_the_only_one_computed_again(
    config: Path, unfinished: Path
) -> None:
    shards = sorted((unfinished / "tasks" / "pass").glob("*/record.json"))
    before = {path: path.stat().st_mtime_ns for path in shards}
    flip(shards[1])
    assert run(config, unfinished.parent) == 0
    again = [path for path in shards if path.stat().st_mtime_ns != before[path]]
    assert again == [shards[1]]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["images", "tasks", "tasks/pass", "stages", "stages/relevance"])
def test_a_folder_that_became_a_link_is_not_written_through(
    config: Path, untouched: Path, unfinished: Path, tmp_path: Path, name: str
) -> None:
    elsewhere = tmp_path / "elsewhere"
    (unfinished / name).rename(elsewhere)
    (unfinished / name).symlink_to(elsewhere)
    before = digests(elsewhere)
    assert run(config, unfinished.parent) == 0
    assert digests(elsewhere) == before
    assert verify(unfinished).whole
    assert digests(unfinished) == digests(untouched)


@pytest.mark.slow
@pytest.mark.parametrize("damage", [cut, empty, as_folder])
def test_the_manifest_itself(
    config: Path,
    untouched: Path,
    finished: Path,
    damage: Callable[[Path], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    damage(finished / "manifest.json")
    assert run(config, finished.parent) == 5
    assert "run --repair" in capsys.readouterr().err
    assert run(config, finished.parent, "--repair") == 0
    found = verify(finished)
    assert (found.changed, found.missing, found.extra) == ((), (), ())
    assert digests(finished) == digests(untouched)
    assert [path.name for path in finished.parent.glob("*/")] == [untouched.name]


@pytest.mark.slow
def test_the_manifest_of_an_unfinished_run_is_begun_anew(
    config: Path, untouched: Path, unfinished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut(unfinished / "manifest.json")
    assert auditor(["run", str(config), "--out", str(unfinished.parent)]) == 0
    assert f"Everything in {unfinished.name} is computed again" in capsys.readouterr().err
    assert verify(unfinished).whole
    assert digests(unfinished) == digests(untouched)


def test_what_a_killed_attempt_left_is_tidied(
    config: Path, untouched: Path, unfinished: Path
) -> None:
    (unfinished / ".report.html.123.tmp").write_text("half")
    (unfinished / "stages" / ".local.tmp").mkdir()
    (unfinished / "stages" / ".local.tmp" / "r.npy").write_text("half")
    (unfinished / "images" / f"{'0' * 32}.jpg").write_text("of another attempt")
    assert run(config, unfinished.parent) == 0
    assert verify(unfinished).whole
    assert digests(unfinished) == digests(untouched)


def forge(finished: Path, name: str, old: str, new: str) -> None:
    path = finished / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("audit.json", '"verdict"', '"verdict" '),
        ("review.json", '"conditions"', '"pass"'),
        ("config.yaml", "require_complete: false", "require_complete: true"),
    ],
)
def test_whatever_reads_a_run_refuses_what_was_forged(
    finished: Path, name: str, old: str, new: str, capsys: pytest.CaptureFixture[str]
) -> None:
    forge(finished, name, old, new)
    for command in (["render"], ["gate"], ["review", "--list"]):
        words = [command[0], str(finished), *command[1:]]
        assert auditor(words) == 5, words
        assert f"{name} was changed after it was written" in capsys.readouterr().err
    if name != "config.yaml":
        assert auditor(["compare", str(finished), str(finished)]) == 5
        assert auditor(["history", str(finished.parent), "--json", "--no-index"]) == 0
        (row,) = json.loads(capsys.readouterr().out)["rows"]
        assert row["status"] == "unreadable"
        assert row["verdict"] is None
    if name == "audit.json":
        with pytest.raises(IntegrityError, match="was changed"):
            _audited(finished, None)  # type: ignore[arg-type]


def test_a_comparison_never_takes_the_place_of_evidence(finished: Path) -> None:
    before = digests(finished)
    for name in ("audit.json", "images/x.md", "report.html", "manifest.json"):
        words = ["compare", str(finished), str(finished), "--to", str(finished / name)]
        assert auditor(words) == 2, name
    assert digests(finished) == before
    words = ["compare", str(finished), str(finished), "--to", str(finished / "compare.md")]
    assert auditor(words) == 0
    assert verify(finished).whole
