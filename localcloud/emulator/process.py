"""The emulator as a child process, seen from the process that starts it."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from localcloud.emulator.environment import emulator_environment
from localcloud.emulator.settings import ROOT_ACCESS_KEY_ID, Settings

ROOT = Path(__file__).resolve().parents[2]
LOG_NAME = "cloud.log"
STOP_SECONDS = 30  # then the server is killed
PORT_IN_USE = 3  # exit code of the server


class EmulatorError(RuntimeError):
    """The emulator could not be started; the message says what to do."""


@dataclass(frozen=True)
class Credentials:
    """Keys for a client."""

    access_key_id: str
    secret_access_key: str
    session_token: str | None = None


class EmulatorProcess:
    """One running emulator; `stop` ends it and everything it started, and removes its files.

    Attributes:
        aws_port, site_port: on 127.0.0.1.
        root: the account's root user, for this run only.
        admin_token: opens the emulator's own paths (`host_check.ADMIN_HEADER`); for this run only.
        pid: the server's; it is the only child of its supervisor, which `stop` waits for.
        log_path: what the emulator wrote; kept after `stop` only when it is outside the scratch folder.
    """

    def __init__(
        self, site_port: int, boot_seconds: float, region: str, log_dir: Path | None, *, keeps_state: bool
    ) -> None:
        self._keeps_state = keeps_state
        self._boot_seconds = boot_seconds
        self._scratch = Path(tempfile.mkdtemp(prefix="mayfly-"))
        (self._scratch / "tmp").mkdir()
        self.log_path = (log_dir or self._scratch) / LOG_NAME
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        self.root = Credentials(ROOT_ACCESS_KEY_ID, secrets.token_hex(20))
        self.admin_token = secrets.token_hex(20)
        self.region = region
        self.aws_port = 0
        self.site_port = site_port
        self.pid = 0
        self._supervisor = self._spawn()
        atexit.register(self.stop)

    @property
    def aws_endpoint(self) -> str:
        return f"http://127.0.0.1:{self.aws_port}"

    @property
    def site_url(self) -> str:
        return f"http://127.0.0.1:{self.site_port}"

    @classmethod
    def start(
        cls,
        *,
        site_port: int = 0,
        boot_seconds: float = 0.0,
        region: str = "us-east-1",
        log_dir: Path | None = None,
        keeps_state: bool = False,
    ) -> EmulatorProcess:
        """Starts the emulator and waits until both of its ports answer.

        Args:
            site_port: 0 for any free one.
            boot_seconds: how long a machine takes until its user data runs.
            region: of requests that name none.
            log_dir: folder for `cloud.log`; the scratch folder by default.
            keeps_state: it can be restarted (`restart`).

        Raises:
            EmulatorError: the port is taken, or the process ended before it was ready.
        """
        with contextlib.ExitStack() as failed:
            with _signals_held_back():  # one that came in between would leave a process that nothing here knows of
                emulator = cls(site_port, boot_seconds, region, log_dir, keeps_state=keeps_state)
                failed.callback(emulator.stop)
            emulator._await_ready()
            failed.pop_all()
        return emulator

    def _spawn(self) -> subprocess.Popen[bytes]:
        with self.log_path.open("ab") as log:
            return subprocess.Popen(
                [
                    *(sys.executable, "-ES", "-m", "localcloud.emulator.supervisor", str(STOP_SECONDS)),
                    *(sys.executable, "-m", "localcloud.emulator"),
                ],
                cwd=ROOT,
                env=emulator_environment(scratch=self._scratch, region=self.region, keeps_state=self._keeps_state),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )

    def restart(self) -> None:
        """Ends the emulator as `stop` does and starts it again, at the same ports, with what its services held.

        Machines and workflow executions do not survive (kept_state.py). Only if it keeps its state.

        Raises:
            EmulatorError: it did not start again.
        """
        assert self._keeps_state  # noqa: S101 - a mistake of the caller's
        self._end()
        with _signals_held_back():
            self._supervisor = self._spawn()
        self._await_ready()

    def _await_ready(self) -> None:
        assert self._supervisor.stdin is not None  # noqa: S101 - for the type checker: opened as pipes
        assert self._supervisor.stdout is not None  # noqa: S101 - as above
        settings = Settings(
            region=self.region,
            scratch_folder=str(self._scratch),
            keeps_state=self._keeps_state,
            aws_port=self.aws_port,
            site_port=self.site_port,
            boot_seconds=self._boot_seconds,
            root_secret=self.root.secret_access_key,
            admin_token=self.admin_token,
        )
        # Not through the environment or arguments, which every process of this user can read.
        self._supervisor.stdin.write(json.dumps(asdict(settings)).encode() + b"\n")
        self._supervisor.stdin.flush()
        line = self._supervisor.stdout.readline()
        if line:
            ports = json.loads(line)
            self.pid, self.aws_port, self.site_port = ports["pid"], ports["aws_port"], ports["site_port"]
        elif self._supervisor.wait() == PORT_IN_USE:
            raise EmulatorError(
                f"Port {self.site_port} is in use. Choose another one with --port, or end what uses it."
            )
        else:
            raise EmulatorError(f"The emulator did not start:\n{self.log_tail()}")

    def log_tail(self, lines: int = 40) -> str:
        with contextlib.suppress(FileNotFoundError):
            return "\n".join(self.log_path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
        return ""

    def wait(self) -> None:
        """Returns when the process has ended."""
        self._supervisor.wait()

    def stop(self) -> None:
        """Ends the emulator, its functions and its machines, and waits for them; calling it again does nothing."""
        self._end()
        shutil.rmtree(self._scratch, ignore_errors=True)
        atexit.unregister(self.stop)

    def _end(self) -> None:
        for pipe in (self._supervisor.stdin, self._supervisor.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        self._supervisor.terminate()
        try:
            self._supervisor.wait(2 * STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._supervisor.pid, signal.SIGKILL)  # the server too
            self._supervisor.wait()


@contextlib.contextmanager
def _signals_held_back() -> Iterator[None]:
    """Those that end a program wait; a process that is started meanwhile has to allow them for itself."""
    earlier = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, earlier)
