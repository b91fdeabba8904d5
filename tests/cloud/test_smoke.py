from __future__ import annotations

from pathlib import Path

import pytest

from localcloud.cloud import LocalCloud
from operations.job_client import JobClient
from operations.smoke import main
from tests.cloud.conftest import Scripted

pytestmark = pytest.mark.cloud


QUICK = ["--job-seconds", "300", "--machine-seconds", "300", "--cancelled-seconds", "5"]
JOB = ("submit", "status", "output", "manifest", "timeline", "receipt", "clean-up")
CANCELLED = ("cancel", "status", "receipt", "clean-up")
CHATTY = Path(__file__).parents[2] / "examples" / "chatty" / "chatty.py"


def names(output: str) -> list[str]:
    """Of the checks, each of which is fine."""
    lines = [line.split()[:2] for line in output.splitlines()]
    assert [verdict for verdict, _ in lines] == ["ok"] * len(lines), output
    return [name for _, name in lines]


def ids(client: JobClient) -> list[str]:
    """Of the jobs there are; those of other tests may still be told of their machines' end."""
    return [job["id"] for job in client.page()["jobs"]]


def test_a_stack_that_works_passes_and_keeps_nothing_of_it(
    cloud: LocalCloud, client: JobClient, capsys: pytest.CaptureFixture[str]
) -> None:
    before = ids(client)
    assert main([cloud.url, *QUICK], {}) == 0, capsys.readouterr().out
    assert names(capsys.readouterr().out) == [*JOB, *CANCELLED, "smoke"]
    assert ids(client) == before


def test_a_burst_and_a_chatty_job_pass_too(
    cloud: LocalCloud, client: JobClient, scripted: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    before = ids(client)
    with scripted("python3", str(CHATTY)):
        assert main([cloud.url, *QUICK, "--trial", "chatty", "--megabytes", "3"], {}) == 0, capsys.readouterr().out
    chatty = ["submit", "status", "output", "log", "receipt", "clean-up", "smoke"]
    assert names(capsys.readouterr().out) == chatty
    assert main([cloud.url, *QUICK, "--trial", "burst", "--jobs", "3"], {}) == 0, capsys.readouterr().out
    assert names(capsys.readouterr().out) == ["submit", "status", "receipts", "launches", "clean-up", "smoke"]
    assert ids(client) == before
