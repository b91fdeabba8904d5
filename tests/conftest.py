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
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

from localcloud.cloud import LocalCloud
from operations.job_client import JobApiError, JobClient

ROOT = Path(__file__).parents[1]
ARTIFACTS = ROOT / "build" / "test-artifacts"

# A run of the whole program or of pytest's collection makes a million objects that stay: Python's usual thresholds have
# the collector go over all of them again and again, which is a fifth of the time.
gc.set_threshold(100_000, 50, 50)

# How long an example takes says more of the machine than of the code. They are the same every time: what one seed in a
# thousand finds must not fail a change that has nothing to do with it.
settings.register_profile(
    "any machine", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")


def _unit(path: str) -> str:
    """The tests that one process does: those of a file, and all that share what is dear to make.

    That is the whole program, run in several ways, and the local cloud; there are two of these, for a fair share each.
    """
    if path.startswith(("tests/infra/", "tests/static/")):
        return "the program"
    if path.startswith("tests/cloud/") and path != "tests/cloud/test_warm_pool.py":  # which has a cloud of its own
        return "a cloud" if path < "tests/cloud/test_k" else "another cloud"
    return "a cloud" if path == "tests/frontend/test_page_against_cloud.py" else path


class _ByUnit(LoadScopeScheduling):  # type: ignore[misc]  # it is not typed
    def _split_scope(self, nodeid: str) -> str:
        return _unit(nodeid.partition("::")[0])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is shared comes first: it takes longest."""
    items.sort(key=lambda item: (path := item.nodeid.partition("::")[0]) == _unit(path))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    return _ByUnit(config, log)


@pytest.fixture(scope="session")
def cloud() -> Iterator[LocalCloud]:
    """The local cloud with the whole program deployed, sign-in and notifications included; one for the test run."""
    with LocalCloud.start(config={"mayfly:notify": "true"}, log_dir=ARTIFACTS) as running:
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
