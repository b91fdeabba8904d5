"""boto3 clients of one endpoint, region by region."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import Any

import botocore.session
from botocore.client import BaseClient
from botocore.config import Config
from botocore.loaders import create_loader

from localcloud.engine import conversion, service_model
from localcloud.engine.records import Target

# The user's own profile, files and proxy have no say: a wrong AWS_PROFILE must not break the local cloud.
_ISOLATED = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}
# One for the process: parsing the service models is what makes a first client slow.
_MODELS = create_loader()
_CREATING = threading.RLock()  # neither sessions nor the models' loader can be used by two threads at once
_CONNECTIONS = 32  # per client; the engine creates resources in parallel


class Aws:
    """Clients for one region of a target; every call is checked against its service's model first.

    Parameters may be in Pulumi's names and forms (see `localcloud.engine.conversion`).

    Safe to use from several threads. `prepare` sees each client once, before its first use.
    """

    partition = "aws"

    def __init__(self, target: Target, prepare: Callable[[BaseClient], None] | None = None) -> None:
        self.target = target
        self._prepare = prepare
        self._session = botocore.session.Session(session_vars=_ISOLATED)
        self._session.register_component("data_loader", _MODELS)
        self._clients: dict[str, Any] = {}
        self._regions: dict[str, Aws] = {target.region: self}

    @property
    def region(self) -> str:
        return self.target.region

    @cached_property
    def account(self) -> str:
        return str(self.client("sts").get_caller_identity()["Account"])

    def in_region(self, region: str) -> Aws:
        with _CREATING:
            if region not in self._regions:
                other = Aws(replace(self.target, region=region), self._prepare)
                other._session, other._regions = self._session, self._regions
                self._regions[region] = other
            return self._regions[region]

    def client(self, service: str) -> Any:
        with _CREATING:
            if service not in self._clients:
                self._clients[service] = self._create(service)
            return self._clients[service]

    def arn(self, service: str, resource: str) -> str:
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    def close(self) -> None:
        with _CREATING:
            for region in self._regions.values():
                for client in region._clients.values():
                    client.close()
                region._clients.clear()

    def _create(self, service: str) -> BaseClient:
        client = self._session.create_client(
            service,
            region_name=self.region,
            endpoint_url=self.target.endpoint_url,
            aws_access_key_id=self.target.access_key_id,
            aws_secret_access_key=self.target.secret_access_key,
            config=Config(
                retries={"total_max_attempts": 2, "mode": "standard"},
                s3={"addressing_style": "path"},
                max_pool_connections=_CONNECTIONS,
                proxies={},
            ),
        )
        conversion.register(client)
        service_model.register(client)
        if self._prepare is not None:
            self._prepare(client)
        return client
