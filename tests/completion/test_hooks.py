"""Hooks are told how the audit ended, keep to their time, and only ever warn."""

from __future__ import annotations

import base64
import contextlib
import http.server
import json
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from auditor.completion import hooks
from auditor.completion.hooks import post, run_command
from auditor.completion.readme import BEGIN, END, push_section
from auditor.report.document.codes import code_of_summary

SUMMARY = {"code": "do_not_use", "exit_code": 1, "name": "x"}


def test_a_command_is_told_run_verdict_and_summary(tmp_path: Path) -> None:
    told = tmp_path / "told.json"
    code = (
        "import json, os, sys\n"
        "names = ('AUDITOR_RUN', 'AUDITOR_VERDICT', 'AUDITOR_EXIT_CODE')\n"
        "found = [os.environ[name] for name in names] + [json.load(sys.stdin)]\n"
        f"open({str(told)!r}, 'w').write(json.dumps(found))"
    )
    assert run_command([sys.executable, "-c", code], tmp_path, SUMMARY, seconds=60) == ""
    assert json.loads(told.read_text()) == [str(tmp_path), "do_not_use", "1", SUMMARY]


def test_the_verdict_of_the_gate_is_told_where_there_is_one() -> None:
    evidence = {"code": "needs_look", "judgement": None}
    assert code_of_summary(evidence) == "needs_look"
    assert code_of_summary({}) == ""
    judged = evidence | {"judgement": {"code": "do_not_use"}}
    assert code_of_summary(judged) == "do_not_use"
    code = "import os, sys; sys.exit(os.environ['AUDITOR_VERDICT'] != 'do_not_use')"
    assert run_command([sys.executable, "-c", code], None, judged, seconds=60) == ""


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
    """Keeps what is posted, and answers as the path says."""

    received: list[tuple[str, bytes, str | None]] = []  # noqa: RUF012
    busy = 0

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.received.append((self.path, body, self.headers["Authorization"]))
        codes = {"/no": 403, "/moved": 307, "/gone": 302}
        code = codes.get(self.path, 200)
        if self.path == "/busy":
            Receiver.busy += 1
            code = 503 if Receiver.busy < 3 else 200
        if self.path == "/slow":
            time.sleep(3)
        self.send_response(code)
        if code in (307, 302):
            self.send_header("Location", "/elsewhere")
        if self.path == "/huge":
            self.send_header("Content-Length", str(10**12))
        self.end_headers()

    def do_GET(self) -> None:
        self.do_POST()

    def log_message(self, *arguments: object) -> None:
        return


@pytest.fixture
def address() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    Receiver.received.clear()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks, "PAUSES", (0.01, 0.01))


def test_the_summary_is_posted(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK", f" {address}/secret#part\n")  # as a file with a line break has it
    assert post("HOOK", SUMMARY, seconds=10) == ""
    ((path, body, _),) = Receiver.received
    assert (path, json.loads(body)) == ("/secret", SUMMARY)


def test_a_user_in_the_address_is_a_header(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK", address.replace("http://", "http://me:p%40ss@"))
    assert post("HOOK", SUMMARY, seconds=10) == ""
    assert Receiver.received[0][2] == "Basic " + base64.b64encode(b"me:p@ss").decode()


@pytest.mark.parametrize(
    ("path", "said", "tries"),
    [
        ("/no", "was refused: HTTP 403.", 1),
        ("/moved", "HTTP 307: redirects are not followed.", 1),
        ("/gone", "HTTP 302: redirects are not followed.", 1),
        ("/busy", "", 3),
        ("/huge", "", 1),
    ],
)
@pytest.mark.usefixtures("no_pauses")
def test_what_a_server_answers(
    address: str, monkeypatch: pytest.MonkeyPatch, path: str, said: str, tries: int
) -> None:
    Receiver.busy = 0
    monkeypatch.setenv("HOOK", f"{address}{path}")
    warning = post("HOOK", SUMMARY, seconds=10)
    assert warning.endswith(said)
    assert bool(warning) == bool(said)
    assert "127.0.0.1" not in warning
    assert [each[0] for each in Receiver.received] == [path] * tries


def silent(connection: socket.socket) -> None:
    time.sleep(3)


def dripping(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        for number in range(300):
            connection.sendall(f"X-{number}: x\r\n".encode())
            time.sleep(0.01)


def chattering(connection: socket.socket) -> None:
    connection.sendall(b"220 mail.example ESMTP\r\n")


def endless(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        for _ in range(3000):
            connection.sendall(b"x" * 100_000)


def closing(connection: socket.socket) -> None:
    return


@pytest.mark.parametrize("behaviour", [silent, dripping, chattering, endless, closing])
@pytest.mark.usefixtures("no_pauses")
def test_servers_of_every_kind_are_one_warning_within_the_time(
    monkeypatch: pytest.MonkeyPatch, behaviour: Callable[[socket.socket], None]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection:
                        behaviour(connection)

        threading.Thread(target=serve, daemon=True).start()
        monkeypatch.setenv("HOOK", f"http://127.0.0.1:{server.getsockname()[1]}/secret")
        started = time.monotonic()
        warning = post("HOOK", SUMMARY, seconds=1)
        assert time.monotonic() - started < 20
    assert "the webhook of HOOK failed: " in warning
    assert "secret" not in warning
    assert "127.0.0.1" not in warning


@pytest.mark.parametrize(
    "value",
    [
        "",
        "  ",
        "file:///etc/secret",
        "ftp://x.example/secret",
        "http://x.example/sec ret",
        "http://[::1/secret",
        "http://[secret]/x",
        "http:///secret",
        "http://x.example:port/secret",
        "http://x.example:99999/secret",
        "http://x.example/sec\x01ret",
        "http://x.example/sec\nret",
        "secret",
        "//x.example/secret",
        "https:secret",
    ],
)
def test_only_whole_addresses_of_the_web_are_called(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("HOOK", value)
    warning = post("HOOK", SUMMARY, seconds=1)
    assert "was not called" in warning
    assert "secret" not in warning
    assert "x.example" not in warning


@pytest.mark.parametrize(
    "value",
    [
        "http://127.0.0.1:9/secret",
        "http://no-such-host.invalid/secret",
        "http://exa\u0301mple.invalid/secret",
        f"http://{'a' * 300}.invalid/secret",
        "http://127.0.0.1:9/sécret",
        "http://..../secret",
        "https://127.0.0.1:9/secret",
    ],
)
@pytest.mark.usefixtures("no_pauses")
def test_hosts_that_do_not_answer(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("HOOK", value)
    warning = post("HOOK", SUMMARY, seconds=2)
    assert "the webhook of HOOK " in warning
    for part in ("secret", "sécret", "127.0", "invalid"):
        assert part not in warning


@pytest.mark.parametrize("words", [["a\0b"], [""], ["/tmp"], ["/no/such/secret\n::error::x"]])
def test_a_command_that_is_none_is_a_warning(words: list[str]) -> None:
    warning = run_command(words, None, SUMMARY, seconds=5)
    assert "cannot be started" in warning
    assert "\n" not in warning
    assert "/no/such" not in warning


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
