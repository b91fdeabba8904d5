"""Whole jobs through the public API, in the local cloud with IAM enforced."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import pytest

from localcloud.cloud import LocalCloud
from operations.job_client import Job, JobApiError, JobClient
from operations.trials.whole_job import MILESTONES
from tests.cloud.steps import expected, keys_of, let_urls_expire, machines_of, run, settled, sweep, until

pytestmark = pytest.mark.cloud

PARTY = "\N{PARTY POPPER}"
LICENCE_PLACES = ("/usr/share/common-licenses/GPL-3", "/usr/share/common-licenses/Apache-2.0")


def real_document() -> bytes:
    """A licence text that Debian ships, or this interpreter's own where there is none."""
    places = [Path(place) for place in LICENCE_PLACES]
    places.append(Path(os.__file__).parent / "LICENSE.txt")
    return next(place.read_bytes() for place in places if place.exists())


CONTENTS = {
    "a real document": (real_document(), "Read and approved."),
    "an empty file": (b"", "the only line"),
    "no newline at the end": (b"no newline at the end", "appended"),
    "newlines at the end": (b"two newlines\n\n", "appended"),
    "invalid UTF-8": (b"\xff\xfe\x00\x80 invalid \xc3\x28\r\n", "appended"),
    "a text with emoji": (b"x", PARTY * 5 + " \u00e9\u4e2d"),
    "a text of 10,000 characters": (b"x", "0123456789" * 1000),
    "a text of 10,000 emoji": (b"x", PARTY * 10_000),
    "a text made to hurt": (b"x", "$(reboot) `id` '; rm -rf / #\n\"PYTHON\nPYTHON\n"),
}
NAMES = [
    "with spaces in it.txt",
    'it\'s "quoted".txt',
    "50% off #1 & more?.txt",
    "100%25+%2F.txt",
    f"{PARTY} party.txt",
    "x" * 196 + ".txt",
    PARTY * 63,  # 252 bytes; a name may have 255
    "$(reboot);`id`|x.txt",
    "<b onclick=x>.html",
    "no-suffix",
    ".hidden",
]
CASES = {name: CONTENTS[what] for name, what in zip(NAMES, cycle(CONTENTS), strict=False)}


@dataclass(frozen=True)
class AtOnce:
    """Jobs that were submitted at once, by their files' names, and the machines there were before."""

    jobs: dict[str, Job]
    before: set[str]


@pytest.fixture(scope="module")
def at_once(cloud: LocalCloud) -> AtOnce:
    def one(row: tuple[str, tuple[bytes, str]]) -> tuple[str, Job]:
        name, (content, text) = row
        with JobClient(cloud.url, user="alice") as own:
            return name, own.wait(own.submit(content, name, text)["id"], 300)

    with JobClient(cloud.url, user="alice") as client:
        before = {machine["id"] for machine in client.machines()}
    with ThreadPoolExecutor(len(CASES)) as pool:
        return AtOnce(dict(pool.map(one, CASES.items())), before)


@pytest.mark.parametrize("name", CASES)
def test_the_output_is_input_newline_and_text_to_the_byte_whatever_the_file_is_called(
    client: JobClient, at_once: AtOnce, name: str
) -> None:
    job = at_once.jobs[name]
    assert job["status"] == "succeeded", job
    assert client.output(job["id"]) == expected(*CASES[name])
    assert job["filename"] == name
    assert job["input_file_path"].endswith(f"/inputs/{job['owner']}/{job['id']}/{name}")
    assert job["output_file_path"].endswith(f"/outputs/{job['owner']}/{job['id']}/1/{name}")


def test_jobs_at_once_each_get_a_machine_of_their_own_and_none_is_left(client: JobClient, at_once: AtOnce) -> None:
    ids = {job["id"] for job in at_once.jobs.values()}

    def theirs() -> list[dict[str, str]]:
        return [each for each in client.machines() if each["id"] not in at_once.before and each["job_id"] in ids]

    until(lambda: all(machine["state"] == "terminated" for machine in theirs()))
    assert sorted(machine["job_id"] for machine in theirs()) == sorted(ids)


def test_a_large_file_goes_through_whole(client: JobClient, tmp_path: Path) -> None:
    source, content = tmp_path / "large.bin", os.urandom(32 << 20)
    source.write_bytes(content)
    job = client.wait(client.submit(source, "large.bin", "the end")["id"])
    assert job["status"] == "succeeded", job
    assert client.output(job["id"]) == expected(content, "the end")


def test_the_timeline_tells_the_whole_story_in_order(client: JobClient) -> None:
    job = run(client, b"x", "x.txt", "y")
    settled(client, job["id"])
    timeline = client.get(job["id"])["timeline"]
    assert tuple(entry["event"] for entry in timeline) == MILESTONES
    assert all(entry["detail"] for entry in timeline)
    times = [entry["at"] for entry in timeline]
    assert times == sorted(times)


def test_a_job_that_is_cancelled_while_its_machine_boots_ends_with_it(client: JobClient, cloud: LocalCloud) -> None:
    faults = client._http.put("/_local/faults", json={"agent_delay_s": 3600})
    assert faults.is_success
    try:
        job = client.submit(b"x", "x.txt", "y")
        until(lambda: bool(machines_of(client, job)))
        assert client.cancel(job["id"])["status"] == "cancelled"
        until(lambda: all(machine["state"] == "terminated" for machine in machines_of(client, job)))
        settled(client, job["id"])
        assert client.get(job["id"])["status"] == "cancelled"
    finally:
        client._http.delete("/_local/faults")


def test_submitting_twice_runs_once(client: JobClient) -> None:
    upload = client.request_upload("x.txt", 1)
    client.upload(upload, b"x")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.create(upload["job_id"], "once"), range(8)))
    assert {answer["id"] for answer in answers} == {upload["job_id"]}
    job = client.wait(upload["job_id"])
    assert job["status"] == "succeeded"
    until(lambda: all(machine["state"] == "terminated" for machine in machines_of(client, job)))
    assert len(machines_of(client, job)) == 1


def test_a_deleted_job_leaves_nothing_behind(client: JobClient, cloud: LocalCloud) -> None:
    job = run(client, b"x", "x.txt", "y")
    settled(client, job["id"])
    there = keys_of(cloud, job)
    receipt = client.delete(job["id"])
    assert receipt["objects"] == len(there) > 0
    assert keys_of(cloud, job) == []
    assert job["id"] not in {each["id"] for each in client.page(limit=50)["jobs"]}


def test_what_comes_by_an_upload_form_after_the_deletion_is_removed_by_a_later_sweep(
    client: JobClient, cloud: LocalCloud
) -> None:
    upload = client.request_upload("x.txt", 1)
    client.upload(upload, b"x")
    job = client.wait(client.create(upload["job_id"], "y")["id"])
    settled(client, job["id"])
    client.delete(job["id"])
    client.upload(upload, b"z")
    assert len(keys_of(cloud, job)) == 1
    with pytest.raises(JobApiError) as refused:
        client.create(upload["job_id"], "y")
    assert (refused.value.status, refused.value.code) == (409, "job_conflict")
    sweep(cloud)
    assert len(keys_of(cloud, job)) == 1, "the form is still good"
    let_urls_expire(cloud, job)
    sweep(cloud)
    until(lambda: not keys_of(cloud, job))  # a sweep of the schedule may have come first
