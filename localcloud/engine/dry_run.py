"""A cloud that checks every call and does nothing: it answers at once, with made-up but plausible ids.

Two uses. `preview` records a program against it, so that `apply` chains run. `deploy` shows it each resource before
the real cloud, so that an input that is refused, or a call that breaks a service's rules, creates nothing.

Made-up ids come from the URN of the resource at hand: two runs of one program see the same ones.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.client import BaseClient
from botocore.compat import HTTPHeaders
from botocore.model import OperationModel

from localcloud.engine.aws import Aws
from localcloud.engine.dry_run_answers import answer, subject
from localcloud.engine.records import Target

_OK = 200
_PARAMS = "dry_run_params"


@functools.cache
def dry_run_cloud(region: str) -> Aws:
    """An `Aws` whose clients validate, serialise, and never send."""
    return Aws(Target("http://dry-run.invalid", region, "dry-run", "dry-run"), _prepare)


@contextlib.contextmanager
def dry_running(urn: str) -> Iterator[None]:
    """Ids made up inside belong to this resource."""
    token = subject.set(urn)
    try:
        yield
    finally:
        subject.reset(token)


def _prepare(client: BaseClient) -> None:
    client.meta.events.register_first("before-parameter-build", _remember)
    answering: Any = _answer  # the stubs do not know that a handler may answer in the service's place
    client.meta.events.register("before-call", answering)


def _remember(params: Mapping[str, Any], context: dict[str, Any], **_: Any) -> None:
    context[_PARAMS] = params


def _answer(model: OperationModel, context: dict[str, Any], **_: Any) -> tuple[AWSResponse, dict[str, Any]]:
    operation = f"{model.service_model.service_name}.{model.name}"
    body = answer(operation, context[_PARAMS], context["client_region"])
    return AWSResponse("http://dry-run.invalid", _OK, HTTPHeaders(), None), {
        **body,
        "ResponseMetadata": {"HTTPStatusCode": _OK},
    }
