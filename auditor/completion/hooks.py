"""Tell others that an audit is done: a command, and an address that is posted to.

Every function returns a warning in words, or an empty text: nothing here fails an audit.
"""

from __future__ import annotations

import base64
import json
import os
import queue
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

from auditor.base.errors import on_one_line
from auditor.base.system import end_group
from auditor.report.document.codes import code_of_summary

PAUSES = (0.5, 2.0)
# Answers after which another try can go well.
AGAIN = {408, 425, 429, 500, 502, 503, 504}


def run_command(
    words: Sequence[str], run: Path | None, summary: Mapping[str, Any], *, seconds: int
) -> str:
    """Run a command without a shell; its process group is ended after ``seconds``.

    It is told AUDITOR_RUN (the run folder), AUDITOR_VERDICT (the code of the verdict, such as
    ``needs_look``; the gate's where there is one) and AUDITOR_EXIT_CODE, and reads summary.json
    from stdin. What it prints goes to stderr.
    """
    told = {
        "AUDITOR_RUN": str(run or ""),
        "AUDITOR_VERDICT": code_of_summary(summary),
        "AUDITOR_EXIT_CODE": str(summary.get("exit_code", "")),
    }
    name = f"the completion command '{on_one_line(PurePath(words[0]).name)}'"
    try:
        process = subprocess.Popen(  # noqa: S603 (the user's own command, as the config says it)
            list(words),
            stdin=subprocess.PIPE,
            stdout=2,
            env=os.environ | told,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        return f"{name} cannot be started: {reason}."
    try:
        process.communicate(json.dumps(summary).encode(), timeout=seconds)
    except subprocess.TimeoutExpired:
        end_group(process)
        process.wait()
        return f"{name} was ended: it took more than {seconds} s (completion.seconds)."
    except OSError as error:
        return f"{name} failed: {error.strerror or error}."
    if process.returncode:
        return f"{name} ended with exit code {process.returncode}."
    return ""


def post(variable: str, summary: Mapping[str, Any], *, seconds: int) -> str:
    """Post summary.json to the address in an environment variable, which is never printed.

    All of it, three tries with pauses included, is given up after ``seconds``.
    """
    address = os.environ.get(variable, "").strip()
    name = f"the webhook of {variable}"
    if not address:
        return f"{name} was not called: the variable is not set."
    try:
        request = _request(address, json.dumps(summary).encode())
    except ValueError:
        return (
            f"{name} was not called: its address has to begin with https:// or http://, and to be "
            "a whole one, without spaces."
        )
    ends: queue.Queue[str] = queue.Queue()
    # A server can hold every single read below its time limit, and looking up a name has none: only
    # from outside can all of it be given up.
    trying = threading.Thread(
        target=_tried, args=(request, time.monotonic() + seconds, ends), daemon=True
    )
    trying.start()
    try:
        failure = ends.get(timeout=seconds)
    except queue.Empty:
        failure = f"failed: it took more than {seconds} s (completion.seconds)"
    return failure and f"{name} {failure}."


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Takes an answer that names another address for a refusal: the summary goes to no other."""

    def redirect_request(self, *arguments: object) -> None:
        return


def _request(address: str, body: bytes) -> urllib.request.Request:
    """Return what is posted; a user and password in the address become a header.

    Raises:
        ValueError: this is no address of the web.
    """
    parts = urllib.parse.urlsplit(address)
    whole = parts.scheme in ("https", "http") and parts.hostname and parts.port != 0
    if not whole or not address.isprintable() or " " in address:
        raise ValueError
    user, at, host = parts.netloc.rpartition("@")
    headers = {"Content-Type": "application/json", "User-Agent": "concept-auditor"}
    if at:
        known = base64.b64encode(urllib.parse.unquote(user).encode()).decode()
        headers["Authorization"] = f"Basic {known}"
    clean = parts._replace(netloc=host, fragment="").geturl()
    return urllib.request.Request(  # noqa: S310 (http and https alone, checked above)
        clean, data=body, headers=headers, method="POST"
    )


def _tried(request: urllib.request.Request, deadline: float, ends: queue.Queue[str]) -> None:
    """Try three times, unless the server's answer is its last word; put why it failed, or ""."""
    failure = ""
    for pause in (0.0, *PAUSES):
        time.sleep(min(pause, max(deadline - time.monotonic(), 0)))
        left = deadline - time.monotonic()
        if left <= 0:
            break
        failure, final = _tried_once(request, left)
        if final:
            break
    ends.put(failure)


def _tried_once(request: urllib.request.Request, seconds: float) -> tuple[str, bool]:
    """Return why a try failed, or "", and whether another one is useless.

    Nothing of an error's own text: it may hold the address.
    """
    try:
        with urllib.request.build_opener(_NoRedirects).open(request, timeout=seconds):
            return "", True
    except urllib.error.HTTPError as error:
        error.close()
        moved = ": redirects are not followed" if 300 <= error.code < 400 else ""
        return f"was refused: HTTP {error.code}{moved}", error.code not in AGAIN
    except Exception as error:  # what speaks no HTTP raises nearly anything
        reason = getattr(error, "reason", error)
        return f"failed: {type(reason).__name__}", False
