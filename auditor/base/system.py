"""What only some systems can do, each with what stands in for it on the others."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path


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


def free_memory() -> int | None:
    """Return the bytes that a process can still get, a container's limit included.

    None where this system does not say.
    """
    found = {"darwin": _free_on_macos, "win32": _free_on_windows}.get(sys.platform, _free_on_linux)
    with contextlib.suppress(OSError, ValueError, AttributeError, subprocess.SubprocessError):
        return found()
    return None


def _free_on_linux(root: Path = Path("/")) -> int | None:
    amounts = []
    info = root / "proc" / "meminfo"
    if info.is_file():
        found = re.search(r"MemAvailable:\s+(\d+) kB", info.read_text())
        amounts += [int(found[1]) * 1024] if found else []
    group = root / "sys" / "fs" / "cgroup"
    limit, used = group / "memory.max", group / "memory.current"
    if limit.is_file() and used.is_file():
        text = limit.read_text().strip()
        if text.isdigit():
            amounts.append(int(text) - int(used.read_text()))
    return min(amounts, default=None)


def _free_on_macos() -> int | None:
    """Return what vm_stat counts as free, or can be let go of at once."""
    said = subprocess.run(["/usr/bin/vm_stat"], capture_output=True, text=True, timeout=10).stdout
    size = re.search(r"page size of (\d+) bytes", said)
    counts = re.findall(r"Pages (?:free|inactive|speculative|purgeable):\s+(\d+)\.", said)
    return int(size[1]) * sum(map(int, counts)) if size and counts else None


def _free_on_windows() -> int | None:
    """Return the physical memory that GlobalMemoryStatusEx calls available."""
    import ctypes

    status = (ctypes.c_uint64 * 8)()  # two numbers of 32 bits, then seven of 64
    ctypes.cast(status, ctypes.POINTER(ctypes.c_uint32))[0] = ctypes.sizeof(status)
    known = ctypes.windll.kernel32.GlobalMemoryStatusEx(status)  # type: ignore[attr-defined]
    return int(status[2]) if known else None


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
