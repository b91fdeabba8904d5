from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from localcloud.emulator.process import ROOT
from localcloud.emulator.subreaper import descendants
from tests import web
from tests.localcloud.emulator.harness import is_running

COMMAND = [sys.executable, "-m", "localcloud"]
PEOPLE = """
import pulumi, pulumi_aws as aws
pool = aws.cognito.UserPool("pool", username_attributes=["email"])
aws.cognito.UserGroup("admin", name="admin", user_pool_id=pool.id)
pulumi.export("user_pool_id", pool.id)
pulumi.export("sign_in_client_id", aws.cognito.UserPoolClient("page", user_pool_id=pool.id).id)
"""


def up(tmp_path: Path) -> subprocess.Popen[str]:
    """Of a small program, on a free port, with its own folders for it and for temporary files, and `stderr`."""
    program, temporary = tmp_path / "program", tmp_path / "temporary"
    program.mkdir()
    temporary.mkdir()
    (program / "Pulumi.yaml").write_text("name: small\nruntime: python\n")
    (program / "__main__.py").write_text(PEOPLE)
    environment = {**os.environ, "TMPDIR": str(temporary), "PYTHONPATH": str(ROOT)}
    with (tmp_path / "stderr").open("wb") as errors:
        return subprocess.Popen(
            [*COMMAND, "up", "--port", "0"],
            cwd=program,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )


def assert_ends_cleanly(up: subprocess.Popen[str], number: signal.Signals, tmp_path: Path) -> None:
    assert up.stdout is not None
    started = descendants(up.pid)
    assert started
    up.send_signal(number)
    assert up.stdout.read() == ""
    assert up.wait() == 0
    assert [pid for pid in started if is_running(pid)] == []
    assert list((tmp_path / "temporary").iterdir()) == []
    assert (tmp_path / "stderr").read_text().endswith("\nThe local cloud is down, and everything in it is gone.\n")


def test_up_says_ready_once_and_who_may_sign_in_and_ends_cleanly(tmp_path: Path) -> None:
    with up(tmp_path) as running:
        assert running.stdout is not None
        ready = re.fullmatch(r"READY (http://127\.0\.0\.1:\d+)\n", running.stdout.readline())
        assert ready, (tmp_path / "stderr").read_text()
        users = web.get(f"{ready[1]}/_local/users").json()
        assert set(users) == {"alice", "bob", "admin"}
        for user in users.values():
            assert re.search(rf"{user['username']} +{user['password']}\n", (tmp_path / "stderr").read_text())
        assert_ends_cleanly(running, signal.SIGTERM, tmp_path)


def test_up_that_is_interrupted_while_it_starts_ends_cleanly(tmp_path: Path) -> None:
    with up(tmp_path) as starting:
        deadline = time.monotonic() + 180
        while not descendants(starting.pid):
            assert time.monotonic() < deadline, (tmp_path / "stderr").read_text()
            time.sleep(0.05)
        assert_ends_cleanly(starting, signal.SIGINT, tmp_path)


def test_up_refuses_a_port_in_use_in_one_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = subprocess.run(
            [*COMMAND, "up", "--port", str(port)], cwd=ROOT, capture_output=True, text=True, check=False
        )
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.splitlines()[-1].startswith(f"error: Port {port} is in use. Choose another one with --port")


def test_demo_refuses_a_file_that_does_not_exist() -> None:
    refused = subprocess.run([*COMMAND, "demo", "/no/such/file"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert refused.stderr == "error: /no/such/file is not a file\n"


def test_demo_runs_one_job_on_a_file_of_ours(tmp_path: Path) -> None:
    source, output = tmp_path / "a b.txt", tmp_path / "out.txt"
    source.write_bytes(b"bytes \xff without a newline")
    done = subprocess.run(
        [*COMMAND, "demo", str(source), "--text", "and a text", "--output", str(output)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert output.read_bytes() == b"bytes \xff without a newline\nand a text"
    assert "succeeded" in done.stdout
    assert "Machines alive now: 0" in done.stdout
