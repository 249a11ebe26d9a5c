"""Tell others that an audit is done: a command, and an address that is posted to.

Every function returns a warning in words, or an empty text: nothing here fails an audit.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def run_command(
    words: Sequence[str], run: Path | None, summary: Mapping[str, Any], *, seconds: int
) -> str:
    """Run a command without a shell; its process group is ended after ``seconds``.

    It is told AUDITOR_RUN (the run folder), AUDITOR_VERDICT and AUDITOR_EXIT_CODE, and reads
    summary.json from stdin. What it prints goes to stderr.
    """
    told = {
        "AUDITOR_RUN": str(run or ""),
        "AUDITOR_VERDICT": str(summary.get("verdict", "")),
        "AUDITOR_EXIT_CODE": str(summary.get("exit_code", "")),
    }
    name = f"the completion command '{words[0]}'"
    try:
        process = subprocess.Popen(  # noqa: S603 (the user's own command, as the config says it)
            list(words),
            stdin=subprocess.PIPE,
            stdout=2,
            env=os.environ | told,
            start_new_session=True,
        )
    except OSError as error:
        return f"{name} cannot be started: {error.strerror or error}."
    try:
        process.communicate(json.dumps(summary).encode(), timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return f"{name} was ended: it took more than {seconds} s (completion.seconds)."
    except OSError as error:
        return f"{name} failed: {error.strerror or error}."
    if process.returncode:
        return f"{name} ended with exit code {process.returncode}."
    return ""


def post(variable: str, summary: Mapping[str, Any], *, seconds: int) -> str:
    """Post summary.json to the address in an environment variable, which is never printed."""
    address = os.environ.get(variable, "")
    name = f"the webhook of {variable}"
    if not address:
        return f"{name} was not called: the variable is not set."
    if urllib.parse.urlsplit(address).scheme not in ("https", "http"):
        return f"{name} was not called: its address has to begin with https:// or http://."
    try:
        request = urllib.request.Request(  # noqa: S310 (http and https alone, checked above)
            address,
            data=json.dumps(summary).encode(),
            headers={"Content-Type": "application/json", "User-Agent": "concept-auditor"},
            method="POST",
        )
        with urllib.request.urlopen(request, timeout=seconds):  # noqa: S310 (as above)
            return ""
    except urllib.error.HTTPError as error:
        return f"{name} was refused: HTTP {error.code}."
    except (OSError, ValueError) as error:
        # Nothing of the error's own text: it may hold the address.
        reason = getattr(error, "reason", error)
        return f"{name} failed: {type(reason).__name__}."
