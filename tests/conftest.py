"""The local cloud for every test that wants it, and what is needed to understand a failure in it."""

from __future__ import annotations

import gc
import json
import re
import shutil
from collections.abc import Generator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from xdist.scheduler import LoadScopeScheduling

from localcloud.cloud import LocalCloud
from localcloud.job_client import JobApiError, JobClient

ROOT = Path(__file__).parents[1]
ARTIFACTS = ROOT / "build" / "test-artifacts"

# A run of the whole program or of pytest's collection makes a million objects that stay: Python's usual thresholds have
# the collector go over all of them again and again, which is a fifth of the time.
gc.set_threshold(100_000, 50, 50)


# Where there are several processes, all these share one, for what is made once for each process is dear:
# the whole program run in several ways,
_OF_THE_PROGRAM = ("tests/infra/", "tests/static/")
# and the local cloud, of which there are two.
_OF_A_CLOUD = ("tests/cloud/", "tests/frontend/test_page_against_cloud.py")
_CLOUDS = 2


class _ByFile(LoadScopeScheduling):  # type: ignore[misc]  # it is not typed
    """Hands out a file at a time, or the files that share what is dear."""

    def __init__(self, config: pytest.Config, log: Any = None) -> None:
        super().__init__(config, log)
        self._of_clouds: dict[str, str] = {}

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        if path.startswith(_OF_THE_PROGRAM):
            return "program"
        if path.startswith(_OF_A_CLOUD) and path != "tests/cloud/test_pool.py":  # which has its own
            return self._of_clouds.setdefault(path, f"cloud {len(self._of_clouds) % _CLOUDS}")
        return path


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    return _ByFile(config, log)


@pytest.fixture(scope="session")
def cloud() -> Iterator[LocalCloud]:
    """The local cloud with the whole program deployed, sign-in included; one for the test run."""
    with LocalCloud.start(log_dir=ARTIFACTS) as running:
        yield running


@pytest.fixture(scope="module")  # a token is good for some minutes
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
