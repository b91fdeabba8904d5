"""What every Pulumi plugin does: serve on a port of the loopback interface, and print it for the engine."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import grpc

if TYPE_CHECKING:
    from collections.abc import Callable

_THREADS = 16
_LOOK_SECONDS = 1.0
_ANY_SIZE = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


def serve(add: Callable[[grpc.Server], None]) -> None:
    """Serve what `add` puts on the server until the engine ends this process, or has ended itself."""
    engine = os.getppid()
    # Ctrl-C goes to the whole process group; the engine says itself when it needs its plugins no more.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    server = grpc.server(ThreadPoolExecutor(_THREADS), options=_ANY_SIZE)
    add(server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)  # noqa: T201 the engine reads it
    # An engine that was killed ends no plugin; its plugins have another parent then.
    while server.wait_for_termination(_LOOK_SECONDS) and os.getppid() == engine:
        pass
    server.stop(None)
