"""What a function has printed when it has answered, whole and without a wait."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from typing import Any

import pytest

from localcloud.emulator.functions.function_output import OutputReader


class Process:
    def __init__(self, end: int) -> None:
        self.stderr = os.fdopen(end, "rb")


@pytest.fixture
def pipe() -> Any:
    read, write = os.pipe()
    process = Process(read)
    with process.stderr, os.fdopen(write, "wb", buffering=0) as written:
        yield process, written


def taken(lines: queue.Queue[str]) -> list[str]:
    return [lines.get_nowait() for _ in range(lines.qsize())]


def test_what_is_in_the_pipe_is_there_at_once_without_the_readers_thread(pipe: Any) -> None:
    process, written = pipe
    lines: queue.Queue[str] = queue.Queue()
    reader = OutputReader(process, lines)
    written.write("one\ntw\u00f6\r\nunfin".encode())
    reader.read()
    assert taken(lines) == ["one", "tw\u00f6"]
    reader.read()  # nothing there: it does not wait
    written.write(b"ished\nrest")
    written.close()
    reader.run()  # returns, for the pipe is closed
    assert taken(lines) == ["unfinished", "rest"]


def test_lines_are_neither_lost_nor_mixed_up_when_two_read() -> None:
    count = 20_000
    program = f"import sys\nfor i in range({count}): print(i, file=sys.stderr)"
    with subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE) as process:
        lines: queue.Queue[str] = queue.Queue()
        reader = OutputReader(process, lines)
        thread = threading.Thread(target=reader.run)
        thread.start()
        while thread.is_alive():
            reader.read()
        thread.join()
        assert process.stderr is not None
    assert taken(lines) == [str(each) for each in range(count)]
