"""Instance metadata service of one machine, version 2 only, on a loopback port of its own.

Paths and headers: EC2 user guide, "Use the Instance Metadata Service to access instance metadata". Version 1 is
refused with 401, as with `HttpTokens=required`.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from localcloud.emulator.iam.roles import RoleSession

MAX_TOKEN_SECONDS = 21_600
_META = "/latest/meta-data/"


@dataclass(frozen=True)
class Identity:
    """What the machine may learn about itself; `session` is None without an instance profile."""

    instance_id: str
    image_id: str
    instance_type: str
    availability_zone: str
    region: str
    account_id: str
    session: RoleSession | None

    def document(self, path: str) -> str | None:
        """The body for a metadata path; None when there is nothing."""
        session = self.session
        documents = {
            "/latest/dynamic/instance-identity/document": self._identity_document(),
            f"{_META}instance-id": self.instance_id,
            f"{_META}ami-id": self.image_id,
            f"{_META}instance-type": self.instance_type,
            f"{_META}placement/region": self.region,
            f"{_META}placement/availability-zone": self.availability_zone,
            f"{_META}services/domain": "amazonaws.com",
        }
        if session is not None:
            documents[f"{_META}iam/security-credentials"] = session.role_name
            documents[f"{_META}iam/security-credentials/{session.role_name}"] = _credentials_document(session)
        return documents.get(path.rstrip("/"))

    def _identity_document(self) -> str:
        return json.dumps(
            {
                "version": "2017-09-30",
                "accountId": self.account_id,
                "availabilityZone": self.availability_zone,
                "imageId": self.image_id,
                "instanceId": self.instance_id,
                "instanceType": self.instance_type,
                "region": self.region,
            }
        )


def _credentials_document(session: RoleSession) -> str:
    expires = datetime.fromtimestamp(session.expires_at, UTC)
    return json.dumps(
        {
            "Code": "Success",
            "LastUpdated": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "Type": "AWS-HMAC",
            "AccessKeyId": session.access_key_id,
            "SecretAccessKey": session.secret_access_key,
            "Token": session.session_token,
            "Expiration": expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
    )


class MetadataService:
    """Serves one machine from `start` to `stop`."""

    def __init__(self, identity: Identity) -> None:
        tokens: dict[str, float] = {}

        class Handler(_Handler):
            served = identity
            issued = tokens

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="imds", daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    served: ClassVar[Identity]
    issued: ClassVar[dict[str, float]]
    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        lifetime = self.headers.get("X-aws-ec2-metadata-token-ttl-seconds", "")
        if self.path.rstrip("/") != "/latest/api/token":
            self._answer(404, "Not Found")
        elif not lifetime.isdigit() or not 1 <= int(lifetime) <= MAX_TOKEN_SECONDS:
            self._answer(400, "Bad Request")
        else:
            token = secrets.token_urlsafe(42)
            self.issued[token] = time.monotonic() + int(lifetime)
            self._answer(200, token, {"X-aws-ec2-metadata-token-ttl-seconds": lifetime})

    def do_GET(self) -> None:
        token = self.headers.get("X-aws-ec2-metadata-token", "")
        if self.issued.get(token, 0) < time.monotonic():
            self._answer(401, "Unauthorized")
            return
        document = self.served.document(self.path)
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
