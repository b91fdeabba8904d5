from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from localcloud.emulator.process import ROOT, Credentials, EmulatorProcess
from localcloud.emulator.settings import ROOT_ACCESS_KEY_ID
from localcloud.emulator.subreaper import descendants
from tests.localcloud.emulator.harness import REGION, EmulatorHarness, is_running, wait_for

STARTER = """
import json, sys
from localcloud.emulator.process import EmulatorProcess
emulator = EmulatorProcess.start(region="eu-central-1")
root = emulator.root
print(json.dumps([emulator.pid, emulator.aws_port, emulator.site_port, root.secret_access_key, str(emulator.log_path)]))
sys.stdout.flush()
sys.stdin.read()
"""


@pytest.mark.parametrize("is_killed", [False, True], ids=["one that is stopped", "one that is killed"])
def test_an_emulator_leaves_no_process_and_no_file(tmp_path: Path, is_killed: bool) -> None:
    harness = EmulatorHarness(EmulatorProcess.start(region=REGION, log_dir=tmp_path))
    harness.client("lambda").invoke(FunctionName=harness.function("def handler(event, context): return event"))
    left, home = harness.leave_process(harness.launch())
    started = {left, harness.emulator.pid, *descendants(harness.emulator.pid)}
    assert [pid for pid in started if not is_running(pid)] == []
    if is_killed:
        os.kill(harness.emulator.pid, signal.SIGKILL)
    harness.close()
    assert [pid for pid in started if is_running(pid)] == []
    assert not home.parents[2].exists()
    assert [each.name for each in tmp_path.iterdir()] == ["cloud.log"]


def test_an_emulator_ends_when_the_process_that_started_it_is_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STARTER], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as starter:
        assert starter.stdout is not None
        pid, aws_port, site_port, secret, log_path = json.loads(starter.stdout.readline())
        emulator = EmulatorProcess.__new__(EmulatorProcess)
        emulator.aws_port, emulator.site_port, emulator.region = aws_port, site_port, REGION
        emulator.root = Credentials(ROOT_ACCESS_KEY_ID, secret)
        harness = EmulatorHarness(emulator)
        machine_process, _ = harness.leave_process(harness.launch())
        starter.kill()
    wait_for(lambda: not is_running(pid), "the emulator to be gone")
    wait_for(lambda: not is_running(machine_process), "the machine to be gone")
    assert not Path(log_path).parent.exists()


@pytest.mark.parametrize("key", ["test", "000000000000", ROOT_ACCESS_KEY_ID])
def test_no_caller_is_root_without_the_secret_of_this_run(harness: EmulatorHarness, key: str) -> None:
    guess = harness.with_keys("s3", key, "test")
    with pytest.raises(guess.exceptions.ClientError, match=r"InvalidAccessKeyId|SignatureDoesNotMatch"):
        guess.list_buckets()
