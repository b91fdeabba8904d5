"""Clients of the AWS services, made once per process and only when first called: a client costs 5 to 30 ms to build.

botocore's own: boto3 adds resources and transfers of files, which nothing here uses, and takes 25 ms to import.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, cast

from botocore.config import Config
from botocore.session import Session

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_stepfunctions import SFNClient

# That a client keeps open to its service at most, and so how many threads can use it at a time.
CONNECTIONS = 32
# Short time-outs and few tries: the workflow retries a step with back-off, so hanging on inside one only costs money.
_CONFIG = Config(
    max_pool_connections=CONNECTIONS,
    connect_timeout=3,
    read_timeout=20,
    retries={"mode": "standard", "total_max_attempts": 3},
)
# EC2 answers a launch without capacity with HTTP 500, which botocore would ask again, and again in vain: the next
# candidate is the better second try, and the workflow tries everything else again.
_EC2_CONFIG = _CONFIG.merge(Config(retries={"mode": "standard", "total_max_attempts": 1}))
# Presigned URLs must name the bucket's own region and be signed with version 4; the global endpoint answers new
# buckets outside us-east-1 with a redirect that a browser's form upload does not survive.
_S3_CONFIG = _CONFIG.merge(
    Config(signature_version="s3v4", s3={"addressing_style": "virtual", "us_east_1_regional_endpoint": "regional"})
)


@cache
def _session() -> Session:
    """One for the process: it keeps what it has read of botocore's data and the credentials."""
    return Session()


# A session is not for several threads at once (boto3's developer guide, "Session", "Multithreading").
_making = threading.Lock()


class _Deferred:
    """A client that is made when anything of it is asked for: most events need one or two of a function's."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._made: Any = None

    def __getattr__(self, name: str) -> Any:
        with _making:
            if self._made is None:
                self._made = self._make()
        return getattr(self._made, name)


class Clients:
    # Each call names its service itself: by that infra/bundling/aws_calls.py finds what a bundle needs of botocore.

    @cached_property
    def cognito_idp(self) -> Any:
        return _Deferred(lambda: _session().create_client("cognito-idp", config=_CONFIG))

    @cached_property
    def dynamodb(self) -> DynamoDBClient:
        return cast("DynamoDBClient", _Deferred(lambda: _session().create_client("dynamodb", config=_CONFIG)))

    @cached_property
    def ec2(self) -> EC2Client:
        return cast("EC2Client", _Deferred(lambda: _session().create_client("ec2", config=_EC2_CONFIG)))

    @cached_property
    def logs(self) -> CloudWatchLogsClient:
        return cast("CloudWatchLogsClient", _Deferred(lambda: _session().create_client("logs", config=_CONFIG)))

    @cached_property
    def s3(self) -> S3Client:
        return cast("S3Client", _Deferred(lambda: _session().create_client("s3", config=_S3_CONFIG)))

    @cached_property
    def ssm(self) -> SSMClient:
        return cast("SSMClient", _Deferred(lambda: _session().create_client("ssm", config=_CONFIG)))

    @cached_property
    def stepfunctions(self) -> SFNClient:
        return cast("SFNClient", _Deferred(lambda: _session().create_client("stepfunctions", config=_CONFIG)))
