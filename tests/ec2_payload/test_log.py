"""What a script prints: kept on the machine up to a limit, passed on in part, and never a script held up by it.

Sources for the reader's limits: amazon-ssm-agent, iomodule/commandoutput.go (byte by byte, read whole at the end) and
cloudwatchlogsservice.go (four events of 200,000 bytes a second).
"""

from __future__ import annotations

import os
import pathlib
import re
import resource
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from ec2_payload.wrapper import kept_log, live_part
from ec2_payload.wrapper.kept_log import FIRST_BYTES, LAST_BYTES, KeptLog
from ec2_payload.wrapper.live_part import BURST_BYTES, BYTES_PER_SECOND, END_BYTES, TOTAL_BYTES, LivePart
from ec2_payload.wrapper.log import Log
from tests.ec2_payload.machine import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.ec2_payload.machine import Machine

MIB = 1 << 20
STDOUT, STDERR = 3, 4


class Reader:
    """Reads a log through a pipe, in a thread of its own."""

    def __init__(self) -> None:
        self._read_end, self.write_end = os.pipe()
        self._parts: list[bytes] = []
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while data := os.read(self._read_end, MIB):
            self._parts.append(data)
        os.close(self._read_end)

    def all(self) -> bytes:
        os.close(self.write_end)
        self._thread.join()
        return b"".join(self._parts)


class Printed:
    """A script's output with its own clock."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.now = 0.0
        self.kept = KeptLog(folder / "log.txt")
        self.reader = Reader()
        self.log = Log(self.reader.write_end)
        self.live = LivePart(self.log, self.kept, lambda: self.now)

    def print(self, data: bytes, stream: int = STDOUT) -> None:
        while data:
            block = self.kept.block()
            count = min(len(block), len(data))
            block[:count] = data[:count]
            self.kept.take(count)
            self.live.offer(stream, block[:count])
            data = data[count:]
        self.log.flush()

    def finish(self) -> bytes:
        self.live.finish()
        self.log.flush()
        self.kept.close()
        return self.reader.all()


@pytest.fixture
def printed(tmp_path: pathlib.Path) -> Iterator[Printed]:
    made = Printed(tmp_path)
    yield made
    made.kept.close()


def numbered(count: int, first: int = 0) -> bytes:
    """Lines of 100 bytes."""
    return b"".join(b"%099d\n" % number for number in range(first, first + count))


def test_what_is_within_the_limits_is_passed_on_unchanged(printed: Printed) -> None:
    data = b"".join((b"no end", numbered(100), "é\x00\r\n".encode(), b"last"))
    printed.print(data)
    assert printed.finish() == data
    assert printed.kept.path.read_bytes() == data


def test_beyond_the_burst_whole_lines_are_left_out_and_it_is_said_how_many_and_where_they_are(printed: Printed) -> None:
    printed.print(numbered(20_000))
    printed.now += 1
    printed.print(numbered(1, first=20_000))
    lines = printed.finish().decode().splitlines()
    (notice,) = (line for line in lines if line.startswith("[mayfly]"))
    passed = [int(line) for line in lines if line != notice]
    first = BURST_BYTES // 100
    assert passed == [*range(first), 20_000]
    assert lines.index(notice) == first
    size = (20_000 - first) * 100 / MIB
    assert notice.startswith(
        f"[mayfly] {size:.1f} MiB left out here: a live log takes 64.0 KiB a second, 32.0 MiB in all."
    )
    assert notice.endswith(str(printed.kept.path))
    assert printed.kept.path.read_bytes() == numbered(20_001)


def test_only_valid_utf8_is_passed_on(printed: Printed) -> None:
    """docs/ssm-agent.md: other bytes make the agent's request one that is no JSON."""
    printed.print(b"\xff" + "🦋".encode()[:2])
    printed.print("🦋".encode()[2:] + b"\xc3")
    printed.print(b"err\xc3", STDERR)
    assert printed.finish().decode() == "\ufffd🦋err\ufffd\ufffd"
    assert printed.kept.path.read_bytes() == b"\xff" + "🦋".encode() + b"\xc3err\xc3"


