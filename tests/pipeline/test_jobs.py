"""What a scheduled job needs: completion, a limit in minutes, one audit at a time, JSON lines."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from auditor.__main__ import run
from auditor.cli import budget
from auditor.cli.check.estimate import Estimate
from auditor.cli.progress import TerminalProgress
from auditor.completion.readme import BEGIN
from auditor.config.audit import Config, parse_config
from auditor.report.show.render import read_result
from tests.pipeline.small import write_own_model_audit
from tests.pipeline.test_exit_codes import QUICK


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_own_model_audit(
        tmp_path_factory.mktemp("jobs"),
        audit=QUICK,
        shortcuts={"enabled": False},
        report={"formats": ["html"]},
    )


def with_completion(config: Path, tmp_path: Path, **values: Any) -> Path:
    document = yaml.safe_load(config.read_text()) | {"completion": values}
    path = config.parent / f"{tmp_path.name}.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


def test_when_it_is_done_others_are_told_and_a_failure_only_warns(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told, readme = tmp_path / "told", tmp_path / "README.md"
    readme.write_text("# Model\n")
    code = f"import os; open({str(told)!r}, 'w').write(os.environ['AUDITOR_EXIT_CODE'])"
    path = with_completion(
        config, tmp_path, command=[sys.executable, "-c", code], readme=str(readme),
        webhook_variable="NO_SUCH_HOOK",
    )  # fmt: skip
    assert run(["run", str(path), "--out", str(tmp_path / "runs")]) == 0
    assert told.read_text() == "0"
    assert BEGIN in readme.read_text()
    assert "## Concept audit" in readme.read_text()
    assert "warning: the webhook of NO_SUCH_HOOK was not called" in capsys.readouterr().err


def test_a_failed_audit_is_told_too(config: Path, tmp_path: Path) -> None:
    told = tmp_path / "told"
    code = f"import sys; open({str(told)!r}, 'w').write(sys.stdin.read())"
    path = with_completion(config, tmp_path, command=[sys.executable, "-c", code])
    arguments = ["run", str(path), "--data", "/no/such", "--out", str(tmp_path / "runs")]
    assert run(arguments) == 3
    summary = json.loads(told.read_text())
    assert (summary["status"], summary["exit_code"]) == ("failed", 3)


@pytest.mark.slow
def test_two_at_once_make_one_audit(config: Path, tmp_path: Path) -> None:
    out = tmp_path / "runs"
    command = [sys.executable, "-m", "auditor", "run", str(config), "--out", str(out), "--log-json"]
    both = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    ends = [process.communicate(timeout=550) for process in both]
    assert [process.returncode for process in both] == [0, 0], ends
    (folder,) = out.glob("*/")
    assert {said.strip() for said, _ in ends} == {str(folder)}
    lines = [json.loads(line) for _, log in ends for line in log.splitlines()]
    made = [line for line in lines if line.get("stage") == "relevance of every image"]
    assert [line["state"] for line in made] == ["begin", "done"]
    assert {"time", "level", "event"} <= lines[0].keys()


def estimated(each: float, heatmaps: float, search: float) -> Any:
    """Return a `measure` whose search costs a tenth where the config is quick."""

    def measure(config: Config, subject: Any, explainer: Any) -> Any:
        def planned(changed: Config) -> Estimate:
            part = 0.1 if "depth" in changed.audit.reduced else 1.0
            return Estimate(
                images=1000, classes=2, heatmaps=1, candidates=1, passes=1, loading_seconds=0.0,
                statistics_seconds=(changed.data.limit or 1000) * each,
                heatmap_seconds=heatmaps * part, search_seconds=search * part,
                rest_seconds=0.0, writing_seconds=0.0,
                array_bytes=1, pictures=1, picture_bytes=1,
            )  # fmt: skip

        return planned

    return measure


class Labels:
    """A subject of 1,000 images of two classes, as far as the choice looks at it."""

    def __init__(self) -> None:
        import numpy as np

        self.labels = np.arange(1000) % 2
        self.manifest = self

    def __len__(self) -> int:
        return 1000


@pytest.mark.parametrize(
    ("minutes", "limit", "quick"),
    [
        (1000, None, False),  # 100 s of images, 100 + 100 s of the rest
        (4, 400, False),  # 40 s are left for images
        (2, None, True),  # the rest is longer than that: quick, where all images fit again
        (1, 400, True),
        (0.1, 100, True),  # never fewer than 50 of a class that has them
    ],
)
def test_images_are_cut_first_then_the_depth(
    monkeypatch: pytest.MonkeyPatch, minutes: float, limit: int | None, quick: bool
) -> None:
    monkeypatch.setattr(budget, "measure", estimated(0.1, 100, 100))
    config = parse_config(
        {"model": {"source": "a:b"}, "data": {"source": "c"}, "audit": {"max_minutes": minutes}}
    )
    choice = budget.choose(config, Labels(), None)
    assert (choice.limit, choice.quick) == (limit, quick)
    changed = budget.applied(config, choice)
    assert changed.data.limit == limit
    assert changed.shortcuts.targets == (32 if quick else 64)
    assert changed.audit.reduced == ["images"] * (limit is not None) + ["depth"] * quick


def test_images_are_not_cut_where_that_saves_next_to_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(budget, "measure", estimated(0.001, 100, 100))
    config = parse_config(
        {"model": {"source": "a:b"}, "data": {"source": "c"}, "audit": {"max_minutes": 0.1}}
    )
    assert budget.choose(config, Labels(), None).limit is None


def test_a_choice_is_kept_for_the_same_code_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = parse_config(
        yaml.safe_load(write_own_model_audit(tmp_path, per_class=1).read_text())
        | {"audit": {"max_minutes": 5}}
    )
    made = []

    def choose(config: Config, subject: Any, explainer: Any) -> budget.Choice:
        made.append(explainer.program)
        return budget.Choice(None, False, 1.0)

    monkeypatch.setattr(budget, "choose", choose)
    for _ in range(2):
        budget.within(config, tmp_path, tmp_path / "runs", TerminalProgress(quiet=True))
    source = tmp_path / "my_model.py"
    source.write_text(source.read_text().replace("AdaptiveMaxPool2d", "AdaptiveAvgPool2d"))
    budget.within(config, tmp_path, tmp_path / "runs", TerminalProgress(quiet=True))
    assert len(made) == len(set(made)) == 2


@pytest.mark.parametrize(
    ("counts", "least"), [((500, 500), 100), ((900, 100), 500), ((970, 30), 52), ((30, 20), 50)]
)
def test_no_class_that_has_fifty_falls_below(counts: tuple[int, ...], least: int) -> None:
    labels = [label for label, count in enumerate(counts) for _ in range(count)]
    assert budget._least(labels) == least


def test_the_report_says_what_a_limit_in_minutes_left_out(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "runs"
    command = ["run", str(config), "--out", str(out), "--max-minutes", "0.001"]
    assert run(command) == 0
    assert "as small as an audit gets" in capsys.readouterr().err
    (folder,) = out.glob("*/manifest.json")
    result = read_result(folder.parent)
    (left,) = [item for item in result.not_run if "max_minutes" in item.reason]
    # 12 images per class are fewer than the least that is kept: only the depth is cut.
    assert left.part == "a closer look than the preset quick takes"
    assert run(command) == 0  # the same choice again, hence the same run
    assert len(list(out.glob("*/manifest.json"))) == 1
