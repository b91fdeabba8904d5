"""Events as amazon-ssm-agent makes them (cloudwatchlogsservice.go: getNextMessage, buildEventInfo)."""

from __future__ import annotations

import pytest

from localcloud.emulator.ssm.command_output import EVENT_BYTES, events_of, message_of


def test_lines_are_joined_up_to_the_size_of_an_event() -> None:
    line = b"x" * 99_999 + b"\n"
    assert events_of(line * 5, is_complete=False) == [line * 2, line * 2, line]


def test_an_unfinished_line_waits_until_the_output_is_complete() -> None:
    assert events_of(b"one\ntwo", is_complete=False) == [b"one\n"]
    assert events_of(b"\r10 %\r20 %", is_complete=False) == []
    assert events_of(b"one\ntwo", is_complete=True) == [b"one\ntwo"]


def test_a_line_larger_than_an_event_goes_in_pieces() -> None:
    assert [*map(len, events_of(b"x" * 450_000, is_complete=False))] == [EVENT_BYTES, EVENT_BYTES]
    assert [*map(len, events_of(b"x" * 450_000, is_complete=True))] == [EVENT_BYTES, EVENT_BYTES, 50_000]


def test_one_call_takes_four_events() -> None:
    assert [*map(len, events_of(b"x" * 1_000_000, is_complete=True))] == [EVENT_BYTES] * 4


@pytest.mark.parametrize(
    ("event", "running", "complete"),
    [(b"a\n", "a\n", "a"), (b"a\r\n\r\n", "a\n\n", "a\n"), (b"1\r2\r\n", "1\r2\n", "1\r2"), (b"\n", "\n", "")],
)
def test_a_message_has_unix_line_endings_and_keeps_its_last_newline_while_the_command_runs(
    event: bytes, running: str, complete: str
) -> None:
    assert message_of(event, is_complete=False) == running
    assert message_of(event, is_complete=True) == complete
