"""The fake answers in the shapes of the API, or the tests of the page would prove nothing."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

from functions.api.manifest_models import FileHash, ManifestAnswer, ManifestMachine, ResultHashes, TextHash
from functions.api.models import (
    AliveMachine,
    AliveMachines,
    Failure,
    JobAnswer,
    JobList,
    Limits,
    Receipt,
    TimelineEntry,
)
from functions.api.price_models import CostAnswer, PriceAnswer
from functions.api.upload_models import (
    CopyAnswer,
    MultipartUpload,
    PartsAnswer,
    PartState,
    PartToSend,
    UploadAnswer,
)
from tests.frontend.fake_cloud import FAILING_WAY, LOSING_WAY, MACHINE_LOST, REFUSED_WAY, SCRIPT_FAILED, WAY, FakeCloud


def assert_fits(answer: dict[str, object], model: type[BaseModel]) -> None:
    model.model_validate(answer, strict=False)
    assert set(answer) == set(model.model_fields)


@pytest.mark.parametrize("way", [WAY, FAILING_WAY, REFUSED_WAY, LOSING_WAY])
def test_a_job_has_the_fields_of_the_api_wherever_it_is_on_its_way(way: tuple[tuple[str, str], ...]) -> None:
    cloud = FakeCloud(way=way, events_per_look=1)
    job = cloud.add_job(cloud.new_id(), "report.txt", "the text", b"content")
    for _ in range(len(way) + 1):
        answer = cloud.look_at(job.record["id"])
        assert_fits(answer, JobAnswer)
        assert_fits(answer["cost"], CostAnswer)
        for machine in answer["machines"]:
            assert_fits(machine, Receipt)
        for entry in answer["timeline"]:
            assert_fits(entry, TimelineEntry)
        alive = cloud.list_machines()
        assert_fits(alive, AliveMachines)
        for machine in alive["alive"]:
            assert_fits(machine, AliveMachine)
    assert_fits(cloud.list_jobs(10, None), JobList)
    assert cloud.list_machines() == {"alive": []}


@pytest.mark.parametrize("error", [SCRIPT_FAILED, MACHINE_LOST])
def test_a_failed_job_has_the_fields_of_the_api(error: dict[str, object]) -> None:
    cloud = FakeCloud(way=FAILING_WAY, error=error)
    job_id = cloud.add_finished_job("report.txt")
    assert_fits(cloud.find(job_id).record["error"], Failure)
    assert_fits(cloud.retry(job_id), JobAnswer)


@pytest.mark.parametrize("is_multipart", [False, True])
def test_an_upload_has_the_fields_of_the_api(is_multipart: bool) -> None:
    cloud = FakeCloud(part_size=10)
    answer = cloud.grant_upload({"filename": "report.txt", "size": 25, "multipart": is_multipart})
    assert_fits(answer, UploadAnswer)
    assert_fits(dict(cloud.limits), Limits)
    assert_fits(cloud.limits["price"], PriceAnswer)
    if not is_multipart:
        return
    assert_fits(answer["multipart"], MultipartUpload)
    for part in answer["multipart"]["parts"]:
        assert_fits(part, PartToSend)
    parts = cloud.missing_parts({"upload_id": answer["multipart"]["upload_id"]})
    assert_fits(parts, PartsAnswer)
    for part in parts["parts"]:
        assert_fits(part, PartState)


def test_a_manifest_has_the_fields_of_the_api() -> None:
    cloud = FakeCloud()
    manifest = cloud.find(cloud.add_finished_job("report.txt")).manifest
    assert_fits(manifest, ManifestAnswer)
    for name, model in (
        ("input", FileHash),
        ("text", TextHash),
        ("output", ResultHashes),
        ("machine", ManifestMachine),
    ):
        assert_fits(manifest[name], model)


def test_a_copy_has_the_fields_of_the_api() -> None:
    cloud = FakeCloud()
    assert_fits(cloud.copy_input(cloud.add_finished_job("report.txt")), CopyAnswer)
