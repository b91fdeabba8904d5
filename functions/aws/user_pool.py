"""The users of a Cognito user pool."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from functions.submission.users import User

logger = Logger(service="api", child=True)

# "Errors" of AdminGetUser: nobody has the name, or it is none that a user can have.
_NOT_FOUND = {"UserNotFoundException", "InvalidParameterException"}


class CognitoUsers:
    """functions.submission.users.Users over a user pool.

    A name may be a user's id or e-mail address: AdminGetUser takes the `sub`, or an attribute that people sign in with
    (https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_AdminGetUser.html).
    """

    def __init__(self, client: Any, user_pool_id: str) -> None:
        self._client = client
        self._pool = user_pool_id
        self._known: dict[str, User] = {}

    def find(self, name: str) -> User | None:
        if name not in self._known and (found := self._ask(name)):
            self._known[name] = found
        return self._known.get(name)

    def _ask(self, name: str) -> User | None:
        try:
            answer = self._client.admin_get_user(UserPoolId=self._pool, Username=name)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _NOT_FOUND:
                logger.warning("the user pool does not say who a user is: %s", error)  # the id has to do
            return None
        except BotoCoreError as error:
            logger.warning("the user pool cannot be asked: %s", error)
            return None
        facts = {each["Name"]: each["Value"] for each in answer["UserAttributes"]}
        return User(facts["sub"], facts["email"]) if {"sub", "email"} <= facts.keys() else None
