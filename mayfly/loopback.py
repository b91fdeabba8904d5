"""The end of the way through the browser: a web server on this computer that people are sent back to (RFC 8252)."""

from __future__ import annotations

import errno
import os
import queue
import socket
import threading
from collections.abc import Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from mayfly.errors import SignInProblem

REQUEST_SECONDS = 10.0
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Mayfly</title>
<p style="font: 1.1rem system-ui; margin: 4rem auto; max-width: 30rem">{}</p></html>"""
_DONE = "You can close this window and go back to the terminal."
_STRANGE = "This sign-in was not started by the command that is running, or has already ended."
# This computer has no IPv6, or none for itself.
_NO_IPV6 = {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.EPROTONOSUPPORT}
# By the error codes of RFC 6749, section 4.1.2.1.
_REFUSALS = {"access_denied": "The sign-in was refused."}


class Loopback:
    """Listens for the redirect that has the sign-in's `state`; use as a context manager."""

    def __init__(self, redirect_uris: Sequence[str], state: str) -> None:
        """Takes the first address whose port is free, for IPv4 and IPv6: browsers may take "localhost" for either.

        Raises:
            SignInProblem: none is.
        """
        self._answers: queue.Queue[dict[str, str]] = queue.Queue()
        for uri in redirect_uris:
            try:
                self._servers = _servers(uri, state, self._answers)
            except OSError:
                continue
            self.redirect_uri = uri
            for server in self._servers:
                threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
            return
        ports = ", ".join(str(urlsplit(uri).port) for uri in redirect_uris)
        raise SignInProblem(
            f"All ports that signing in can use are taken ({ports}). End one of the programs, and try again."
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def code(self, seconds: float) -> str:
        """The authorization code of the redirect.

        Raises:
            SignInProblem: no redirect came in time, or one with an error.
        """
        try:
            answer = self._answers.get(timeout=seconds)
        except queue.Empty:
            raise SignInProblem("The sign-in was not completed in time. Try again: mayfly login") from None
        if "code" in answer:
            return answer["code"]
        error = answer["error"]
        said = answer.get("error_description") or error
        raise SignInProblem(f"{_REFUSALS.get(error, 'The sign-in did not work.')} The sign-in page says: {said}")


class _Server(ThreadingHTTPServer):
    # On Windows a second program could listen at the same port.
    allow_reuse_address = os.name != "nt"
    daemon_threads = True
    host = "127.0.0.1"

    def __init__(self, uri: str, state: str, answers: queue.Queue[dict[str, str]]) -> None:
        parts = urlsplit(uri)
        self.path, self.state, self.answers = parts.path, state, answers
        # By number, since the name could resolve to another computer.
        super().__init__((self.host, parts.port or 0), _Handler)


class _Ipv6Server(_Server):
    address_family = socket.AF_INET6
    host = "::1"


def _servers(uri: str, state: str, answers: queue.Queue[dict[str, str]]) -> list[_Server]:
    """Raises OSError: another program has the port."""
    server = _Server(uri, state, answers)
    try:
        return [server, _Ipv6Server(uri, state, answers)]
    except OSError as error:
        if error.errno in _NO_IPV6:
            return [server]
        server.server_close()
        raise


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = REQUEST_SECONDS  # browsers open connections that they never use

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path != self.server.path:
            self._say(HTTPStatus.NOT_FOUND, "There is nothing here.")
        elif query.get("state") != self.server.state or not ("code" in query or "error" in query):
            self._say(HTTPStatus.BAD_REQUEST, _STRANGE)
        else:
            self._say(HTTPStatus.OK, _DONE)
            self.server.answers.put(query)

    def _say(self, status: HTTPStatus, text: str) -> None:
        body = _PAGE.format(text).encode()
        self.send_response(status)
        self.send_header("content-type", "text/html; charset=utf-8")
        self.send_header("content-length", str(len(body)))
        self.send_header("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'")
        self.send_header("cache-control", "no-store")
        self.send_header("referrer-policy", "no-referrer")  # the code is in this page's address
        self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Says nothing: the address has the code in it."""
