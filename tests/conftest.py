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


# What some folders' tests share is dear, and made once for each process that has any of them: the whole program run in
# several ways, and the local cloud. So many processes have a part in it, where there are several.
_SHARERS = {"the program": 1, "a cloud": 2}


def _shared_by(path: str) -> str | None:
    if path.startswith(("tests/infra/", "tests/static/")):
        return "the program"
    if path == "tests/cloud/test_warm_pool.py":  # it has a cloud of its own
        return None
    return "a cloud" if path.startswith(("tests/cloud/", "tests/frontend/test_page_against_cloud.py")) else None


class _ByFile(LoadScopeScheduling):  # type: ignore[misc]  # it is not typed
    """Hands out a file at a time, those that share what is dear to few processes, which do these first."""

    def __init__(self, config: pytest.Config, log: Any = None) -> None:
        super().__init__(config, log)
        self._sharers: dict[str, set[Any]] = {what: set() for what in _SHARERS}

    def _split_scope(self, nodeid: str) -> str:
        return nodeid.partition("::")[0]

    def _reschedule(self, node: Any) -> None:
        if self.workqueue and self._next_for(node) is None and not node.shutting_down:
            node.shutdown()
        else:
            super()._reschedule(node)

    def _assign_work_unit(self, node: Any) -> None:
        path = self._next_for(node)
        if path is not None:
            if what := _shared_by(path):
                self._sharers[what].add(node)
            self.workqueue.move_to_end(path, last=False)
            super()._assign_work_unit(node)

    def _next_for(self, node: Any) -> str | None:
        may_share: set[str | None] = set()
        for what, most in _SHARERS.items():
            sharers = self._sharers[what] & set(self.nodes)  # one that crashed has another one in its place
            if node in sharers or len(sharers) < most:
                may_share.add(what)
        for wanted in (may_share, {None}):
            for path in self.workqueue:
                if _shared_by(path) in wanted:
                    return str(path)
        return None


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    return _ByFile(config, log)


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
