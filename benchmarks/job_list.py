"""A list of 500 jobs: how long a keystroke in the search takes to show, and tasks that hold the page up.

`python -m benchmarks.job_list [--rounds 5] [--before FOLDER] [--quick] [--json build/bench/job_list.json]` prints one
table and writes one JSON. `--before` is the `frontend` folder of another build, measured in turns with this one.

A round loads the page with an empty cache, searches and clears the search key by key, then scrolls to the last job.
What the API would answer is made up here. A keystroke lasts until the frame after it was painted (Event Timing, in
steps of 8 ms; below 16 ms nothing is reported). A long task is one of more than 50 ms, as browsers define it; 0 ms is
none. Those are times by the clock, which a busy machine stretches; "cpu" is the main thread's own processor time for
a key, or for a step of the wheel, with all that it sets off until the next one.
"""

from __future__ import annotations

import contextlib
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from benchmarks.browser import chromium
from benchmarks.figure import Figure, Goal, spread_of
from benchmarks.first_visit import BEFORE, NOW, OPEN, SETTINGS, WITHIN_MS, served
from benchmarks.program import ROOT, Program, parser

JOBS, ROUNDS, QUICK_ROUNDS = 500, 5, 1
KEYSTROKE_MS, LONG_TASK_MS = 100, 50
SEARCHES = ("plate 3", "series 5", "csv 49")
_BETWEEN_ACTS_MS = 80  # a quick typist's
_OBSERVE = """
globalThis.longTasks = []; globalThis.keystrokes = [];
const observe = (type, to, options) => new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) to.push(duration);
}).observe({ type, ...options });
observe("longtask", longTasks); observe("event", keystrokes, { durationThreshold: 16 });
"""
_LONGEST = "([list]) => Math.max(0, ...globalThis[list].splice(0))"


@dataclass(frozen=True)
class Round:
    """Milliseconds, each of the longest."""

    keystroke: float
    keystroke_cpu: float
    typing_task: float
    scroll_cpu: float
    scrolling_task: float


class MainThread:
    """How much processor time a page's main thread has taken since it was last asked, in milliseconds."""

    def __init__(self, page: Any) -> None:
        self._page = page
        self._wire = page.context.new_cdp_session(page)
        self._wire.send("Performance.enable", {"timeDomain": "threadTicks"})
        self._last = 0.0

    def after(self, act: Callable[[], None]) -> float:
        """What an act took, with all that it sets off in the time to the next one."""
        self._take()
        act()
        self._page.wait_for_timeout(_BETWEEN_ACTS_MS)
        return self._take()

    def _take(self) -> float:
        metrics = {each["name"]: each["value"] for each in self._wire.send("Performance.getMetrics")["metrics"]}
        before, self._last = self._last, metrics["TaskDuration"] * 1000
        return self._last - before


def job(number: int) -> dict[str, Any]:
    """One that has succeeded, as the API answers it."""
    began = datetime(2026, 1, 31, tzinfo=UTC) + timedelta(minutes=number)
    events = ("queued", "launched", "running", "script_started", "script_finished", "succeeded", "machine_terminated")
    timeline = [
        {"event": event, "at": (began + timedelta(seconds=9 * index)).isoformat(), "detail": None}
        for index, event in enumerate(events)
    ]
    return {
        "id": f"0194ba00-0000-7000-8000-{number:012x}",
        "owner": "anonymous",
        "status": "succeeded",
        "filename": f"plate {number} of series {number % 7}.csv",
        "created_at": began.isoformat(),
        "updated_at": timeline[-1]["at"],
        "timeline": timeline,
        "machines": [{"run": 1, "launched_at": timeline[1]["at"], "terminated_at": timeline[-1]["at"]}],
        "run": 1,
        "batch": None,
        "cost": {"usd": "0.002096", "min_usd": "0.001029", "is_final": True, "machine_seconds": 60},
    }


