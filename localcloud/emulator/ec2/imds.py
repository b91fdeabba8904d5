"""Instance metadata service of one machine, version 2 only, on a loopback port of its own.

Paths and headers: EC2 user guide, "Use the Instance Metadata Service to access instance metadata". Version 1 is
refused with 401, as with `HttpTokens=required`.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from localcloud.emulator.iam.roles import start_role_session
from localcloud.emulator.settings import Scope

MAX_TOKEN_SECONDS = 21_600
_META = "/latest/meta-data/"


def documents_of(record: dict[str, Any], scope: Scope, role_arn: str | None) -> dict[str, str]:
    """What a machine may learn about itself, by path.

    Args:
        record: EC2's of the machine.
        scope: its account and region.
        role_arn: of its role, whose credentials are in it; None without an instance profile.
    """
    identity = {
        "version": "2017-09-30",
        "accountId": scope.account_id,
        "availabilityZone": record["Placement"]["AvailabilityZone"],
        "imageId": record["ImageId"],
        "instanceId": record["InstanceId"],
        "instanceType": record["InstanceType"],
        "region": scope.region,
    }
    documents = {
        "/latest/dynamic/instance-identity/document": json.dumps(identity),
        f"{_META}instance-id": identity["instanceId"],
        f"{_META}ami-id": identity["imageId"],
        f"{_META}instance-type": identity["instanceType"],
        f"{_META}placement/region": identity["region"],
        f"{_META}placement/availability-zone": identity["availabilityZone"],
        f"{_META}services/domain": "amazonaws.com",
    }
    if role_arn is not None:
        role_name = role_arn.rsplit("/", 1)[-1]
        credentials = start_role_session(scope, role_arn, identity["instanceId"])
        documents[f"{_META}iam/security-credentials"] = role_name
        documents[f"{_META}iam/security-credentials/{role_name}"] = json.dumps(
            {"Code": "Success", "Type": "AWS-HMAC", **credentials}
        )
    return documents


class MetadataService(ThreadingHTTPServer):
    """Serves one machine from `start` to `stop`."""

    daemon_threads = True

    def __init__(self, documents: dict[str, str]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.documents = documents
        self.token_ends: dict[str, float] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def start(self) -> None:
        threading.Thread(target=self.serve_forever, name="imds", daemon=True).start()

    def stop(self) -> None:
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: MetadataService
    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        lifetime = self.headers.get("X-aws-ec2-metadata-token-ttl-seconds", "")
        if self.path.rstrip("/") != "/latest/api/token":
            self._answer(404, "Not Found")
        elif not lifetime.isdigit() or not 1 <= int(lifetime) <= MAX_TOKEN_SECONDS:
            self._answer(400, "Bad Request")
        else:
            token = secrets.token_urlsafe(42)
            self.server.token_ends[token] = time.monotonic() + int(lifetime)
            self._answer(200, token, {"X-aws-ec2-metadata-token-ttl-seconds": lifetime})

    def do_GET(self) -> None:
        token = self.headers.get("X-aws-ec2-metadata-token", "")
        if self.server.token_ends.get(token, 0) < time.monotonic():
            self._answer(401, "Unauthorized")
            return
        document = self.server.documents.get(self.path.rstrip("/"))
        if document is None:
            self._answer(404, "Not Found")
        else:
            self._answer(200, document)

    def _answer(self, status: int, text: str, headers: dict[str, str] | None = None) -> None:
        body = text.encode()
        self.send_response(status)
        for name, value in {"Content-Type": "text/plain", "Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        """Says nothing: every machine asks for credentials, and the emulator's log is read by people."""
