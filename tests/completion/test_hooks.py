"""Hooks are told how the audit ended, keep to their time, and only ever warn."""

from __future__ import annotations

import http.server
import json
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from auditor.completion.hooks import post, run_command
from auditor.completion.readme import BEGIN, END, push_section

SUMMARY = {"verdict": "FAIL", "exit_code": 1, "name": "x"}


def test_a_command_is_told_run_verdict_and_summary(tmp_path: Path) -> None:
    told = tmp_path / "told.json"
    code = (
        "import json, os, sys\n"
        "names = ('AUDITOR_RUN', 'AUDITOR_VERDICT', 'AUDITOR_EXIT_CODE')\n"
        "found = [os.environ[name] for name in names] + [json.load(sys.stdin)]\n"
        f"open({str(told)!r}, 'w').write(json.dumps(found))"
    )
    assert run_command([sys.executable, "-c", code], tmp_path, SUMMARY, seconds=60) == ""
    assert json.loads(told.read_text()) == [str(tmp_path), "FAIL", "1", SUMMARY]


def test_a_command_that_fails_or_is_missing_is_a_warning() -> None:
    failing = run_command([sys.executable, "-c", "raise SystemExit(3)"], None, {}, seconds=60)
    assert "ended with exit code 3" in failing
    assert "cannot be started" in run_command(["/no/such/program"], None, {}, seconds=5)


def test_a_command_is_ended_with_its_children_after_its_time() -> None:
    sleep = "[sys.executable, '-c', 'import time; time.sleep(60)']"
    code = f"import subprocess, sys; subprocess.run({sleep})"
    started = time.monotonic()
    warning = run_command([sys.executable, "-c", code], None, {}, seconds=1)
    assert "took more than 1 s" in warning
    assert time.monotonic() - started < 20


class Receiver(http.server.BaseHTTPRequestHandler):
    """Keeps what is posted; refuses at /no, and never answers at /slow."""

    received: list[tuple[str, bytes]] = []  # noqa: RUF012

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.received.append((self.headers["Content-Type"], body))
        if self.path == "/slow":
            time.sleep(4)
        self.send_response(403 if self.path == "/no" else 200)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        return


@pytest.fixture
def address() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_summary_is_posted(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK", f"{address}/secret")
    assert post("HOOK", SUMMARY, seconds=10) == ""
    kind, body = Receiver.received[-1]
    assert (kind, json.loads(body)) == ("application/json", SUMMARY)


@pytest.mark.parametrize(
    ("end", "said"), [("/no", "HTTP 403"), ("/slow", "failed: "), ("0/closed", "failed: ")]
)
def test_a_webhook_that_fails_is_a_warning_without_its_address(
    address: str, monkeypatch: pytest.MonkeyPatch, end: str, said: str
) -> None:
    wrong = f"{address}{end}" if end.startswith("/") else "http://127.0.0.1:9/secret"
    monkeypatch.setenv("HOOK", wrong)
    warning = post("HOOK", SUMMARY, seconds=1)
    assert said in warning
    assert "127.0.0.1" not in warning


@pytest.mark.parametrize("value", ["", "file:///etc/passwd", "ftp://x.example"])
def test_only_addresses_of_the_web_are_called(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("HOOK", value)
    warning = post("HOOK", SUMMARY, seconds=1)
    assert "was not called" in warning
    assert "passwd" not in warning


def test_the_section_is_kept_current_between_its_markers(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("---\nlicense: mit\n---\n# Model\n")
    assert push_section(readme, "## Concept audit\n\none\n") == ""
    first = readme.read_text()
    assert first.startswith("---\nlicense: mit\n---\n# Model\n\n" + BEGIN)
    readme.write_text(first + "\nMore, by hand.\n")
    assert push_section(readme, "## Concept audit\n\ntwo") == ""
    text = readme.read_text()
    assert "one" not in text
    assert text.count(BEGIN) == text.count(END) == 1
    assert text.endswith("two\n" + END + "\n\nMore, by hand.\n")
    assert push_section(readme, "## Concept audit\n\ntwo") == ""
    assert readme.read_text() == text


@pytest.mark.parametrize("text", [BEGIN, END, f"{END}\n{BEGIN}", f"{BEGIN}{END}{BEGIN}{END}"])
def test_broken_markers_change_nothing(tmp_path: Path, text: str) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(text)
    assert "not one pair" in push_section(readme, "x")
    assert readme.read_text() == text


def test_a_missing_readme_is_a_warning(tmp_path: Path) -> None:
    assert "No such file" in push_section(tmp_path / "README.md", "x")
