"""The errors of DynamoDB and S3 that a call can end with, each by what the SDK and the service do with it.

DynamoDB: "Error handling with DynamoDB", "Error messages and codes" (developer guide), and each operation's errors (API
reference); S3: "List of error codes" (API reference). What is tried again is botocore's standard mode: its lists of
codes, and every answer with the HTTP status 500, 502, 503 or 504 (botocore, retries/standard.py).
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class StorageError:
    """`service` is the prefix of the calls that it applies to ("dynamodb", "s3").

    `is_retried`: what reaches the caller has hit every try of the SDK. `has_effect`: the service did what it was
    asked for, and failed then, which only an error of the server's own can mean.
    """

    service: str
    code: str
    is_retried: bool = False
    is_about_writes: bool = False
    has_effect: bool = False

    def applies_to(self, action: str) -> bool:
        """Whether a call of `action` ("dynamodb:PutItem") can end with this error."""
        service, _, operation = action.partition(":")
        return service == self.service and not (self.is_about_writes and operation in _READS)


_READS = {"GetItem", "BatchGetItem", "Query", "GetObject", "HeadObject", "ListObjectsV2"}


def _errors(*codes: str, is_retried: bool = False, is_about_writes: bool = False) -> tuple[StorageError, ...]:
    pairs = (each.split(":") for each in codes)
    return tuple(StorageError(service, code, is_retried, is_about_writes) for service, code in pairs)


# No effect: the request was not let in.
THROTTLED = _errors(
    "dynamodb:ProvisionedThroughputExceededException",
    "dynamodb:ThrottlingException",
    "dynamodb:RequestLimitExceeded",
    "s3:SlowDown",
    is_retried=True,
)
# A failed server may have written, and may not have.
_UNTOUCHED = _errors(
    "dynamodb:InternalServerError",
    "dynamodb:ServiceUnavailable",
    "s3:InternalError",
    "s3:ServiceUnavailable",
    is_retried=True,
)
SERVER_FAILED = _UNTOUCHED + tuple(replace(error, has_effect=True) for error in _UNTOUCHED)
DENIED = _errors("dynamodb:AccessDeniedException", "s3:AccessDenied")
# Of these a ValidationException is about an item above 400 KB; TransactionCanceledException is for reasons other than a
# condition that does not hold. A table without local indexes has no item collections; the code stands for one
# that nothing here foresees.
REFUSED = _errors(
    "dynamodb:ValidationException",
    "dynamodb:TransactionConflictException",
    "dynamodb:TransactionCanceledException",
    "dynamodb:ItemCollectionSizeLimitExceededException",
    is_about_writes=True,
)
STORAGE_ERRORS = (*THROTTLED, *SERVER_FAILED, *DENIED, *REFUSED)


@dataclass(frozen=True)
class Outage:
    """For some `seconds`, `begins` seconds after the beginning, each call that an error applies to ends with it.

    Only those of one `function`, if there is one: its role may lack a right meanwhile.
    """

    error: StorageError
    begins: float
    seconds: float
    function: str | None = None

    def covers(self, moment: float, function: str, action: str) -> bool:
        return (
            self.begins <= moment < self.begins + self.seconds
            and self.function in {None, function}
            and self.error.applies_to(action)
        )
