"""What only some systems can do has something in its place on the others."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from auditor.base import system


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
