"""Starts one worker of every function ahead of the first request, which would wait for each of them in turn."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from ministack.core.responses import request_scope
from ministack.services import lambda_svc

from localcloud.emulator.functions.worker_pool import WorkerPool
from localcloud.emulator.settings import Scope

log = logging.getLogger("localcloud.functions")

STARTS_AT_ONCE = 2


def warm_up(pool: WorkerPool, scope: Scope) -> None:
    """Leaves functions alone that have a worker already; returns when all have one."""
    with request_scope(*scope):
        functions = list(lambda_svc._functions.values())
    with ThreadPoolExecutor(STARTS_AT_ONCE) as executor:
        list(executor.map(partial(_warm, pool, scope), functions))


def _warm(pool: WorkerPool, scope: Scope, function: dict[str, Any]) -> None:
    try:
        with request_scope(*scope):
            pool.warm(function)
    except Exception:
        log.exception("%s: not warmed", function["config"].get("FunctionName"))
