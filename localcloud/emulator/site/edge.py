"""The site port: `/_local/…` for people and tests, everything else through the deployed CloudFront distribution.

The distribution is MiniStack's emulation of the one that the program creates: its origins, behaviours, functions and
origin access control are the program's own. The viewer counts as an https viewer, since nothing here speaks TLS.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from ministack.core.responses import request_scope
from ministack.services import cloudfront

from localcloud.emulator.iam.transport import pin_secure_origin
from localcloud.emulator.settings import Settings
from localcloud.emulator.site.asgi import Answer, Receive, Request, Send, problem, read_request, send_answer
from localcloud.emulator.site.control import Control
from localcloud.emulator.site.host_check import CONTROL_PREFIX

log = logging.getLogger("localcloud.edge")

_POLICY_HEADER = "content-security-policy"
_PAGE_SETTINGS = "/config.json"
# Where the program names a host on AWS to the browser: a bucket's, and that of the sign-in pages.
_AWS_ORIGIN = re.compile(
    r"https://([a-z0-9.-]+\.s3\.[a-z0-9-]+\.amazonaws\.com|[a-z0-9-]+\.auth\.[a-z0-9-]+\.amazoncognito\.com)"
)


@dataclass(frozen=True)
class Edge:
    """ASGI application of the site port."""

    settings: Settings
    control: Control

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _acknowledge_lifespan(receive, send)
        elif scope["type"] == "http":
            request = await read_request(scope, receive)
            await send_answer(send, await self._answer(request))

    async def _answer(self, request: Request) -> Answer:
        try:
            if request.path.startswith(CONTROL_PREFIX):
                return await self.control.answer(request)
            return await self._view(request)
        except Exception:
            log.exception("%s %s", request.method, request.path)
            return problem(500, "internal_error", "The local cloud failed; its log says how.")

    async def _view(self, request: Request) -> Answer:
        home = self.settings.home_scope
        with request_scope(*home):
            pin_secure_origin(request.client_ip)
            distribution = _deployed_distribution()
            if distribution is None:
                return problem(503, "not_deployed", "Nothing is deployed yet.")
            status, headers, body = await cloudfront.handle_viewer_request(
                distribution,
                request.method,
                request.path,
                request.raw_path,
                request.raw_query,
                {**request.headers, "x-forwarded-proto": "https"},
                request.body,
                parse_qs(request.raw_query, keep_blank_values=True),
                request.client_ip,
            )
            content = body if isinstance(body, bytes) else str(body).encode()
            if request.path == _PAGE_SETTINGS and content:
                content = self._localized(content.decode()).encode()
                headers = {name: value for name, value in headers.items() if name.lower() != "content-length"}
            return Answer(status, content, self._with_local_policy(headers))

    def _with_local_policy(self, headers: dict[str, Any]) -> dict[str, Any]:
        return {
            name: self._localized(value) if name.lower() == _POLICY_HEADER else value for name, value in headers.items()
        }

    def _localized(self, text: str) -> str:
        """Names the local endpoint in the place of hosts on AWS.

        Presigned URLs get the local address from the SDK; the content security policy and the page's settings are
        where the program itself tells the browser an address.
        """
        return _AWS_ORIGIN.sub(self.settings.aws_endpoint, text)


def _deployed_distribution() -> dict[str, Any] | None:
    """The only enabled distribution, or None while there is none."""
    enabled = [each for each in cloudfront._distributions.values() if each.get("enabled")]
    return enabled[0] if len(enabled) == 1 else None


async def _acknowledge_lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