def answer(address: str, jobs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the API answers a request of the page; the jobs are the newest first."""
    path, query = urlsplit(address).path, parse_qs(urlsplit(address).query)
    if path == "/api/machines":
        return {"alive": []}
    if path != "/api/jobs":
        return {"max_upload_bytes": 2**30, "max_text_chars": 10_000, "allowed_instance_types": []}
    start, limit = (int(query.get(name, ["0"])[0]) for name in ("cursor", "limit"))
    end = start + limit
    return {"jobs": jobs[start:end], "next_cursor": str(end) if end < len(jobs) else None}


def visit(browser: Any, address: str) -> Round:
    jobs = [job(number) for number in reversed(range(JOBS))]
    with contextlib.closing(browser.new_context(viewport={"width": 1280, "height": 900})) as context:
        page = context.new_page()
        page.set_default_timeout(WITHIN_MS)
        page.route("**/api/**", lambda route: route.fulfill(json=answer(route.request.url, jobs)))
        page.add_init_script(_OBSERVE)
        page.goto(address)
        page.locator("#job-list li").first.wait_for()
        search, note = page.locator("#job-search"), page.locator("#jobs-note")
        search.press_sequentially("p")
        note.get_by_text(f"{JOBS} jobs found.").wait_for()
        search.fill("")
        page.evaluate(_LONGEST, ["longTasks"])
        page.evaluate(_LONGEST, ["keystrokes"])
        thread = MainThread(page)
        keys = [key for text in SEARCHES for key in (*text, *["Backspace"] * len(text))]
        typing = [thread.after(partial(search.press, key)) for key in keys]
        keystroke, typing_task = (page.evaluate(_LONGEST, [name]) for name in ("keystrokes", "longTasks"))
        page.locator("#job-list").hover()
        scrolling = []
        while page.locator("#job-list li").count() < JOBS:
            scrolling.append(thread.after(partial(page.mouse.wheel, 0, 600)))
        return Round(keystroke, max(typing), typing_task, max(scrolling), page.evaluate(_LONGEST, ["longTasks"]))


def measure(folders: Mapping[str, Path], rounds: int, program: Program) -> dict[str, list[Round]]:
    found: dict[str, list[Round]] = {side: [] for side in folders}
    with chromium() as browser, contextlib.ExitStack() as stack:
        addresses = {side: stack.enter_context(served(folder, SETTINGS[OPEN])) for side, folder in folders.items()}
        for number in range(rounds + 1):
            program.say(f"round {number} of {rounds}")
            for side in sorted(addresses, reverse=number % 2 == 1):
                one = visit(browser, addresses[side])
                if number:  # the first one warms the browser up
                    found[side].append(one)
    return found


def figures_of(found: Mapping[str, Sequence[Round]]) -> list[Figure]:
    """The median of the rounds; `before` is the baseline where it was measured."""
    figures = []
    for what, name, limit in (
        ("keystroke", "longest keystroke until it is painted", KEYSTROKE_MS),
        ("keystroke_cpu", "most processor time of a keystroke", LONG_TASK_MS),
        ("typing_task", "longest long task while typing", LONG_TASK_MS),
        ("scroll_cpu", "most processor time of a step of the wheel", LONG_TASK_MS),
        ("scrolling_task", "longest long task while scrolling", LONG_TASK_MS),
    ):
        now, before = ([getattr(one, what) for one in found.get(side, [])] for side in (NOW, BEFORE))
        figures.append(
            Figure(
                f"list of {JOBS} jobs: {name}",
                statistics.median(now),
                "ms",
                goal=Goal(limit),
                note=f"before: {statistics.median(before):.0f}" if before else "",
                spread=spread_of(now),
            )
        )
    return figures


def main() -> None:
    reading = parser("job_list", __doc__)
    reading.add_argument("--rounds", type=int)
    reading.add_argument("--before", type=Path, help="the frontend folder of another build, measured in turns")
    options = reading.parse_args()
    program = Program("job_list")
    folders = {NOW: ROOT / "frontend", **({BEFORE: options.before} if options.before else {})}
    found = measure(folders, options.rounds or (QUICK_ROUNDS if options.quick else ROUNDS), program)
    details = [{"side": side, "rounds": [asdict(one) for one in rounds]} for side, rounds in found.items()]
    program.publish(options.json, figures_of(found), rounds=details)


if __name__ == "__main__":
    main()