def test_so_much_is_passed_on_each_second(printed: Printed) -> None:
    printed.print(numbered(BURST_BYTES // 100))
    for second in range(1, 11):
        printed.now = second
        printed.print(numbered(10_000, first=second * 10_000))
    shown = printed.finish()
    expected = BURST_BYTES + 10 * BYTES_PER_SECOND + END_BYTES
    assert expected - 20_000 < len(shown) < expected + 2_000
    assert shown.endswith(b"%099d\n" % 109_999)


def test_a_line_whose_beginning_was_left_out_is_left_out_whole(printed: Printed) -> None:
    printed.print(b"x" * BURST_BYTES + b"torn ")
    printed.now += 1
    printed.print(b"apart\nwhole\n")
    printed.print(b"of another stream\n", STDERR)
    shown = printed.finish().splitlines()
    assert [line for line in shown if not line.startswith(b"[mayfly]")] == [
        b"x" * BURST_BYTES,
        b"whole",
        b"of another stream",
    ]


def test_a_full_live_log_says_so_once_and_has_the_last_lines_all_the_same(printed: Printed) -> None:
    second = numbered(BYTES_PER_SECOND // 100)
    for _ in range(TOTAL_BYTES // len(second) + 100):
        printed.now += 1
        printed.print(second)
    printed.print(b"the very end")
    shown = printed.finish()
    assert TOTAL_BYTES < len(shown) < TOTAL_BYTES + END_BYTES + 1_000
    assert shown.count(b"the live log is full") == 1
    assert shown.endswith(b"\nthe very end")
    assert re.findall(rb"\[mayfly\] .* left out here", shown)


def test_the_kept_log_has_the_first_and_the_last_part_and_never_more(
    printed: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_log, "SAVE_EVERY_S", 0)
    block = numbered(10_000)
    largest = 0
    for _ in range(60):
        printed.print(block)
        largest = max(largest, printed.kept.path.stat().st_size)
    printed.print(b"the very end")
    printed.finish()
    kept = printed.kept.path.read_bytes()
    everything = block * 60 + b"the very end"
    between = len(everything) - FIRST_BYTES - LAST_BYTES
    assert kept == (
        everything[:FIRST_BYTES]
        + f"\n[mayfly] {between / MIB:.1f} MiB are not kept\n".encode()
        + everything[-LAST_BYTES:]
    )
    assert largest <= FIRST_BYTES + LAST_BYTES + 100


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")  # noqa: PTH110
def test_a_full_disk_ends_the_kept_log_and_not_the_script(tmp_path: pathlib.Path) -> None:
    (tmp_path / "log.txt").symlink_to("/dev/full")
    printed = Printed(tmp_path)
    printed.print(b"shown\n")
    assert printed.finish() == b"shown\n"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is read from /proc")
def test_a_script_that_prints_nothing_takes_no_memory_for_its_log(tmp_path: pathlib.Path) -> None:
    def resident_bytes() -> int:
        return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()

    before = resident_bytes()
    kept = KeptLog(tmp_path / "log.txt")
    assert resident_bytes() - before < LAST_BYTES / 2
    kept.close()


def test_no_amount_of_output_takes_more_disk_or_memory(machine: Machine) -> None:
    command = machine.script(
        "#!/bin/sh\n"
        "yes 'a line of some length, as scripts print them' | head -c 157286400\n"  # 150 MiB
        "echo the very end\n"
        'wc -c <../log.txt >"$3"; grep VmHWM /proc/$PPID/status >>"$3"\n'
    )
    outcome = machine.run(machine.spec(command=command))
    assert outcome.code == 0, outcome
    kept_bytes, _, peak_kib, _ = machine.s3.objects["output"].split()
    assert int(kept_bytes) <= FIRST_BYTES + LAST_BYTES + 100
    assert int(peak_kib) < 64 << 10
    assert len(outcome.stdout) < TOTAL_BYTES
    assert b"the very end\n[mayfly] uploading" in outcome.stdout
    assert b" MiB left out here" in outcome.stdout
    assert list(machine.folder.iterdir()) == []


def test_a_script_does_not_wait_for_the_reader_of_its_log(machine: Machine, tmp_path: pathlib.Path) -> None:
    done = tmp_path / "done"
    command = machine.script(f"#!/bin/sh\nseq 1000000\necho error >&2\n: >'{done}'; : >\"$3\"\n")
    process = machine.start(*machine.arguments(machine.spec(command=command)))
    wait_until(done.exists)  # not a byte is read so far
    outcome = machine.finish(process)
    assert outcome.code == 0
    assert b"\n1000000\n" in outcome.stdout
    assert outcome.report["stderr_tail"] == "error\n"


def test_a_process_that_prints_without_end_does_not_hold_the_job_up(machine: Machine) -> None:
    command = machine.script('#!/bin/sh\nsetsid yes endless &\nyes error >&2 &\n: >"$3"\n')
    outcome = machine.run(machine.spec(command=command))
    assert outcome.code == 0, outcome
    assert len(outcome.stdout) < 4 * BURST_BYTES


def test_the_limits_stay_below_what_the_agent_sends_on() -> None:
    events_a_second, event_bytes = 4, 200_000  # maxNumberOfEventsPerCall, MessageLengthThresholdInBytes
    assert events_a_second * event_bytes / 2 > BYTES_PER_SECOND
    assert live_part.RESUME_BYTES < BYTES_PER_SECOND
