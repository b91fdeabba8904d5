from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

import httpx2 as httpx
import pytest

from localcloud.job_client import Job, JobApiError, JobClient
from operations.smoke import MILESTONES, TEXT, Check, Patience, main, run_smoke, sign_in

NO_WAIT = Patience(job=0, machine=0)
MACHINE: dict[str, str | None] = {
    "instance_id": "i-1",
    "terminated_at": "2026-01-01T00:00:20Z",
    "verified": "EC2 reported it",
}


@dataclass
class Stack:
    """A stack whose job has ended as given; `terminated_after` is how often it is asked until its machine has."""

    status: str = "succeeded"
    events: tuple[str, ...] = MILESTONES
    machines: tuple[dict[str, str | None], ...] = (MACHINE,)
    error: dict[str, str] | None = None
    damage: Callable[[bytes], bytes] = bytes
    damage_manifest: Callable[[bytes], bytes] = bytes
    told: bytes = b""
    uploaded: bytes = b""
    deleted: list[str] = field(default_factory=list)

    def submit(self, source: bytes, filename: str, text: str) -> Job:
        self.uploaded = source
        return self.get("j1")

    def wait(self, job_id: str, timeout: float) -> Job:
        return self.get(job_id)

    def get(self, job_id: str) -> Job:
        timeline = [{"event": event, "at": f"2026-01-01T00:00:{n:02}Z"} for n, event in enumerate(self.events)]
        told = {"status": self.status, "error": self.error, "timeline": timeline, "machines": list(self.machines)}
        sha256 = hashlib.sha256(self._manifest()).hexdigest()
        return {"id": job_id, "manifest_sha256": sha256, **told}

    def output(self, job_id: str) -> bytes:
        return self.damage(self.uploaded + b"\n" + TEXT.encode())

    def manifest(self, job_id: str) -> bytes:
        return self.damage_manifest(self._manifest())

    def _manifest(self) -> bytes:
        contents = {"input": self.uploaded, "text": TEXT.encode(), "output": self.told or self.output("j1")}
        return json.dumps(
            {name: {"sha256": hashlib.sha256(content).hexdigest()} for name, content in contents.items()}
        ).encode()

    def delete(self, job_id: str) -> None:
        self.deleted.append(job_id)


def checks(stack: Stack, *, own_script: bool = False) -> list[Check]:
    """Until the first that is not fine, as the program does."""
    found: list[Check] = []
    for check in run_smoke(stack, NO_WAIT, own_script=own_script):
        found.append(check)
        if not check.is_fine:
            break
    return found


def test_a_good_job_passes_every_check_and_is_deleted() -> None:
    stack = Stack()
    assert [(check.name, check.is_fine) for check in checks(stack)] == [
        (name, True) for name in ("submit", "status", "output", "manifest", "timeline", "receipt", "clean-up")
    ]
    assert stack.deleted == ["j1"]


def test_waiting_and_a_lost_machine_in_between_are_no_fault() -> None:
    events = ("queued", "waiting", "launched", "machine_lost", *MILESTONES[1:])
    assert all(check.is_fine for check in checks(Stack(events=events, machines=(MACHINE, MACHINE))))


@pytest.mark.parametrize(
    ("stack", "name", "seen"),
    [
        (Stack(status="failed", error={"code": "no_machine", "message": "None free"}), "status", "no_machine. None"),
        (Stack(damage=lambda content: content[:-1]), "output", "instead of"),
        (Stack(damage_manifest=lambda content: content + b" "), "manifest", "not the hash of the job's record"),
        (Stack(told=b"another result"), "manifest", "of the output"),
        (Stack(events=MILESTONES[:-1]), "timeline", "no machine_terminated in its place"),
        (Stack(events=(*MILESTONES[2:], *MILESTONES[:2])), "timeline", "no running in its place"),
        (Stack(machines=()), "receipt", "no machine"),
        (Stack(machines=(MACHINE, {**MACHINE, "terminated_at": None})), "receipt", "not confirmed terminated: i-1"),
        (Stack(machines=({**MACHINE, "verified": None},)), "receipt", "not confirmed terminated: i-1"),
    ],
)
def test_what_is_wrong_is_named_and_the_job_is_kept(stack: Stack, name: str, seen: str) -> None:
    last = checks(stack)[-1]
    assert (last.name, last.is_fine) == (name, False)
    assert seen in last.seen
    assert stack.deleted == []


def test_a_stack_with_a_script_of_its_own_is_not_told_what_its_output_should_be() -> None:
    assert all(check.is_fine for check in checks(Stack(damage=bytes.upper), own_script=True))


class Refusing(Stack):
    """A stack that refuses the submission; `main` closes it like a JobClient."""

    def __init__(self, status: int) -> None:
        super().__init__()
        self._status = status

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def submit(self, source: bytes, filename: str, text: str) -> Job:
        request = httpx.Request("POST", "https://site.example/api/uploads")
        raise JobApiError(httpx.Response(self._status, request=request, json={"detail": "no"}))


def test_a_refusal_for_want_of_a_token_says_how_to_sign_in(capsys: pytest.CaptureFixture[str]) -> None:
    connect: Any = lambda *_: Refusing(401)  # noqa: E731 - a stand-in for a function
    assert main(["https://site.example"], {}, connect) == 1
    assert "MAYFLY_TOKEN has to be an access token" in capsys.readouterr().out


def test_another_refusal_ends_it_too(capsys: pytest.CaptureFixture[str]) -> None:
    connect: Any = lambda *_: Refusing(500)  # noqa: E731 - a stand-in for a function
    assert main(["https://site.example"], {}, connect) == 1
    assert "MAYFLY_TOKEN" not in capsys.readouterr().out


def test_a_token_of_the_environment_is_sent() -> None:
    with sign_in("https://site.example", {"MAYFLY_TOKEN": " abc\n"}) as client:
        assert authorization(client) == "Bearer abc"


def test_nobody_asks_a_stack_on_aws_for_a_local_token() -> None:
    with sign_in("https://site.example", {}) as client:
        assert authorization(client) is None


def authorization(client: JobClient) -> str | None:
    """What the client would send; nothing is sent."""
    request = client._http.build_request("GET", "/api/jobs")
    auth = client._http.auth
    sent = next(auth.auth_flow(request)) if auth else request
    header: str | None = sent.headers.get("authorization")
    return header
