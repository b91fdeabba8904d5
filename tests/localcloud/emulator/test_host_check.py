"""What pages in a browser on the same computer cannot ask of the local cloud."""

from __future__ import annotations

import asyncio
from threading import Thread
from typing import Any

import pytest

from localcloud.emulator.site.host_check import ADMIN_HEADER, HostCheck
from tests.localcloud.emulator.harness import EmulatorHarness

PORTS = ("site_url", "aws_endpoint")
FOREIGN = [
    "evil.example",
    "evil.example:{port}",
    "127.0.0.1",
    "127.0.0.1:1",
    "127.0.0.1:{port}.evil.example",
    "[::1]:{port}",
]
VIRTUAL = ["bucket.s3.eu-central-1.amazonaws.com", "bucket.localhost:{port}", "x.execute-api.localhost:{port}"]


def status(harness: EmulatorHarness, port: str, path: str, method: str = "GET", **headers: str) -> int:
    url: str = getattr(harness.emulator, port)
    named = {name.replace("_", "-"): value.format(port=url.rpartition(":")[2]) for name, value in headers.items()}
    return int(harness.site.request(method, f"{url}{path}", headers=named).status_code)


@pytest.mark.parametrize("port", PORTS)
@pytest.mark.parametrize("host", FOREIGN + VIRTUAL)
def test_a_name_that_was_made_to_resolve_here_is_answered_by_neither_port(
    harness: EmulatorHarness, port: str, host: str
) -> None:
    assert status(harness, port, "/_local/machines", host=host) == 421
    assert status(harness, port, "/", host=host) == 421


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "localhost:{port}", "LOCALHOST:{port}"])
def test_both_ports_answer_by_their_own_names(harness: EmulatorHarness, host: str) -> None:
    assert status(harness, "site_url", "/_local/machines", host=host) == 200
    assert status(harness, "aws_endpoint", "/", host=host) != 421


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
        {"origin": "https://127.0.0.1:{port}"},
        {"origin": "http://localhost:{port}"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": "same-origin", "origin": "http://evil.example"},
    ],
)
@pytest.mark.parametrize(("method", "path"), [("GET", "/_local/token?user=admin"), ("DELETE", "/_local/faults")])
def test_a_page_of_another_site_controls_nothing(
    harness: EmulatorHarness, headers: dict[str, str], method: str, path: str
) -> None:
    assert status(harness, "site_url", path, method, **headers) == 403


@pytest.mark.parametrize(
    "headers",
    [{}, {"sec_fetch_site": "none"}, {"sec_fetch_site": "same-origin", "origin": "http://127.0.0.1:{port}"}],
    ids=["a program", "an address that was typed", "the site's own page"],
)
def test_a_program_a_person_and_the_sites_own_page_may(harness: EmulatorHarness, headers: dict[str, str]) -> None:
    assert status(harness, "site_url", "/_local/machines", **headers) == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/_ministack/config"),
        ("POST", "/_ministack/reset"),
        ("GET", "/_ministack/health"),
        ("GET", "//_ministack/health"),
        ("GET", "/%5Fministack/health"),
        ("GET", "/_localstack/health"),
        ("GET", "/_ministack/lambda-code/000000000000/eu-central-1/x"),
    ],
)
@pytest.mark.parametrize("token", [{}, {"x_local_cloud_admin": "0" * 40}], ids=["no token", "another token"])
def test_the_emulators_own_paths_are_closed(
    harness: EmulatorHarness, method: str, path: str, token: dict[str, str]
) -> None:
    assert status(harness, "aws_endpoint", path, method, **token) == 403


def test_the_process_that_started_the_emulator_gets_to_its_own_paths(harness: EmulatorHarness) -> None:
    header = {ADMIN_HEADER.replace("-", "_"): harness.emulator.admin_token}
    assert status(harness, "aws_endpoint", "/_ministack/health", **header) == 200


def answered(scope: dict[str, Any]) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []

    async def app(_scope: object, _receive: object, send: Any) -> None:
        await send({"type": "reached"})

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    # In a thread: Playwright leaves a running loop to the thread of the tests.
    thread = Thread(target=lambda: asyncio.run(HostCheck(app, 80, "token")(scope, receive, send)))
    thread.start()
    thread.join()
    return sent


@pytest.mark.parametrize(
    ("hosts", "type_"),
    [([], "http"), ([b"localhost", b"localhost"], "http"), ([b"localhost", b"evil.example"], "http")],
)
def test_a_request_has_one_host(hosts: list[bytes], type_: str) -> None:
    scope = {"type": type_, "method": "GET", "path": "/", "headers": [(b"host", host) for host in hosts]}
    assert answered(scope)[0]["status"] == 421


def test_a_socket_of_another_host_is_never_opened() -> None:
    scope = {"type": "websocket", "path": "/", "headers": [(b"host", b"evil.example")]}
    assert [message["type"] for message in answered(scope)] == ["websocket.close"]


def test_on_port_80_the_name_comes_without_the_port() -> None:
    scope = {"type": "http", "method": "GET", "path": "/", "headers": [(b"host", b"localhost")]}
    assert answered(scope) == [{"type": "reached"}]
