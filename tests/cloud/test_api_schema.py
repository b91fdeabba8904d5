"""Made-up requests through the whole edge: distribution, API Gateway, its authorizer and the function.

Far fewer than tests/functions/api sends to the function alone.
"""

from __future__ import annotations

from urllib.parse import unquote

import pytest
import schemathesis

from localcloud.cloud import LocalCloud
from operations.job_client import JobClient
from tests.cloud.steps import run, settled
from tests.functions.api.generated_requests import send_all, settings

pytestmark = pytest.mark.cloud

# Which methods there are is answered by CloudFront and API Gateway, each in its own way, before the function is asked.
OF_THE_EDGE = ("unsupported_method", "allow_header_conformance")


def has_no_line_break(_: object, parameters: dict[str, object] | None) -> bool:
    """The emulated API Gateway takes none in a path for its routes'; tests/functions/api has those."""
    return not any("\n" in unquote(str(value)) for value in (parameters or {}).values())


def test_made_up_requests_by_bob_are_answered_as_documented_and_tell_him_nothing_of_alice(
    client: JobClient, cloud: LocalCloud
) -> None:
    job = run(client, b"x", "file-of-alice.txt", "text-of-alice")
    settled(client, job["id"])
    before = client.get(job["id"])
    config = settings(cloud.token("bob"), 6, [job["id"]], thorough=False, without=OF_THE_EDGE)
    schema = schemathesis.openapi.from_url(f"{cloud.url}/api/openapi.json", config=config)
    schema.hook("filter_path_parameters")(has_no_line_break)
    found = send_all(schema)
    assert list(found.faults) == []
    assert any(job["id"] in asked for asked, _ in found.exchanges), "alice's job was asked for"
    secrets = ("file-of-alice", "text-of-alice", job["owner"], job["id"], job["machines"][0]["instance_id"])
    assert [word for asked, answer in found.exchanges for word in secrets if word in answer and word not in asked] == []
    print(f"{len(found.exchanges):,} requests")  # noqa: T201  # pytest shows it with -s, and with a failure
    assert len(found.exchanges) >= 100
    assert client.get(job["id"]) == before
