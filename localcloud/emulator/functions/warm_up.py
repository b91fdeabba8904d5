"""Starts one worker of every function ahead of the first request, which would wait for each of them in turn."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from ministack.core.responses import request_scope
from ministack.services import lambda_svc

from localcloud.emulator.functions.worker_pool import WorkerPool
from localcloud.emulator.settings import Settings

log = logging.getLogger("localcloud.functions")

STARTS_AT_ONCE = 2


@dataclass(frozen=True)
class Warmer:
    """Works in the background; functions that have a worker already are left alone."""

    settings: Settings
    pool: WorkerPool

    def begin(self) -> None:
        threading.Thread(target=self._warm_all, name="warm-up", daemon=True).start()

    def _warm_all(self) -> None:
        home = self.settings.home_scope
        with request_scope(home.account_id, home.region):
            functions = list(lambda_svc._functions.values())
        with ThreadPoolExecutor(STARTS_AT_ONCE) as executor:
            list(executor.map(self._warm, functions))

    def _warm(self, function: dict[str, Any]) -> None:
        home = self.settings.home_scope
        try:
            with request_scope(home.account_id, home.region):
                self.pool.warm(function)
        except Exception:
            log.exception("%s: not warmed", function["config"].get("FunctionName"))
