"""A plugin's life: as long as the engine that started it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_SECONDS = 120


@contextmanager
def plugin() -> Iterator[subprocess.Popen[str]]:
    """As the engine starts one."""
    command = [sys.executable, "-m", "localcloud.plugins.language", "127.0.0.1:1"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as started:
        try:
            yield started
        finally:
            started.kill()


def port(started: subprocess.Popen[str]) -> int:
    assert started.stdout
    return int(started.stdout.readline())


def test_a_plugin_serves_until_its_engine_was_killed() -> None:
    with plugin() as started:
        assert port(started) > 0
        assert started.poll() is None
        assert started.stdin
        started.stdin.close()  # as the kernel does for an engine that was killed
        assert started.wait(_SECONDS) == 0


def test_a_plugin_whose_engine_was_killed_before_it_could_serve_ends() -> None:
    with plugin() as started:
        assert started.stdin
        started.stdin.close()  # long before its imports are done
        assert started.wait(_SECONDS) == 0


def test_a_plugin_ends_by_itself_when_the_engine_interrupts_it() -> None:
    """The engine does so at every command's end, and waits for five seconds before it kills."""
    with plugin() as started:
        assert port(started) > 0
        started.send_signal(signal.SIGINT)
        assert started.wait(_SECONDS) == 0
