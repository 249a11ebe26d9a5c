"""Canaries in every place of command line, config and environment: none leaves this machine.

And names that try to be lines of a log, commands to a terminal or to a CI system.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from auditor.__main__ import run
from tests.pipeline.small import write_own_model_audit
from tests.pipeline.test_exit_codes import QUICK

pytestmark = pytest.mark.usefixtures("hasty")

NAME = "cat\n::error::PWNED\x1b]0;title\x07\x9b31m\u202etac ##[error]x"
# What a terminal or a CI system would obey.
COMMAND = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]|^\s*::|##\[", re.M)


def contents(file: Path) -> Iterator[bytes]:
    yield file.read_bytes()
    if file.suffix == ".npz":
        with zipfile.ZipFile(file) as archive:
            yield from (archive.read(name) for name in archive.namelist())
    if file.suffix == ".pdf":
        from pypdf import PdfReader

        reader = PdfReader(file)
        yield "".join(page.extract_text() for page in reader.pages).encode()
        yield str(reader.metadata).encode()
        for attached in reader.attachments.values():
            yield from attached


def layout(root: Path, formats: list[str]) -> Path:
    """Write a config with canaries; the folder's own name is one too."""
    path = write_own_model_audit(
        root,
        audit=QUICK,
        shortcuts={"enabled": False},
        report={"formats": formats, "css": str(root / "style.css")},
        policy={"fail_on": "low"},
        completion={"command": ["/bin/true", "--password", "CANARY-command"]},
        model={
            "options": {"secret_id": "CANARY-file", "url": "s3://me:CANARY-url@bucket/x"},
            "classes": [NAME, "dog", "horse"],
        },
    )
    model = root / "my_model.py"
    model.write_text(model.read_text().replace("classes=3", "classes=3, **further"))
    (root / "style.css").touch()
    (root / "photos" / "val" / "cat").rename(root / "photos" / "val" / NAME)
    return path


def audited(root: Path, monkeypatch: pytest.MonkeyPatch, formats: list[str]) -> Path:
    config = layout(root, formats)
    monkeypatch.chdir(root)
    monkeypatch.setenv("AUDITOR_MODEL__OPTIONS__API_KEY", "CANARY-environment")
    monkeypatch.setenv("HOOK", "http://me:CANARY-hook@[::1/CANARY-path")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(root / "job.md"))
    words = ["run", str(config), f"--out={root}/runs", f"--weights={root}/my_model.safetensors"]
    words.append("--exit-zero")
    for setting in (
        f"data.source={root}/photos/val",
        "model.options.token=CANARY-set",
        f"model.options.inner={{password: CANARY-inner, root: {root}/q}}",
        f"model.options.where=root={root}/z;u",
        "completion.webhook_variable=HOOK",
    ):
        words += ["--set", setting]
    monkeypatch.setattr("sys.argv", ["auditor", *words])
    assert run(words) == 0
    (folder,) = (root / "runs").glob("*/")
    return folder


def no_command(texts: dict[str, str]) -> None:
    """Fail where a terminal or a CI system would obey a text."""
    for name, text in texts.items():
        found = COMMAND.search(text)
        assert found is None, (name, text[max(0, found.start() - 80) : found.end() + 40])


def no_canary(root: Path, folder: Path) -> None:
    files = [*folder.rglob("*"), root / "runs" / "summary.json", root / "job.md"]
    for file in files:
        for content in contents(file) if file.is_file() else ():
            assert b"CANARY" not in content, file
            assert root.name.encode() not in content, file
            assert b"/tmp/" not in content, file


def test_no_canary_is_in_a_run_and_no_name_is_a_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "HOME-OF-ALICE"
    folder = audited(root, monkeypatch, ["html"])
    no_canary(root, folder)
    said = capsys.readouterr()
    assert "CANARY" not in said.out + said.err
    assert "warning: the webhook of HOOK was not called" in said.err
    manifest = json.loads((folder / "manifest.json").read_text())
    assert "--out=runs" in manifest["argv"]
    kept = yaml.safe_load((folder / "config.yaml").read_text())["model"]["options"]
    assert kept["token"] == kept["api_key"] == kept["secret_id"] == "(not shown)"
    texts = {"stderr": said.err, "job.md": (root / "job.md").read_text()}
    for name in ("summary.md", "junit.xml", "model_card.md"):
        texts[name] = (folder / name).read_text()
    no_command(texts)


def test_what_users_code_says_of_its_secrets_is_not_passed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = layout(tmp_path, ["html"])
    failing = "def build(**options):\n    raise ValueError(f'denied: {options}')\n"
    (tmp_path / "my_model.py").write_text(failing)
    monkeypatch.setenv("AUDITOR_DEBUG", "1")
    words = ["run", str(config), "--out", str(tmp_path / "runs")]
    words += ["--set", "model.options.token=CANARY-set"]
    assert run(words) == 3
    said = capsys.readouterr().err
    assert "denied" in said
    for text in (said, (tmp_path / "runs" / "summary.json").read_text()):
        assert "CANARY" not in text
        assert "(not shown)" in text


@pytest.mark.slow
def test_no_canary_is_in_a_pdf_and_no_name_is_a_command_of_another_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "HOME-OF-ALICE"
    folder = audited(root, monkeypatch, ["html", "pdf"])
    no_canary(root, folder)
    config = str(root / "own_model.yaml")
    other = [["gate", str(folder)], ["history", str(root / "runs")], ["check", config]]
    other += [["compare", str(folder), str(folder)], ["review", str(folder), "--list"]]
    other += [["verify", str(folder)], ["run", config, "--class", "no such", "--log-json"]]
    for words in other:
        monkeypatch.setattr("sys.argv", ["auditor", *words])
        run(words)
    said = capsys.readouterr()
    no_command({"stdout": said.out, "stderr": said.err})
    assert "PWNED" in said.out
    assert "PWNED" in said.err
    assert "CANARY" not in said.out + said.err
