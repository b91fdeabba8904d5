from __future__ import annotations

import pytest

from localcloud.cloud import LocalCloud
from localcloud.job_client import JobClient
from operations.smoke import main

pytestmark = pytest.mark.cloud


def test_a_stack_that_works_passes_and_keeps_nothing_of_it(
    cloud: LocalCloud, client: JobClient, capsys: pytest.CaptureFixture[str]
) -> None:
    before = client.page()["jobs"]
    assert main([cloud.url, "--job-seconds", "120", "--machine-seconds", "60"], {}) == 0, capsys.readouterr().out
    told = [line.split()[:2] for line in capsys.readouterr().out.splitlines()]
    names = ("submit", "status", "output", "manifest", "timeline", "receipt", "clean-up", "smoke")
    assert told == [["ok", name] for name in names]
    assert client.page()["jobs"] == before
