"""What people see on a terminal, narrow ones too, and what a program gets of the same from a pipe."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import sys
import termios
import threading
from collections.abc import Callable
from dataclasses import replace

import pytest
import typer.main

from mayfly.app import app
from mayfly.context import Context
from tests.mayfly.conftest import Run, document
from tests.mayfly.fake_stack import URL, FakeStack

LONG = "quarterly-report-of-the-whole-company-2026-final.csv"
JOBS = {"part-1.txt": "succeeded", "part-2.txt": "failed", LONG: "cancelled"}
_SEQUENCE = re.compile(r"\x1b\[\??[0-9;]*[A-Za-z]")  # ECMA-48, 5.4: those of colours and of the cursor

Terminal = Callable[..., list[str]]


@pytest.fixture
def terminal(here: Context, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Runs a command on a terminal that is some columns wide, and gives the lines it shows."""

    def run_in(columns: int, *words: str) -> list[str]:
        reader, writer = pty.openpty()
        fcntl.ioctl(writer, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        read: list[bytes] = []
        thread = threading.Thread(target=_read, args=(reader, read))
        thread.start()
        with os.fdopen(writer, "w", encoding="utf-8") as stream, monkeypatch.context() as patch:
            for name, value in (("COLUMNS", str(columns)), ("LINES", "50"), ("TERM", "xterm"), ("MAYFLY_URL", URL)):
                patch.setenv(name, value)
            patch.setattr(sys, "stdout", stream)
            patch.setattr(sys, "stderr", stream)
            typer.main.get_command(app).main(list(words), "mayfly", obj=here, standalone_mode=False)
        thread.join(timeout=60)
        os.close(reader)
        return _SEQUENCE.sub("", b"".join(read).decode()).splitlines()

    return run_in


def _read(descriptor: int, into: list[bytes]) -> None:
    while True:
        try:
            into.append(os.read(descriptor, 4096))
        except OSError:  # nothing writes to it any more
            return


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_a_job_is_one_line_with_its_whole_status_and_an_id_that_will_do(
    run: Run, stack: FakeStack, terminal: Terminal, columns: int
) -> None:
    jobs = [stack.add(status, name, "b-1") for name, status in JOBS.items()]
    for words in (["jobs"], ["watch", "--batch", "b-1"]):
        lines = terminal(columns, *words)
        assert all(len(line) <= columns for line in lines if LONG not in line)
        for job in jobs:
            short, name = job.id[-6:], job.job.filename
            line = [line for line in lines if line.startswith(f"{short}  ")][-1]  # a table is drawn again in the end
            assert line.split()[1] == JOBS[name]
            assert name in line or (name == LONG and re.search(r" quarter[^ ]*…[^ ]*\.csv", line))
            assert document(run("show", short, "--json"))["id"] == job.id
    assert ("Latest" in lines[0]) is (columns == 120)


@pytest.mark.parametrize("columns", [40, 80])
def test_sentences_end_at_words_and_what_a_script_printed_has_lines(
    stack: FakeStack, terminal: Terminal, columns: int
) -> None:
    stack.error = replace(stack.error, message=f"{stack.error.message}\r\n 1 %\r99 %\r\n\x1b[2Jred")
    job = stack.add("failed")
    job.change(input_text="of alice\nand bob")
    lines = terminal(columns, "show", job.id[-6:])
    assert all(len(line) <= columns for line in lines if job.id not in line)
    words = " ".join(line.strip() for line in lines)
    assert "Text       of alice and bob" in words
    assert f"exit code 3. {job.record['error']['advice']} The end of its stderr: cannot read line 7:" in words
    assert lines[-2:] == ["  99 %", "  \N{REPLACEMENT CHARACTER}[2Jred"]
    job.change(input_text="\nof alice")
    shown = terminal(columns, "show", job.id[-6:])
    assert shown[shown.index("Text") + 1] == "           of alice"


@pytest.mark.parametrize("columns", [30, 40])
def test_what_a_narrow_terminal_has_no_columns_for_stands_in_lines_below(
    stack: FakeStack, terminal: Terminal, columns: int
) -> None:
    job = stack.add("succeeded", LONG)
    lines = terminal(columns, "show", job.id)
    for fact in (job.id, LONG):
        assert any(line.strip() == fact for line in lines), "whole, below its title"
    for event in job.record["timeline"]:
        first = next(index for index, line in enumerate(lines) if line.split()[2:] == [event["event"]])
        words = " ".join(line.strip() for line in lines[first + 1 :])
        assert words.startswith(event["detail"])
    assert all(len(line) <= columns for line in lines if job.id not in line and LONG not in line)


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_a_hash_is_whole_in_one_line_on_any_terminal(stack: FakeStack, terminal: Terminal, columns: int) -> None:
    job = stack.add("succeeded")
    lines = terminal(columns, "verify", job.id)
    for name in ("input", "output"):
        assert any(job.manifest[name]["sha256"] in line.split() for line in lines)
    verdicts = [line.split() for line in lines]
    assert ["text", "ok"] in [each[:2] for each in verdicts]
    assert ["input", "not", "checked"] in [each[:3] for each in verdicts]
    assert any(each[:2] == ["What", "Verdict"] for each in verdicts) is (columns == 200)


def test_a_transfer_is_one_line_on_a_narrow_terminal(stack: FakeStack, terminal: Terminal) -> None:
    job = stack.add("succeeded", LONG)
    shown = [line.strip() for line in terminal(40, "verify", job.id) if "…" in line]
    assert shown
    for line in shown:
        assert line.startswith("quart")
        assert len(line) <= 40
        assert "bytes" in line


def test_a_pipe_gets_whole_ids_whole_sentences_and_no_blanks_at_their_end(run: Run, stack: FakeStack) -> None:
    job = stack.add("failed", LONG)
    shown = [run(*words) for words in (["jobs"], ["show", job.id], ["wait", job.id])]
    for done in shown:
        assert {job.id, "failed", LONG} <= set(done.stdout.split())
        assert [line for line in done.output.splitlines() if line != line.rstrip()] == []
    for text in (shown[1].stdout, shown[2].stderr):
        assert f"exit code 3. {job.record['error']['advice']}\n  The end of its stderr:\n" in text
