from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from typing import Any

import pytest

from functions.jobs.job import Job, Program, TimelineEvent
from functions.jobs.ports import StoredOutput
from functions.jobs.provenance import Content, Reported, manifest_of
from tests.functions.fakes.job_table import JOB_ID, a_job
from tests.functions.fakes.machines import a_machine

SHA, OTHER_SHA, MD5 = "a" * 64, "b" * 64, "c" * 32
REPORT = {
    "input": {"size": 3, "sha256": SHA},
    "output": {"size": 12, "sha256": OTHER_SHA},
    "python": "3.9.25",
    "message": "done",
}
STORED = StoredOutput(12, MD5)
REPORTED = Reported(Content(3, SHA), Content(12, OTHER_SHA), "3.9.25")
EVENTS = (
    TimelineEvent("script_started", "2026-01-31T09:15:09.000Z", "d"),
    TimelineEvent("script_finished", "2026-01-31T09:15:10.000Z", "d"),
)
JOB = a_job(
    filename="ä b.txt",
    attempts=2,
    run=2,
    machines=(a_machine("i-1"), a_machine("i-2", run=2, attempt=2)),
    program=Program(SHA, ("./script.py", "a word")),
)


def manifest(job: Job = JOB, reported: Reported = REPORTED, stored: StoredOutput = STORED) -> Any:
    return json.loads(manifest_of(job, 2, stored, reported, EVENTS, "1.2.3").encode())


def test_a_manifest_names_no_machine_that_came_too_late_for_an_earlier_run() -> None:
    late = a_machine("i-late", run=1, attempt=2)
    assert manifest(replace(JOB, machines=(late, *JOB.machines)))["machine"] == manifest()["machine"]


def test_a_manifest_tells_what_the_result_was_made_of() -> None:
    assert manifest() == {
        "version": 1,
        "job_id": JOB_ID,
        "owner": "alice",
        "filename": "ä b.txt",
        "run": 2,
        "attempt": 2,
        "input": {"size": 3, "sha256": SHA},
        "text": {"size": 8, "sha256": hashlib.sha256(b"appended").hexdigest()},
        "output": {"size": 12, "sha256": OTHER_SHA, "md5": MD5},
        "payload_sha256": SHA,
        "command": ["./script.py", "a word"],
        "machine": {
            "instance_id": "i-2",
            "image_id": "ami-1",
            "instance_type": "t4g.small",
            "market": "spot",
            "zone": "eu-central-1b",
            "launched_at": "2026-01-31T09:15:03.000Z",
        },
        "python": "3.9.25",
        "script_started_at": "2026-01-31T09:15:09.000Z",
        "script_finished_at": "2026-01-31T09:15:10.000Z",
        "mayfly": "1.2.3",
    }


def test_the_same_facts_are_the_same_bytes_whatever_else_happens_to_the_job() -> None:
    ended = tuple(each.ended("2026-01-31T09:20:00.000Z", "EC2 said so") for each in JOB.machines)
    later = replace(JOB.noted(*EVENTS), machines=ended, updated_at="2026-01-31T09:21:00.000Z", revision=9)
    first, again = (manifest_of(job, 2, STORED, REPORTED, EVENTS, "1.2.3").encode() for job in (JOB, later))
    assert first == again
    assert first.startswith('{"attempt":2,"command":["./script.py","a word"],"filename":"ä b.txt",'.encode())


def test_what_is_not_known_is_null_and_never_made_up() -> None:
    told = manifest(a_job(), Reported(), StoredOutput(12, None))
    unknown = {name for name, value in told.items() if value is None}
    assert unknown == {"payload_sha256", "command", "machine", "python"}
    assert told["input"] == {"size": 3, "sha256": None}
    assert told["output"] == {"size": 12, "sha256": None, "md5": None}
    silent = json.loads(manifest_of(JOB, 2, StoredOutput(12, None), REPORTED, (), "1.2.3").encode())
    assert (silent["script_started_at"], silent["script_finished_at"]) == (None, None)


def test_a_hash_that_comes_with_another_size_than_s3s_is_not_taken_over() -> None:
    told = manifest(replace(JOB, size=4), stored=StoredOutput(13, MD5))
    assert told["input"] == {"size": 4, "sha256": None}
    assert told["output"] == {"size": 13, "sha256": None, "md5": MD5}


def test_a_report_is_read_and_comes_through_the_workflow_as_it_is() -> None:
    assert Reported.read(REPORT) == REPORTED
    for each in (REPORTED, Reported(), Reported(output=Content(0, SHA))):
        assert Reported.read(json.loads(json.dumps(asdict(each)))) == each


@pytest.mark.parametrize(
    "content",
    [
        None,
        SHA,
        [3, SHA],
        {},
        {"size": 3},
        {"size": 3, "sha256": None},
        {"size": 3, "sha256": SHA.upper()},
        {"size": 3, "sha256": SHA + "\n"},
        {"size": 3, "sha256": SHA[1:]},
        {"size": "3", "sha256": SHA},
        {"size": 3.0, "sha256": SHA},
        {"size": True, "sha256": SHA},
        {"size": -1, "sha256": SHA},
        {"size": 2**53, "sha256": SHA},
        {"size": float("nan"), "sha256": SHA},
    ],
)
def test_content_in_any_other_form_is_not_known(content: object) -> None:
    assert Reported.read({"input": content, "output": content}) == Reported()


@pytest.mark.parametrize("python", [None, 3.9, "", "3.9", "3.9.25\n", "3.9.٣", "<b>3.9.25</b>", "3" * 4 + ".9.1"])
def test_a_python_version_in_any_other_form_is_not_known(python: object) -> None:
    assert Reported.read({"python": python}).python is None


@pytest.mark.parametrize("report", [None, [], "report", 7])
def test_a_report_that_is_no_object_says_nothing(report: object) -> None:
    assert Reported.read(report) == Reported()
