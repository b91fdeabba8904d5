"""The emulator process: MiniStack with the patches of this package, and the site in front of it.

Started by `localcloud.emulator.process`, below a supervisor, with the environment of `localcloud.emulator.environment`
and its settings as the first line of standard input, in JSON. Serves on 127.0.0.1 only, and only what asks for that
(host_check.py). Writes one JSON line, `{"pid": …, "aws_port": …, "site_port": …}`, to its standard output once both
ports answer. Ends on SIGTERM, SIGINT, or when its standard input closes, which happens when the process that started it
is gone.
"""

from __future__ import annotations

import asyncio
import faulthandler
import json
import logging
import os
import resource
import shutil
import signal
import socket
import sys
from collections.abc import Awaitable
from dataclasses import replace
from typing import cast

from hypercorn.asyncio import serve
from hypercorn.config import Config
from hypercorn.typing import Framework

from localcloud.emulator.settings import Settings
from localcloud.emulator.site.host_check import App, HostCheck

HOST = "127.0.0.1"
BACKLOG = 512
PORT_IN_USE = 3  # exit code
MAX_FILES = 10_240  # what macOS allows at most


def main() -> int:
    settings = Settings(**json.loads(sys.stdin.readline()))
    _allow_many_files()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s [%(name)s] %(message)s")
    logging.getLogger("localcloud").setLevel(logging.INFO)
    faulthandler.register(signal.SIGUSR1)  # writes every thread's stack to the log, when something hangs
    try:
        aws, site = (
            socket.create_server((HOST, port), backlog=BACKLOG) for port in (settings.aws_port, settings.site_port)
        )
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return PORT_IN_USE
    settings = replace(settings, aws_port=aws.getsockname()[1], site_port=site.getsockname()[1])
    # MiniStack tells its Lambda workers the endpoint by this name; it must be known before the import below.
    os.environ["GATEWAY_PORT"] = str(settings.aws_port)
    try:
        asyncio.run(_serve(settings, aws, site))
    finally:
        _end_lambda_workers()
        if not settings.keeps_state:
            shutil.rmtree(settings.scratch, ignore_errors=True)
    return 0


async def _serve(settings: Settings, aws: socket.socket, site: socket.socket) -> None:
    # MiniStack reads its configuration from the environment when it is imported, so not before now.
    from ministack.app import app as aws_app  # noqa: PLC0415

    from localcloud.emulator.patches import install_patches  # noqa: PLC0415

    instances, edge = install_patches(settings)
    ending = asyncio.Event()
    _end_on_signals(ending)

    def config(listener: socket.socket) -> Config:
        made = Config()
        made.bind = [f"fd://{listener.detach()}"]
        made.keep_alive_timeout = 75
        made.graceful_timeout = 0.5
        made.loglevel = "WARNING"
        made.h11_max_incomplete_size = 256 * 1024
        return made

    def served(app: App, listener: socket.socket, port: int) -> Awaitable[None]:
        checked = cast("Framework", HostCheck(app, port, settings.admin_token))
        return serve(checked, config(listener), shutdown_trigger=ending.wait)

    servers = asyncio.gather(served(aws_app, aws, settings.aws_port), served(edge, site, settings.site_port))
    ready = {"pid": os.getpid(), "aws_port": settings.aws_port, "site_port": settings.site_port}
    sys.stdout.write(json.dumps(ready) + "\n")
    sys.stdout.flush()
    try:
        await servers
    finally:
        instances.close()


def _allow_many_files() -> None:
    """Fifty machines and their functions need more descriptors than the usual soft limit, 256 on macOS."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_FILES)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _end_on_signals(ending: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)

    def read_from_parent() -> None:
        if not os.read(0, 1024):
            loop.remove_reader(0)
            ending.set()

    loop.add_reader(0, read_from_parent)


def _end_lambda_workers() -> None:
    runtime = sys.modules.get("ministack.core.lambda_runtime")
    if runtime is not None:
        runtime.reset()


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    # Threads of the emulator may still wait for a function or a task token; nothing of theirs is worth waiting for.
    os._exit(code)
