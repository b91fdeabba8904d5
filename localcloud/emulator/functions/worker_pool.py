"""How many function workers are started at once.

On AWS every concurrent invocation has an execution environment of its own, started elsewhere. Here each is a Python
process, on the few cores that everything shares: upstream MiniStack answers a burst of twenty requests with twenty
starts at once, each about a second's work, and all of them take most of a minute. This pool starts only as many at a
time as there are cores, and lets an invocation wait a moment for a worker that is about to be free.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

# A warm worker is free again after some ten milliseconds, a new one takes ten times as long or more. Where a function
# has as many workers as there are cores already, another one is worth its start only if those wait for something.
START_AFTER_SECONDS = 0.3
START_AFTER_AT_FULL_LOAD_SECONDS = 3.0


class WorkerPool:
    """Stands between MiniStack's executor and its pools; there is no limit on how many workers run in the end."""

    def __init__(self, acquire: Callable[..., Any], release: Callable[[Any], None], starts_at_once: int) -> None:
        self._upstream_acquire = acquire
        self._upstream_release = release
        self._cores = starts_at_once
        self._free_starts = starts_at_once
        self._changed = threading.Condition()
        self._changes: Counter[str] = Counter()  # of each function
        self._thread = threading.local()  # the worker that each has

    def acquire(
        self, name: str, config: dict[str, Any], code: bytes, qualifier: str = "$LATEST", **_: Any
    ) -> tuple[Any, str]:
        """A worker and how it came about, `reused` or `spawn`; waits until there is one."""
        changes = self._changes[name]
        worker, how = self._acquire(name, config, code, qualifier)
        self._thread.worker = worker
        with lambda_runtime._lock:
            if how == "spawn" and self._changes[name] != changes:  # the function was changed while this one waited
                workers = lambda_runtime._workers.get(lambda_runtime._worker_key(name, config, qualifier), [])
                workers[:] = [each for each in workers if each is not worker]
        return worker, how

    def _acquire(self, name: str, config: dict[str, Any], code: bytes, qualifier: str) -> tuple[Any, str]:
        key = lambda_runtime._worker_key(name, config, qualifier)
        asked = time.monotonic()
        with self._changed:
            while True:
                existing = len(lambda_runtime._workers.get(key, ()))
                if existing:
                    worker, how = self._upstream_acquire(name, config, code, qualifier, max_concurrency=existing)
                    if worker is not None:
                        return worker, how
                start_after = START_AFTER_SECONDS if existing < self._cores else START_AFTER_AT_FULL_LOAD_SECONDS
                may_start = not existing or time.monotonic() - asked >= start_after
                if may_start and self._free_starts:
                    self._free_starts -= 1
                    worker, how = self._upstream_acquire(name, config, code, qualifier)
                    break
                self._changed.wait(START_AFTER_SECONDS)
        self._start(worker)
        return worker, how

    def release(self, worker: Any) -> None:
        self._thread.worker = None
        self._upstream_release(worker)
        with lambda_runtime._lock:
            is_kept = any(worker in workers for workers in lambda_runtime._workers.values())
        if not is_kept:
            lambda_runtime.kill_workers([worker])
        with self._changed:
            self._changed.notify_all()

    def retire(
        self, name: str, qualifier: str | None = None, account: str | None = None, region: str | None = None
    ) -> None:
        """Ends a function's workers; those that are at work for others than the caller, when they are done.

        Upstream kills them all as soon as the function changes. On AWS what has begun goes on with the code and the
        configuration that it began with (Lambda developer guide, "Lambda function states").
        """
        asked = (account, region, name, qualifier)
        ended = []
        with lambda_runtime._lock:
            self._changes[name] += 1
            for key in list(lambda_runtime._workers):
                if all(part in (None, has) for part, has in zip(asked, key.split(":"), strict=True)):
                    own = getattr(self._thread, "worker", None)
                    ended += [each for each in lambda_runtime._workers.pop(key) if not each.in_use or each is own]
        lambda_runtime.kill_workers(ended)

    def warm(self, function: dict[str, Any]) -> None:
        """Starts the first worker of a function that has none; returns when it is ready."""
        config = function["config"]
        if not lambda_runtime._workers.get(lambda_runtime._worker_key(config["FunctionName"], config, "$LATEST")):
            worker, _ = self.acquire(config["FunctionName"], config, function["code_zip"])
            self.release(worker)

    def _start(self, worker: Any) -> None:
        try:
            # A failure to start comes again, and is reported, when the executor uses the worker.
            with contextlib.suppress(Exception):
                lambda_runtime.ensure_spawned(worker)
        finally:
            with self._changed:
                self._free_starts += 1
                self._changed.notify_all()


def install() -> WorkerPool:
    pool = WorkerPool(lambda_runtime.acquire_worker, lambda_runtime.release_worker, max(2, os.cpu_count() or 1))
    lambda_svc.acquire_worker = pool.acquire
    lambda_svc.release_worker = pool.release
    lambda_svc.invalidate_worker = pool.retire
    return pool
