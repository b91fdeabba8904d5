"""`mayfly verify`: what it checks, what it does not know, and its exit code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from tests.mayfly.conftest import Run
from tests.mayfly.fake_stack import FakeStack, is_output

OTHER = "0" * 64
RESULT, BY_S3 = "result", "result, MD5 by S3"


def told(done: Result) -> tuple[int, bool, dict[str, str]]:
    """The exit code, and of the document whether the job is verified, and each verdict."""
    document: dict[str, Any] = json.loads(done.stdout)
    return done.exit_code, document["verified"], {check["what"]: check["verdict"] for check in document["checks"]}


def test_a_job_is_verified_by_its_files(run: Run, stack: FakeStack, source: Path) -> None:
    job = stack.add_verified()
    all_ok = {"manifest": "ok", RESULT: "ok", BY_S3: "ok", "text": "ok", "input": "ok"}
    assert told(run("verify", job.id, "--input", source, "--json")) == (0, True, all_ok)
    assert any(map(is_output, stack.requests))


def test_an_input_that_is_not_given_is_not_checked(run: Run, stack: FakeStack) -> None:
    done = run("verify", stack.add_verified().id)
    assert done.exit_code == 0, done.output
    rows = [line.split("  ") for line in done.stdout.splitlines()]
    assert [row[0] for row in rows] == ["What", "manifest", RESULT, BY_S3, "text", "input"]
    assert "not checked" in done.stdout.splitlines()[-1]


def test_a_result_that_is_given_is_not_fetched(run: Run, stack: FakeStack, tmp_path: Path) -> None:
    job, result = stack.add_verified(), tmp_path / "result.txt"
    result.write_bytes(b"the result")
    assert run("verify", job.id, "--output", result).exit_code == 0
    result.write_bytes(b"another result")
    code, verified, verdicts = told(run("verify", job.id, "--output", result, "--json"))
    assert (code, verified, verdicts[RESULT], verdicts[BY_S3]) == (5, False, "differs", "differs")
    assert not any(map(is_output, stack.requests))


def test_another_input_differs(run: Run, stack: FakeStack, source: Path) -> None:
    source.write_bytes(b"another content")
    done = run("verify", stack.add_verified().id, "--input", source)
    assert done.exit_code == 5
    assert "error: Not verified: the input differs." in done.stderr


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"output": {"size": 10, "sha256": OTHER, "md5": None}}, RESULT),
        ({"output": {"size": 10, "sha256": None, "md5": OTHER[:32]}}, BY_S3),
        ({"text": {"size": 8, "sha256": OTHER}}, "text"),
        ({"job_id": "another job"}, "manifest"),
        ({"owner": "bob"}, "manifest"),
    ],
)
def test_whatever_differs_is_named(run: Run, stack: FakeStack, changes: dict[str, Any], what: str) -> None:
    job = stack.add_verified(**changes)
    code, verified, verdicts = told(run("verify", job.id, "--json"))
    assert (code, verified) == (5, False)
    assert [name for name, verdict in verdicts.items() if verdict == "differs"] == [what]


def test_a_manifest_that_was_changed_differs_from_the_jobs_record(run: Run, stack: FakeStack) -> None:
    job = stack.add_verified()
    stored = job.job.manifest
    assert stored is not None
    stack.s3.put(stored.path, stack.s3.objects[stored.path] + b"\n")
    code, _, verdicts = told(run("verify", job.id, "--json"))
    assert (code, verdicts["manifest"], verdicts[RESULT]) == (5, "differs", "ok")


def test_s3s_own_md5_is_enough_where_the_machine_told_nothing(run: Run, stack: FakeStack) -> None:
    known = stack.add().manifest["output"]
    job = stack.add_verified(output={**known, "sha256": None})
    code, verified, verdicts = told(run("verify", job.id, "--json"))
    assert (code, verified, verdicts[RESULT], verdicts[BY_S3]) == (0, True, "not known", "ok")


def test_what_is_not_known_is_not_verified(run: Run, stack: FakeStack, source: Path) -> None:
    silent = {"output": {"size": 10, "sha256": None, "md5": None}, "input": {"size": 7, "sha256": None}}
    done = run("verify", stack.add_verified(**silent).id, "--input", source)
    assert done.exit_code == 5
    assert "Not verified: the result's hash is not known, the input's hash is not known." in done.stderr


@pytest.mark.parametrize(("status", "state"), [("running", "is running"), ("failed", "has failed")])
def test_a_job_without_a_manifest_cannot_be_verified(run: Run, stack: FakeStack, status: str, state: str) -> None:
    stack.looks = 1
    done = run("verify", stack.add(status).id)
    assert done.exit_code == 2
    assert f"has no manifest: it {state}" in done.stderr


def test_a_manifest_of_a_newer_form_is_not_guessed_at(run: Run, stack: FakeStack) -> None:
    done = run("verify", stack.add_verified(version=2).id)
    assert done.exit_code == 2
    assert "version 2" in done.stderr


@pytest.mark.parametrize("content", [b"<html>", b"[]", b"{}", b"null"])
def test_what_is_no_manifest_is_said_to_be_none(run: Run, stack: FakeStack, content: bytes) -> None:
    job = stack.add()
    stack.write_manifest(job, content)
    done = run("verify", job.id)
    assert done.exit_code == 3
    assert "not a Mayfly stack" in done.stderr


def test_a_manifest_in_another_shape_differs_and_verifies_nothing(run: Run, stack: FakeStack) -> None:
    code, verified, verdicts = told(run("verify", stack.add_verified(output="x", text=7).id, "--json"))
    assert (code, verified, verdicts[RESULT], verdicts["text"]) == (5, False, "not known", "not known")


def test_a_file_that_cannot_be_read_is_named(run: Run, stack: FakeStack, tmp_path: Path) -> None:
    done = run("verify", stack.add_verified().id, "--input", tmp_path / "nowhere")
    assert done.exit_code == 2
    assert "nowhere cannot be read: No such file" in done.stderr
