"""Try what a picture may do to the program in a process that may be lost.

A decoder can crash, hang or take all memory, and with it the audit. So what is decoded for the
first time is tried in a forked process, which ends with what it tried: nothing comes back but how
far it got. It runs no model, and no more threads than its own. What ends it twice, the second time
alone, is refused, unless a small picture of our own ends it too. Only Linux forks safely what
already runs threads; elsewhere nothing is tried.
"""

from __future__ import annotations

import faulthandler
import gc
import os
import signal
import sys
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any, NoReturn

import torch
from PIL import Image

# What one picture may take: seconds of the processor and of the clock, and bytes of memory. The
# pictures that `limits` lets through take 0.4 GB and seconds.
BUSY = 60.0
SECONDS = 300.0
MEMORY = 4_000_000_000
_SHORT = 12  # the exit code of want of memory
_TIMED = (signal.SIGALRM, signal.SIGPROF) if sys.platform != "win32" else ()

Attempt = Callable[[int], object]


def refused(attempt: Attempt, rows: Sequence[int]) -> dict[int, str]:
    """Return those of ``rows`` that end a process in which they are tried, and how.

    What ``attempt`` raises is no matter: it is for whoever does it here afterwards. Nothing is
    refused where no process can be had.
    """
    found: dict[int, str] = {}
    left = list(rows)
    while left and sys.platform == "linux":
        done, how = _tried(attempt, left)
        if not how:
            break
        suspect, left = left[done], left[done + 1 :]
        _, again = _tried(attempt, [suspect])
        if again and not _tried(_small_picture, [suspect])[1]:
            found[suspect] = again
    return found


def _small_picture(_row: int) -> None:
    """Decode a small picture of our own: where that fails too, it is the machine that is short."""
    written = BytesIO()
    Image.new("RGB", (8, 8)).save(written, "PNG")
    Image.open(written).convert("RGB")


def _tried(attempt: Attempt, rows: Sequence[int]) -> tuple[int, str]:
    """Return how many of the rows a process of its own got through, and what ended it if not all.

    ``how`` is empty as well where no process could be had.
    """
    try:
        reads, writes = os.pipe()
    except OSError:
        return 0, ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside threads
            process = os.fork()
    except OSError:
        os.close(reads)
        os.close(writes)
        return 0, ""
    if process == 0:
        _try_here(attempt, rows, writes)
    os.close(writes)
    done, status = 0, None
    try:
        while chunk := os.read(reads, 4096):
            done += len(chunk)
        status = os.waitpid(process, 0)[1]
    finally:
        os.close(reads)
        if status is None:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
    return done, "" if done >= len(rows) else _how(os.waitstatus_to_exitcode(status))


def _how(code: int) -> str:
    if code == _SHORT:
        return f"takes more than {MEMORY / 1e9:.0f} GB of memory to decode"
    if -code in _TIMED:
        return "takes too long to decode: over a minute of the processor, or five of waiting"
    if code < 0:
        return f"ends the process that decodes it ({_name(-code)})"
    return f"ends the process that decodes it (exit code {code})" if code else ""


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _try_here(attempt: Attempt, rows: Sequence[int], told: int) -> NoReturn:
    """Try the rows and write a byte for each that is survived: what the forked process does."""
    try:
        _confine()
        for row in rows:
            signal.setitimer(signal.ITIMER_PROF, BUSY)
            signal.setitimer(signal.ITIMER_REAL, SECONDS)
            try:
                attempt(row)
            except MemoryError:
                os._exit(_SHORT)
            except Exception:  # noqa: S110 - whoever does it here meets it again
                pass
            os.write(told, b".")
    finally:
        os._exit(0)


def _confine() -> None:
    import resource

    faulthandler.disable()
    gc.disable()  # nothing of the process that this one was forked from is to be let go of here
    torch.set_num_threads(1)
    for each in (*_TIMED, signal.SIGTERM, signal.SIGINT):
        signal.signal(each, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError, ValueError):
        _first_to_go()
    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    limit: Any = held + MEMORY
    if most == resource.RLIM_INFINITY or limit < most:
        resource.setrlimit(resource.RLIMIT_AS, (limit, most))


def _first_to_go() -> None:
    """Have the system end this process rather than the audit where memory runs out."""
    Path("/proc/self/oom_score_adj").write_text("1000")
