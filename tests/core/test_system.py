"""What only some systems can do has something in its place on the others."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from auditor.base import system

VM_STAT = """Mach Virtual Memory Statistics: (page size of 16384 bytes)
Pages free:                              100000.
Pages active:                            400000.
Pages inactive:                          300000.
Pages speculative:                         2000.
Pages throttled:                              0.
Pages wired down:                         90000.
Pages purgeable:                            500.
"Translation faults":                 123456789.
"""


def test_the_peak_is_at_least_what_was_held() -> None:
    held = bytearray(os.urandom(1)) * 30_000_000
    peak = system.peak_memory()
    assert peak is None or peak > len(held)


def test_a_system_that_lacks_something_does_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resource", None)
    monkeypatch.delattr(signal, "pthread_sigmask", raising=False)
    monkeypatch.delattr(os, "killpg", raising=False)
    assert system.peak_memory() is None
    with system.interrupts_held():
        pass
    command = [sys.executable, "-c", "input()"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE)
    system.end_group(process)
    assert process.wait(30) != 0
    assert process.stdin is not None
    process.stdin.close()


def test_linux_says_how_much_is_free_within_a_containers_limit(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "meminfo").write_text("MemFree: 5 kB\nMemAvailable:   4000 kB\n")
    assert system._free_on_linux(tmp_path) == 4_096_000
    group = tmp_path / "sys" / "fs" / "cgroup"
    group.mkdir(parents=True)
    (group / "memory.current").write_text("1000\n")
    for limit, free in (("max\n", 4_096_000), ("3000\n", 2000)):
        (group / "memory.max").write_text(limit)
        assert system._free_on_linux(tmp_path) == free
    assert system._free_on_linux(tmp_path / "none") is None


def test_macos_is_asked_by_its_own_program(monkeypatch: pytest.MonkeyPatch) -> None:
    said = subprocess.CompletedProcess([], 0, stdout=VM_STAT)
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(subprocess, "run", lambda *words, **options: said)
    assert system.free_memory() == 16384 * 402_500
    monkeypatch.setattr(subprocess, "run", _missing)
    assert system.free_memory() is None


def test_windows_is_asked_by_its_own_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """The structure that the call fills in: 64 bytes, the memory available at the third place."""

    class Kernel:
        @staticmethod
        def GlobalMemoryStatusEx(status: Any) -> int:
            assert bytes(status)[:4] == (64).to_bytes(4, "little")
            status[1], status[2] = 16 * 2**30, 5 * 2**30
            return 1

    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(ctypes, "windll", SimpleNamespace(kernel32=Kernel), raising=False)
    assert system.free_memory() == 5 * 2**30
    monkeypatch.delattr(ctypes, "windll")
    assert system.free_memory() is None


@pytest.mark.skipif(sys.platform != "linux", reason="is about Linux")
def test_linux_itself_says_something() -> None:
    free = system.free_memory()
    assert free is not None
    assert 0 < free < 2**50


def _missing(*words: Any, **options: Any) -> None:
    raise FileNotFoundError
