"""What every Pulumi plugin does: serve on a port of the loopback interface, and print it for the engine."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Thread

import grpc

_THREADS = 16
_ANY_SIZE = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


def serve(add: Callable[[grpc.Server], None]) -> None:
    """Serve what `add` puts on the server until the engine ends this process, or has ended itself."""
    # Blocked, it waits for `sigwait`. A handler may run just before a call that then waits without end.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    server = grpc.server(ThreadPoolExecutor(_THREADS), options=_ANY_SIZE)
    add(server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    # The engine writes nothing to a plugin's standard input, and holds it open while it lives: it ends with an engine
    # that was killed, even before this line. One that is done interrupts its plugins, which have a process group of
    # their own, and kills them five seconds later (pulumi, sdk/go/common/resource/plugin/plugin.go).
    Thread(target=_interrupt_at_end_of_input, daemon=True).start()
    print(port, flush=True)  # noqa: T201 the engine reads it
    signal.sigwait({signal.SIGINT})
    server.stop(None)


def _interrupt_at_end_of_input() -> None:
    while os.read(0, 1024):  # not sys.stdin, whose lock would be held while the interpreter ends
        pass
    os.kill(os.getpid(), signal.SIGINT)
