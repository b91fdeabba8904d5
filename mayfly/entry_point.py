"""Where the command `mayfly` starts: its streams, and its exit code."""

from __future__ import annotations

import os
import sys
from importlib import import_module

from mayfly import streams
from mayfly.version import installed_version

INTERRUPTED = 130  # 128 + SIGINT
CANNOT_WRITE = 3
OWN_FAULT = 70  # sysexits.h, EX_SOFTWARE


def main() -> None:
    """Never ends in a traceback, unless MAYFLY_DEBUG asks for one."""
    streams.prepare()
    sys.exit(_exit_code(sys.argv[1:]))


def _exit_code(words: list[str]) -> int:
    try:
        code = _run(words)
        sys.stdout.flush()  # here, where a failure can still be said
    except BrokenPipeError:
        code = streams.PIPE_CLOSED
    except KeyboardInterrupt:
        code = INTERRUPTED
    except OSError as error:
        streams.say_error(f"error: standard output cannot be written: {error.strerror or error}.")
        code = CANNOT_WRITE
    streams.abandon()
    return code


def _run(words: list[str]) -> int:
    if words == ["--version"]:  # needs none of the libraries
        sys.stdout.write(f"{installed_version()}\n")
        return 0
    try:
        import_module("mayfly.app").app()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0
    except OSError:
        raise
    except Exception as error:
        if os.environ.get("MAYFLY_DEBUG"):
            raise
        streams.say_error(f"error: mayfly itself is at fault: {error!r}. Where: set MAYFLY_DEBUG=1. Please report it.")
        return OWN_FAULT
    return 0
