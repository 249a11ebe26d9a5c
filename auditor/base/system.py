"""What only some systems can do, each with what stands in for it on the others."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator


def _flags(*names: str) -> int:
    """Return flags of `os.open` together, those that this system knows."""
    return sum(getattr(os, name, 0) for name in names)


# How files are opened: to be written from the start, and to be read, neither through a link; and
# bytes are bytes (Windows).
TO_WRITE = _flags("O_WRONLY", "O_CREAT", "O_TRUNC", "O_NOFOLLOW", "O_CLOEXEC", "O_BINARY")
TO_READ = _flags("O_RDONLY", "O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY")
# A folder can be opened, and so be synced, but on Windows, which does that by itself.
SYNCS_FOLDERS = hasattr(os, "O_DIRECTORY")


def peak_memory() -> int | None:
    """Return the most memory that this process ever held, in bytes; None where nobody counts."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


@contextlib.contextmanager
def interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back inside of the block, also from processes that are started in it."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_group(process: subprocess.Popen[bytes]) -> None:
    """End a process that leads a session, and all that it started; alone where there are none."""
    if not hasattr(os, "killpg"):  # Windows
        process.kill()
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
