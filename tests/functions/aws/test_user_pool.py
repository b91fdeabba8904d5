from __future__ import annotations

from collections.abc import Iterator

import pytest
from botocore.exceptions import EndpointConnectionError

from functions.aws.user_pool import CognitoUsers
from functions.submission.users import User
from tests.functions.aws.stubbed import stubbed

POOL = "eu-central-1_abcdefghi"
ALICE = User("f3c4d8a2-40b1-70d2-9a51-3f0a5b8c1e27", "alice@example.com")
ANSWER = {
    "Username": ALICE.id,
    "UserAttributes": [
        {"Name": "email", "Value": ALICE.email},
        {"Name": "email_verified", "Value": "true"},
        {"Name": "sub", "Value": ALICE.id},
    ],
}


class Stubbed:
    def __init__(self) -> None:
        client, self.stub = stubbed("cognito-idp")
        self.users = CognitoUsers(client, POOL)

    def answers(self, name: str) -> None:
        self.stub.add_response("admin_get_user", ANSWER, {"UserPoolId": POOL, "Username": name})


@pytest.fixture
def aws() -> Iterator[Stubbed]:
    made = Stubbed()
    yield made
    made.stub.assert_no_pending_responses()


@pytest.mark.parametrize("name", [ALICE.id, ALICE.email])
def test_a_user_is_found_by_id_and_by_address_and_asked_for_once(aws: Stubbed, name: str) -> None:
    aws.answers(name)
    assert [aws.users.find(name), aws.users.find(name)] == [ALICE, ALICE]


@pytest.mark.parametrize(
    "code", ["UserNotFoundException", "InvalidParameterException", "TooManyRequestsException", "AccessDeniedException"]
)
def test_who_cannot_be_found_now_is_asked_for_again(aws: Stubbed, code: str) -> None:
    aws.stub.add_client_error("admin_get_user", code)
    aws.answers(ALICE.id)
    assert [aws.users.find(ALICE.id), aws.users.find(ALICE.id)] == [None, ALICE]


def test_a_user_without_an_address_has_no_name(aws: Stubbed) -> None:
    aws.stub.add_response("admin_get_user", {"Username": ALICE.id, "UserAttributes": ANSWER["UserAttributes"][2:]})
    assert aws.users.find(ALICE.id) is None


def test_a_pool_that_cannot_be_reached_leaves_the_id() -> None:
    class Unreachable:
        def admin_get_user(self, **_: str) -> None:
            raise EndpointConnectionError(endpoint_url="https://cognito-idp.eu-central-1.amazonaws.com")

    assert CognitoUsers(Unreachable(), POOL).find(ALICE.id) is None
