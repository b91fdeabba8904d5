"""A first visit to the page over a slow link, until it shows "Sign in": time, requests, bytes and round trips.

`python -m benchmarks.first_visit [--rounds 9] [--before FOLDER] [--quick] [--json build/bench/first_visit.json]` prints
one table and writes one JSON. `--before` is the `frontend` folder of another build, measured in turns with this one.

Chromium's network emulation delays each answer by 150 ms and lets 1.6 Mbit/s through, as Lighthouse's "slow 4G" does.
The files come from a server of this program with CloudFront's rules: gzip from 1,000 bytes on, the stack's content
security policy. It speaks HTTP/1.1, so that a browser has six requests under way at a time; HTTP/2, which CloudFront
speaks, has no such limit. Each visit has an empty cache. The second row is a stack without sign-in: until the
form can be used, but without the time of the API's answers.

Bytes are those of the answers with their headers. Round trips are the longest chain of requests each of
which was sent when the answer of the one before had come, the document's among them.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import mimetypes
import statistics
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

from benchmarks.browser import chromium
from benchmarks.figure import Figure, Goal, spread_of
from benchmarks.program import ROOT, Program, parser

ROUNDS, QUICK_ROUNDS = 9, 3
LATENCY_MS, BYTES_PER_SECOND = 150, 200_000
WITHIN_MS = 60_000
REQUESTS_GOAL, KILOBYTES_GOAL, DEPTH_GOAL = 10, 45, 3
COMPRESSED_FROM_BYTES = 1_000
NOW, BEFORE = "now", "before"
SIGN_IN, OPEN = "sign-in", "form"
SETTINGS = {
    SIGN_IN: {"auth": "cognito", "domain": "https://sign-in.invalid", "client_id": "c" * 26, "scope": "openid email"},
    OPEN: {"auth": "none"},
}
_SHOWN = {SIGN_IN: "#sign-in", OPEN: "#submit"}
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000",
}
# When it was drawn: a frame that has it is made after the styles have come.
_OBSERVE = """selector => {
  window.shown = new Promise((resolve) => {
    const look = () => {
      if (document.querySelector(selector)?.checkVisibility()) resolve(performance.now());
      else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
}"""


@dataclass(frozen=True)
class Visit:
    shown_ms: float
    requests: int
    kilobytes: float
    depth: int


@dataclass(frozen=True)
class Request:
    address: str
    sent: float  # seconds, of the browser's monotonic clock
    received: float
    encoded_bytes: int


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    folder: ClassVar[Path]
    settings: ClassVar[Mapping[str, str]]

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path == "/config.json":
            self._answer(200, json.dumps(self.settings).encode(), "application/json", "no-cache")
            return
        file = self.folder / (path.lstrip("/") or "index.html")
        if not file.is_file():
            self._answer(404, b"", "text/plain", "no-store")
            return
        kind = "text/javascript" if file.suffix == ".js" else mimetypes.guess_type(file.name)[0] or "text/plain"
        self._answer(200, file.read_bytes(), kind, "public, max-age=300")

    def _answer(self, status: int, body: bytes, kind: str, caching: str) -> None:
        headers = {"Content-Type": kind, "Cache-Control": caching, **_HEADERS}
        if len(body) >= COMPRESSED_FROM_BYTES:
            body = _compressed(body)
            headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # the visit is over
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@cache
def _compressed(body: bytes) -> bytes:
    return gzip.compress(body, mtime=0)


@contextlib.contextmanager
def served(folder: Path, settings: Mapping[str, str]) -> Iterator[str]:
    """The address of a site with the files of `folder`."""
    handler = type("Handler", (_Handler,), {"folder": folder, "settings": settings})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def depth_of(requests: Sequence[Request]) -> int:
    """The longest chain: one that is sent when another's answer has come is a round trip deeper."""
    depths: dict[Request, int] = {}
    for request in sorted(requests, key=lambda one: one.sent):
        depths[request] = 1 + max((depths[one] for one in depths if one.received <= request.sent), default=0)
    return max(depths.values())


def visit(browser: Any, address: str, selector: str) -> Visit:
    """With an empty cache, in a context of its own."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    page = context.new_page()
    wire = context.new_cdp_session(page)
    sent: dict[str, dict[str, Any]] = {}
    finished: dict[str, dict[str, Any]] = {}
    wire.on("Network.requestWillBeSent", lambda event: sent.setdefault(event["requestId"], event))
    wire.on("Network.loadingFinished", lambda event: finished.setdefault(event["requestId"], event))
    wire.send("Network.enable")
    rate = {"downloadThroughput": BYTES_PER_SECOND, "uploadThroughput": BYTES_PER_SECOND}
    wire.send("Network.emulateNetworkConditions", {"offline": False, "latency": LATENCY_MS, **rate})
    page.add_init_script(f"({_OBSERVE})({json.dumps(selector)})")
    page.goto(address, timeout=WITHIN_MS)
    page.locator(selector).wait_for(timeout=WITHIN_MS)
    page.wait_for_load_state("networkidle", timeout=WITHIN_MS)
    shown_ms = page.evaluate("window.shown")
    until = page.evaluate("performance.timeOrigin") + shown_ms
    context.close()
    before = [
        Request(event["request"]["url"], event["timestamp"], answer["timestamp"], int(answer["encodedDataLength"]))
        for name, event in sent.items()
        if (answer := finished.get(name))
        and event["wallTime"] * 1000 <= until
        and "/api/" not in event["request"]["url"]
    ]
    return Visit(shown_ms, len(before), sum(one.encoded_bytes for one in before) / 1000, depth_of(before))


def measure(folders: Mapping[str, Path], rounds: int, program: Program) -> dict[tuple[str, str], list[Visit]]:
    """The visits of each (side, what is shown), in rounds."""
    visits: dict[tuple[str, str], list[Visit]] = {(side, kind): [] for side in folders for kind in _SHOWN}
    with chromium() as browser, contextlib.ExitStack() as stack:
        addresses = {(side, kind): stack.enter_context(served(folders[side], SETTINGS[kind])) for side, kind in visits}
        for number in range(rounds + 1):
            program.say(f"round {number} of {rounds}")
            for case in sorted(addresses, reverse=number % 2 == 1):
                one = visit(browser, addresses[case], _SHOWN[case[1]])
                if number:  # the first one warms the browser up
                    visits[case].append(one)
    return visits


def figures_of(visits: Mapping[tuple[str, str], Sequence[Visit]]) -> list[Figure]:
    """`before` is the baseline where it was measured."""
    figures = []
    for kind in _SHOWN:
        now, before = visits[NOW, kind], visits.get((BEFORE, kind), [])
        times = [one.shown_ms for one in now]
        ratios = [one.shown_ms / other.shown_ms for one, other in zip(now, before, strict=False)]
        figures.append(
            Figure(
                f"first visit: {kind} shown",
                statistics.median(times),
                "ms",
                baseline=statistics.median(one.shown_ms for one in before) if before else None,
                goal=Goal(0.5) if before and kind == SIGN_IN else None,
                note=f"empty cache, {LATENCY_MS} ms, {BYTES_PER_SECOND * 8 / 1e6:g} Mbit/s, HTTP/1.1",
                spread=spread_of(times),
                paired_ratio=statistics.median(ratios) if ratios else None,
            )
        )
        for what, unit, goal in (
            ("requests", "requests", REQUESTS_GOAL),
            ("kilobytes", "kB", KILOBYTES_GOAL),
            ("depth", "round trips", DEPTH_GOAL),
        ):
            figures.append(
                Figure(
                    f"first visit: {what} until {kind}",
                    statistics.median(getattr(one, what) for one in now),
                    unit,
                    goal=Goal(goal) if kind == SIGN_IN else None,
                    note=f"before: {statistics.median(getattr(one, what) for one in before):.4g}" if before else "",
                )
            )
    return figures


def main() -> None:
    reading = parser("first_visit", __doc__)
    reading.add_argument("--rounds", type=int)
    reading.add_argument("--before", type=Path, help="the frontend folder of another build, measured in turns")
    options = reading.parse_args()
    program = Program("first_visit")
    folders = {NOW: ROOT / "frontend", **({BEFORE: options.before} if options.before else {})}
    rounds = options.rounds or (QUICK_ROUNDS if options.quick else ROUNDS)
    visits = measure(folders, rounds, program)
    details = [
        {"side": side, "until": kind, "visits": [asdict(one) for one in all_of_it]}
        for (side, kind), all_of_it in visits.items()
    ]
    program.publish(options.json, figures_of(visits), visits=details)


if __name__ == "__main__":
    main()
