from __future__ import annotations

from unittest.mock import ANY

import pytest

from functions.aws.machine_log import CloudWatchMachineLog
from functions.jobs.ports import LogPage
from tests.functions.aws.stubbed import stubbed


def read(messages: list[str], after: str | None = None, token: str | None = None) -> LogPage:
    """A page of a log that has these events; `token` is the one that CloudWatch is to be asked with."""
    client, stub = stubbed("logs")
    events = [{"timestamp": 1_769_850_902_345, "message": message, "ingestionTime": 0} for message in messages]
    wanted = {"logGroupName": "group", "logStreamName": "c-1/i-1/aws-runShellScript/stdout"}
    wanted |= {"startFromHead": ANY, "limit": ANY, **({"nextToken": token} if token else {})}
    stub.add_response("get_log_events", {"events": events, "nextForwardToken": "f/1"}, wanted)
    return CloudWatchMachineLog(client, "group").read("c-1", "i-1", after)


def texts(*messages: str) -> list[str]:
    return [line.text for line in read(list(messages)).lines]


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        ("a\tb", "a\tb"),
        ("Grüße 🦋", "Grüße 🦋"),
        ("\x00\x1b[31mred\x7f\r", "��[31mred�"),
        ("half \ud83e a pair", "half \N{REPLACEMENT CHARACTER} a pair"),
    ],
)
def test_what_is_not_utf_8_is_replaced(printed: str, shown: str) -> None:
    (line,) = read([printed]).lines
    assert (line.at, line.text) == ("2026-01-31T09:15:02.345Z", shown)


def test_an_event_of_the_agents_is_read_line_by_line() -> None:
    """cloudwatchlogsservice.go, getNextMessage and buildEventInfo: joined lines, the last newline mostly kept."""
    assert texts("one\ntwo\n", "three\n\nfour\n", "five\nsix") == ["one", "two", "three", "", "four", "five", "six"]
    assert texts("\n", "windows\r\n") == ["", "windows"]


def test_a_line_that_overwrites_itself_is_shown_as_its_last_state() -> None:
    """The agent leaves lone carriage returns as they are (torchx 424: 300 of them)."""
    progress = "".join(f"\r{percent} %" for percent in range(101))
    assert texts(f"before\n{progress}\nafter\n", f"{progress}\r") == ["before", "100 %", "after", "100 %"]


def test_pages_are_bounded_in_bytes_and_lose_no_line() -> None:
    event = "".join(f"{number}\n" for number in range(30_000))
    pages, after = [read([event, "last\n"])], None
    while (after := pages[-1].next_token) != "f/1":
        pages.append(read([event, "last\n"], after))
        assert len(pages) < 20
    assert [line.text for page in pages for line in page.lines] == [*map(str, range(30_000)), "last"]
    assert max(sum(len(line.text) + 90 for line in page.lines) for page in pages) <= 1_000_000


def test_a_page_that_was_cut_is_read_on_from_where_it_began() -> None:
    assert [line.text for line in read(["a\nb\nc\n"], "f/7~2", "f/7").lines] == ["c"]
    assert read(["a\n"], "f/7", "f/7").next_token == "f/1"


def test_one_line_larger_than_a_page_is_a_page() -> None:
    assert [len(line.text) for line in read(["🦋" * 300_000 + "\n"]).lines] == [300_000]
