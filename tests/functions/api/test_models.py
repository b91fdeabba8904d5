"""The examples that the documentation page shows are such as the API takes and gives."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

from functions.api import examples, machine_models, models, upload_models
from functions.jobs.clock import rfc3339, utc_now
from functions.jobs.ids import is_job_id
from functions.jobs.job import JobError
from tests.functions.fakes.job_table import a_job

MODELS = [
    kind
    for module in (models, machine_models, upload_models)
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, BaseModel) and kind.__module__ == module.__name__
]
FIELDS = [
    pytest.param(field, example, id=f"{kind.__name__}.{name}")
    for kind in MODELS
    for name, field in kind.model_fields.items()
    for example in field.examples or []
]
REQUESTS = [
    pytest.param(kind, example, id=kind.__name__)
    for kind in MODELS
    for example in kind.model_json_schema().get("examples", [])
]


def checked(field: FieldInfo, value: object) -> object:
    annotated: Any = Annotated[field.annotation, field]
    adapter: TypeAdapter[Any] = TypeAdapter(annotated)
    return adapter.validate_python(value, strict=True)


@pytest.mark.parametrize(("field", "example"), FIELDS)
def test_an_example_of_a_field_is_of_its_type(field: FieldInfo, example: object) -> None:
    assert checked(field, example) == example


@pytest.mark.parametrize(("kind", "example"), REQUESTS)
def test_an_example_of_a_request_can_be_sent_as_it_is(kind: type[BaseModel], example: dict[str, object]) -> None:
    assert kind.model_validate(example).model_dump(exclude_unset=True) == example


def test_there_are_examples_of_all_that_is_sent() -> None:
    assert {case.id for case in REQUESTS} == {"UploadRequest", "PartsRequest", "AbortRequest", "JobRequest"}
    assert len(FIELDS) > 30


def test_an_answer_with_a_failure_can_be_read_back() -> None:
    answer = models.JobAnswer.of(a_job(error=JobError("script_failed", "exit code 3", "Read the log.")))
    assert models.JobAnswer.model_validate(answer.model_dump()) == answer


def test_the_examples_ids_and_times_are_of_the_form_that_the_api_uses() -> None:
    assert is_job_id(examples.EXAMPLE_ID)
    assert len(examples.EXAMPLE_TIME) == len(rfc3339(utc_now()))
