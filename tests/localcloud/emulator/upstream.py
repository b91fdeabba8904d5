"""MiniStack as it is published, with IAM enforced and none of the patches: what the gap tests look at."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx2 as httpx

from localcloud.emulator.environment import emulator_environment
from localcloud.emulator.process import RootCredentials
from tests import web

START_SECONDS = 180


class StockProcess:
    """Looks like an `EmulatorProcess` to `EmulatorHarness`; it has no site, so the site's address is that of AWS."""

    def __init__(self, region: str) -> None:
        self.region = region
        self.root = RootCredentials("test", "root-secret-of-the-upstream-emulator")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.aws_port = probe.getsockname()[1]
        self._scratch = Path(tempfile.mkdtemp(prefix="mayfly-upstream-"))
        (self._scratch / "tmp").mkdir()
        environment = emulator_environment(scratch=self._scratch, region=region)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "ministack"],
            env={**environment, "GATEWAY_PORT": str(self.aws_port), "PATH": os.environ["PATH"]},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._await_ready()

    @property
    def aws_endpoint(self) -> str:
        return f"http://127.0.0.1:{self.aws_port}"

    site_url = aws_endpoint

    def log_tail(self, _lines: int = 40) -> str:
        return ""

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _await_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                if web.get(f"{self.aws_endpoint}/_ministack/health").is_success:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
        self.stop()
        raise TimeoutError("the upstream emulator did not start")
