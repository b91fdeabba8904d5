"""The local cloud for every test that wants it, and what is needed to understand a failure in it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Generator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from localcloud.cloud import LocalCloud
from localcloud.job_client import JobApiError, JobClient

ROOT = Path(__file__).parents[1]
ARTIFACTS = ROOT / "build" / "test-artifacts"


@pytest.fixture(scope="session")
def cloud() -> Iterator[LocalCloud]:
    """The local cloud with the whole program deployed, sign-in included; one for the test run."""
    with LocalCloud.start(log_dir=ARTIFACTS) as running:
        yield running


@pytest.fixture
def client(cloud: LocalCloud) -> Iterator[JobClient]:
    """Alice's; her jobs are those that `_keep_story` finds."""
    with JobClient(cloud.url, user="alice") as opened:
        yield opened


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    report = yield
    cloud = getattr(item, "funcargs", {}).get("cloud")
    if report.failed and cloud is not None:
        folder = ARTIFACTS / re.sub(r"[^\w.-]+", "_", item.name)[:100]
        folder.mkdir(parents=True, exist_ok=True)
        started = datetime.fromtimestamp(report.start if report.when == "call" else 0, UTC).isoformat()
        report.sections.append(("local cloud", _keep_story(cloud, folder, started)))
    return report


def _keep_story(cloud: LocalCloud, folder: Path, since: str) -> str:
    """Stores the log and the story of every job submitted since; says where."""
    if cloud.log_path.exists():
        shutil.copy(cloud.log_path, folder / "cloud.log")
    try:
        with JobClient(cloud.url, user="alice") as client:
            for job in client.page(limit=50)["jobs"]:
                if job["created_at"] >= since:
                    story = client._http.get(f"/_local/jobs/{job['id']}/debug").json()
                    (folder / f"{job['id']}.json").write_text(json.dumps({"job": job, **story}, indent=1))
    except (httpx2.HTTPError, JobApiError, ValueError, KeyError) as error:
        return f"logs are in {folder}, but the local cloud does not answer any more: {error!r}"
    return f"logs, and the story of each job by its id, are in {folder}"
