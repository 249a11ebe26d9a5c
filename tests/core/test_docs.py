"""``auditor docs`` and the sample configs of ``auditor init``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from auditor.__main__ import run
from auditor.manual import TOPICS, page, titles


def test_topics_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["docs"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(TOPICS)
    assert lines[0].endswith(titles()[TOPICS[0]])


def test_a_page_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["docs", "security"]) == 0
    assert capsys.readouterr().out.strip() == page("security").strip()


def test_the_nearest_topic_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["docs", "secruity"]) == 2
    assert "Did you mean 'security'?" in capsys.readouterr().err


def test_the_manual_needs_no_heavy_imports() -> None:
    code = (
        "import sys; from auditor.__main__ import run; run(['docs', 'method']); "
        "print(sorted({'numpy', 'pydantic', 'torch', 'yaml'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_a_sample_config_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["init", "--sample", "timm", "--ci", "make", "--quiet"]) == 0
    source = Path(__file__).parents[2] / "sample_configs"
    assert Path("audit.yaml").read_text() == (source / "timm.yaml").read_text()
    assert "CONFIG := audit.yaml" in Path("Makefile").read_text()
    assert run(["init", "--sample", "timm", "--quiet"]) == 2  # it is there already


def test_samples_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["init", "--sample"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == sorted(line.split()[0] for line in lines)
    assert any(line.startswith("timm ") and "timm" in line[5:] for line in lines)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--sample", "tim"], "Did you mean 'timm'?"),
        (["--sample", "timm", "--preset", "quick"], "leave out"),
        (["--sample", "timm", "--data", "photos"], "leave out"),
    ],
)
def test_mistakes_with_samples_are_named(
    options: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["init", *options]) == 2
    assert said in capsys.readouterr().err
    assert not Path("audit.yaml").exists()
