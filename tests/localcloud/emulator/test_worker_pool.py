"""Workers of a function that is changed while it is asked for."""

from __future__ import annotations

from typing import Any

import pytest
from ministack.core import lambda_runtime

from localcloud.emulator.functions.worker_pool import WorkerPool


class Worker:
    in_use = True


CONFIG = {"FunctionName": "f", "FunctionArn": "arn:aws:lambda:eu-central-1:000000000000:function:f"}


def test_a_worker_that_waited_to_start_while_its_function_was_changed_serves_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key = lambda_runtime._worker_key("f", CONFIG, "$LATEST")
    workers: dict[str, list[Any]] = {}
    killed: list[Any] = []
    monkeypatch.setattr(lambda_runtime, "_workers", workers)
    monkeypatch.setattr(lambda_runtime, "kill_workers", killed.extend)
    monkeypatch.setattr(lambda_runtime, "ensure_spawned", lambda worker: None)
    worker = Worker()

    def start(*_: Any, **__: Any) -> tuple[Any, str]:
        pool.retire("f")
        workers[key] = [worker]
        return worker, "spawn"

    pool = WorkerPool(start, lambda released: None, 1)
    assert pool.acquire("f", CONFIG, b"") == (worker, "spawn")
    assert workers[key] == []
    pool.release(worker)
    assert killed == [worker]
