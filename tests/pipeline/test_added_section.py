"""A section that a user's own module adds: built, drawn, written as a table, and drawn again."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from auditor.__main__ import run
from auditor.base.errors import ConfigError
from auditor.cli.options import config_of
from auditor.report.sections.section import SECTIONS, Section, register
from tests.pipeline.tiny import write_tiny_audit
from tests.review.test_no_torch import BLOCKED, ENVIRONMENT

PLUGIN = """
from pathlib import Path

from auditor.records.part import Part
from auditor.report.sections.section import Audit, Section, Table, register


class Weather(Part):
    pictures: int
    sunny: dict[str, int]


def weather(audit: Audit) -> Weather:
    return Weather(pictures=audit.made["data"].used, sunny=dict.fromkeys(audit.class_names, 3))


def rows(result):
    for name, count in result.sections["weather"]["sunny"].items():
        yield {"class": name, "sunny": count}


def has_weather(result):
    return "weather" in result.sections


register(
    Section(
        "weather",
        "Weather in the pictures",
        parts={"weather": weather},
        needs=("data",),
        has=has_weather,
        tables={"weather": Table(("class", "sunny"), rows)},
        template=Path(__file__).with_name("weather.html.j2"),
    )
)
"""
TEMPLATE = """{{ m.heading(section) }}
<p>{{ result.sections.weather.pictures }} pictures were looked at for sun.</p>
"""
HEADING = re.compile(r'<h2 id="(\w+)">')


@pytest.fixture
def audited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run an audit with the plug-in from its folder, and return the run folder."""
    monkeypatch.setattr(SECTIONS, "_entries", dict(SECTIONS._entries))
    monkeypatch.setattr(SECTIONS, "_origins", dict(SECTIONS._origins))
    monkeypatch.chdir(tmp_path)
    path = write_tiny_audit(tmp_path)
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {"plugins": ["mine.py"]}))
    (tmp_path / "mine.py").write_text(PLUGIN)
    (tmp_path / "weather.html.j2").write_text(TEMPLATE)
    assert run(["run", str(path), "--out", "runs", "--quiet"]) == 0
    (found,) = (tmp_path / "runs").glob("*/audit.json")
    return found.parent


def test_an_added_section_is_in_the_result_the_report_and_the_tables(
    audited: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    used = json.loads((audited / "audit.json").read_text())["data"]["used"]
    part = json.loads((audited / "audit.json").read_text())["sections"]["weather"]
    assert part == {"pictures": used, "sunny": {"cat": 3, "dog": 3, "horse": 3}}
    page = (audited / "report.html").read_text()
    assert f"{used} pictures were looked at for sun." in page
    assert "Weather in the pictures" in page
    names = HEADING.findall(page)
    assert names.index("data") < names.index("weather") < names.index("scope")
    table = csv.DictReader((audited / "tables" / "weather.csv").read_text().splitlines())
    assert [row["class"] for row in table] == ["cat", "dog", "horse"]

    del SECTIONS._entries["weather"], SECTIONS._origins["weather"]
    assert run(["render", str(audited), "--tier", "technical"]) == 0
    assert "looked at for sun" in (audited / "report-technical.html").read_text()

    command = [sys.executable, "-c", BLOCKED]
    done = subprocess.run(
        command, input=f"render {audited}", env=ENVIRONMENT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "left out" not in done.stderr

    Path("weather.html.j2").write_text("{{ m.heading(section) }}\n{{ result.nonsense }}\n")
    capsys.readouterr()
    assert run(["render", str(audited)]) == 3
    assert "(weather.html.j2:2): " in capsys.readouterr().err

    del SECTIONS._entries["weather"], SECTIONS._origins["weather"]
    Path("mine.py").unlink()
    capsys.readouterr()
    assert run(["render", str(audited)]) == 0
    said = capsys.readouterr().err
    assert "sections that plug-ins add are left out" in said
    assert "in the folder of its config" in said
    assert "looked at for sun" not in (audited / "report.html").read_text()


@pytest.mark.parametrize(
    ("line", "changed", "message"),
    [
        ('needs=("data",)', 'needs=("dta",)', "Did you mean 'data'"),
        ('needs=("data",)', 'needs=("weather",)', "need one another: weather -> weather"),
        ('"weather": weather}', '"scope": weather}', "'scope' of the report section 'weather'"),
        ("weather.html.j2", "wether.html.j2", r"was not found: .*wether\.html\.j2"),
    ],
)
def test_a_section_that_cannot_be_used_is_named_before_the_audit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, changed: str, message: str
) -> None:
    monkeypatch.setattr(SECTIONS, "_entries", dict(SECTIONS._entries))
    monkeypatch.setattr(SECTIONS, "_origins", dict(SECTIONS._origins))
    assert line in PLUGIN
    (tmp_path / "mine.py").write_text(PLUGIN.replace(line, changed))
    (tmp_path / "weather.html.j2").write_text(TEMPLATE)
    path = write_tiny_audit(tmp_path)
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {"plugins": ["mine.py"]}))
    with pytest.raises(ConfigError, match=message) as caught:
        config_of(path, {})
    assert "'plugins' is ['mine.py']" in str(caught.value)


def test_the_id_of_a_section_can_be_taken_once() -> None:
    with pytest.raises(ConfigError, match="report section 'data' is registered twice"):
        register(Section("data", "Mine", parts={"mine": lambda audit: 1}))
