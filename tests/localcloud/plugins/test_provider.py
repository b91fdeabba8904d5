"""What the provider answers the engine before anything is done to a cloud."""

from __future__ import annotations

from typing import Any, NoReturn

import pytest
from google.protobuf import json_format, struct_pb2
from pulumi.runtime.proto import provider_pb2

from localcloud.engine.records import Target
from localcloud.plugins.provider import AwsProvider, target_from_env

_UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"  # sdk/go/common/resource/plugin/rpc.go
_SEED = b"seed of the engine"


class Context:
    """Of a call that may be refused."""

    def abort(self, _code: Any, details: str) -> NoReturn:
        raise ConnectionAbortedError(details)


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> AwsProvider:
    return AwsProvider(
        Target("http://127.0.0.1:9", "eu-central-1", "key", "secret"), tmp_path_factory.mktemp("program")
    )


def urn(token: str, name: str = "one") -> str:
    return f"urn:pulumi:dev::mayfly::mayfly:index:Jobs${token}::{name}"


def struct(**values: Any) -> struct_pb2.Struct:
    made = struct_pb2.Struct()
    made.update(values)
    return made


def check(provider: AwsProvider, token: str, olds: dict[str, Any], **news: Any) -> provider_pb2.CheckResponse:
    request = provider_pb2.CheckRequest(urn=urn(token), news=struct(**news), olds=struct(**olds), randomSeed=_SEED)
    answer: provider_pb2.CheckResponse = provider.Check(request, Context())
    return answer


def diff(provider: AwsProvider, token: str, old: dict[str, Any], new: dict[str, Any]) -> provider_pb2.DiffResponse:
    request = provider_pb2.DiffRequest(
        id="id", urn=urn(token), old_inputs=struct(**old), olds=struct(**old), news=struct(**new)
    )
    answer: provider_pb2.DiffResponse = provider.Diff(request, Context())
    return answer


QUEUE = "aws:sqs/queue:Queue"
TABLE = "aws:dynamodb/table:Table"


def test_a_wrong_input_is_named(provider: AwsProvider) -> None:
    [failure] = check(provider, QUEUE, {}, messageRetentionSeconds="long").failures
    assert "messageRetentionSeconds: expected int, got 'long'" in failure.reason


def test_what_is_not_known_yet_is_not_judged_and_stays_so(provider: AwsProvider) -> None:
    answer = check(provider, QUEUE, {}, kmsMasterKeyId=_UNKNOWN)
    assert not answer.failures
    assert answer.inputs["kmsMasterKeyId"] == _UNKNOWN
    request = provider_pb2.CreateRequest(urn=urn(QUEUE), properties=answer.inputs, preview=True)
    assert provider.Create(request, Context()).properties["kmsMasterKeyId"] == _UNKNOWN


def test_a_name_is_generated_once_from_the_seed_and_kept(provider: AwsProvider) -> None:
    first = json_format.MessageToDict(check(provider, QUEUE, {}).inputs)
    assert first["name"].startswith("one-")
    assert len(first["name"]) == len("one-") + 7
    assert first["__defaults"] == ["name"]
    assert check(provider, QUEUE, {"name": "one-of-before"}).inputs["name"] == "one-of-before"
    assert check(provider, QUEUE, {}, name="mine").inputs["name"] == "mine"


def test_another_key_makes_a_new_table_and_other_tags_do_not(provider: AwsProvider) -> None:
    old = {
        "name": "jobs",
        "hashKey": "id",
        "attributes": [{"name": "id", "type": "S"}],
        "billingMode": "PAY_PER_REQUEST",
    }
    new = {**old, "hashKey": "owner", "attributes": [{"name": "owner", "type": "S"}]}
    found = diff(provider, TABLE, old, new)
    assert list(found.replaces) == ["hashKey"]
    assert found.deleteBeforeReplace  # two tables cannot have one name
    tagged = diff(provider, TABLE, old, {**old, "tags": {"a": "b"}})
    assert (list(tagged.diffs), list(tagged.replaces)) == (["tags"], [])
    assert not diff(provider, TABLE, old, old).diffs


def test_another_region_makes_a_new_provider(provider: AwsProvider) -> None:
    request = provider_pb2.DiffRequest(
        id="id", old_inputs=struct(region="eu-central-1"), news=struct(region="eu-west-1")
    )
    assert list(provider.DiffConfig(request, Context()).replaces) == ["region"]


def test_nothing_can_be_imported(provider: AwsProvider) -> None:
    with pytest.raises(ConnectionAbortedError, match="the local cloud imports nothing: some-queue"):
        provider.Read(provider_pb2.ReadRequest(id="some-queue", urn=urn(QUEUE)), Context())


@pytest.mark.parametrize("endpoint", ["", "https://sqs.eu-central-1.amazonaws.com"])
def test_it_deploys_to_this_computer_alone(endpoint: str) -> None:
    with pytest.raises(SystemExit, match="deploys to the local cloud alone"):
        target_from_env({"AWS_ENDPOINT_URL": endpoint})
