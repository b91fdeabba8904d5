"""Where the command `mayfly` starts: its streams, and its exit code."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from importlib import import_module

from mayfly import streams

INTERRUPTED = 130  # 128 + SIGINT
PIPE_CLOSED = 141  # 128 + SIGPIPE, which Python turns into an exception
CANNOT_WRITE = 3
OWN_FAULT = 70  # sysexits.h, EX_SOFTWARE
# "Recording installed projects": {name}-{version}.dist-info; neither part has another hyphen.
_DISTRIBUTION = ".dist-info"


def main() -> None:
    """Never ends in a traceback, unless MAYFLY_DEBUG asks for one."""
    streams.prepare()
    sys.exit(_exit_code(sys.argv[1:]))


def _exit_code(words: list[str]) -> int:
    try:
        code = _run(words)
        sys.stdout.flush()  # here, where a failure can still be said
    except BrokenPipeError:
        code = PIPE_CLOSED
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


def installed_version() -> str:
    """By the name of the distribution's folder: importlib.metadata takes longer to import than all else to run."""
    for folder in sys.path:
        with suppress(OSError):
            for name in os.listdir(folder or os.curdir):  # noqa: PTH208 - pathlib would be most of the time, too
                if name.startswith("mayfly-") and name.endswith(_DISTRIBUTION):
                    return name.removeprefix("mayfly-").removesuffix(_DISTRIBUTION)
    return "not installed"
