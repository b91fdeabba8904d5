"""A plugin's life: as long as the engine that started it."""

from __future__ import annotations

import subprocess
import sys

ENGINE = """
import subprocess, sys
subprocess.Popen([sys.executable, "-m", "localcloud.plugins.language", "127.0.0.1:1"])
sys.stdin.read()
"""


def test_a_plugin_ends_when_its_engine_was_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", ENGINE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as engine:
        assert engine.stdout
        assert int(engine.stdout.readline()) > 0
        engine.kill()
        # The plugin holds the pipe as well, so this ends only when it has ended.
        assert engine.communicate(timeout=120)[0] == ""
