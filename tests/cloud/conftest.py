from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from localcloud.cloud import LocalCloud
from operations.job_client import JobClient
from tests.cloud.steps import SWEEPER, setting, sweep, until

Scripted = Callable[..., AbstractContextManager[None]]


@pytest.fixture(scope="module")
def alice(cloud: LocalCloud) -> Iterator[JobClient]:
    with JobClient(cloud.url, user="alice") as opened:
        yield opened


@pytest.fixture(scope="module")
def bob(cloud: LocalCloud) -> Iterator[JobClient]:
    with JobClient(cloud.url, user="bob") as opened:
        yield opened


@dataclass(frozen=True)
class Gate:
    """A script that copies its input once it may; machines are processes of this computer, so a file can tell them."""

    sign: Path

    @property
    def script(self) -> tuple[str, ...]:
        return ("sh", "-c", f'until [ -e \'{self.sign}\' ]; do sleep 0.05; done; cp "$1" "$3"', "sh")

    def open(self) -> None:
        self.sign.touch()


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path / "open")


def no_grace(cloud: LocalCloud) -> AbstractContextManager[None]:
    """Lets the sweeper look at what is only seconds old; it also comes by itself now and then."""
    return setting(cloud, SWEEPER, "GRACE_SECONDS", "0")


def sweep_until_free(cloud: LocalCloud, client: JobClient) -> None:
    """Frees slots that no workflow is left to free, which otherwise takes until the sweeper's next visits."""

    def is_free() -> bool:
        sweep(cloud)
        return not client._http.get("/api/machines").json()["alive"]

    with no_grace(cloud):
        until(is_free)


@pytest.fixture
def without_grace(cloud: LocalCloud) -> Iterator[None]:
    with no_grace(cloud):
        yield


@contextmanager
def one_slot(cloud: LocalCloud, client: JobClient) -> Iterator[None]:
    """One free slot for the whole stack; machines of earlier tests may still be on their way to their end."""

    def held() -> int:
        return len(client._http.get("/api/machines").json()["alive"])

    with suppress(AssertionError):
        until(lambda: held() == 0)
    with setting(cloud, "mayfly-local-launch", "MAX_CONCURRENT_JOBS", str(held() + 1)):
        yield


@pytest.fixture
def hurried(cloud: LocalCloud) -> Iterator[None]:
    """Gives up on a silent agent, and trusts in events, for seconds instead of minutes."""
    workflows, arn = cloud.client("stepfunctions"), cloud.deployment.outputs["state_machine"]
    definition = workflows.describe_state_machine(stateMachineArn=arn)["definition"]
    changed = json.loads(definition)
    changed["States"]["AwaitCompletion"]["TimeoutSeconds"] = 3
    (online,) = (each for each in changed["States"]["Dispatch"]["Retry"] if "AgentNotOnline" in each["ErrorEquals"])
    online["MaxAttempts"] = 1
    (boot,) = (each for each in changed["States"]["Dispatch"]["Catch"] if "MachineBooting" in each["ErrorEquals"])
    boot["Assign"]["poll_seconds"] = 3
    workflows.update_state_machine(stateMachineArn=arn, definition=json.dumps(changed))
    yield
    workflows.update_state_machine(stateMachineArn=arn, definition=definition)


@pytest.fixture
def scripted(cloud: LocalCloud) -> Scripted:
    """`with scripted("sh", "-c", ...):` has machines run another command, as setting mayfly:script would."""
    return lambda *words: setting(cloud, "mayfly-local-dispatch", "SCRIPT", json.dumps(words))
