"""What a machine says, and a script may have said in its place."""

from __future__ import annotations

import json

import pytest

from functions.api.caller import Auth
from functions.aws.job_items import from_item, to_item
from functions.execution.machine_report import EVENTS, MachineReport
from functions.execution.ports import CommandState
from tests.functions.api.test_owners import ALICE, Gateway, claims
from tests.functions.jobs.test_hostile_reports import recorded

AT = "2026-01-31T09:15:09.000Z"
# As JSON, since that is what a machine writes: json.loads takes all of these.
FORGED = [
    r'{"message": "half \ud800 a pair", "stderr_tail": "\udfff", "python": "\ud800"}',
    r'{"message": "\u0000", "stderr_tail": "a\u0000b\u001b[31m"}',
    '{"message": {"nested": ["deep"]}, "stderr_tail": [[[]]], "events": {"event": 1}}',
    '{"message": NaN, "stderr_tail": Infinity, "input": {"size": NaN, "sha256": 1e999}}',
    f'{{"message": {"9" * 4_000}, "output": {{"size": {"9" * 4_000}, "sha256": "{"a" * 64}"}}}}',
    '{"events": [{"event": [], "at": []}, {"event": {}, "at": {}}, {"event": null}, [], 1, "x"]}',
    '{"events": [{"event": "script_started", "at": "2026-02-30T09:15:09Z"}]}',
    r'{"events": [{"event": "\ud800", "at": "2026-01-31T09:15:09Z"}]}',
    r'{"events": [{"event": "script_started", "at": "\u0662\u0660\u0662\u0666-01-31T09:15:09Z"}]}',
    '{"message": "' + "x" * 20_000 + '", "stderr_tail": "' + "y" * 20_000 + '"}',
]


pytestmark = pytest.mark.usefixtures("event_loop")


@pytest.mark.parametrize("report", FORGED)
def test_whatever_a_machine_says_its_job_is_answered_in_the_list(report: str) -> None:
    job = recorded(CommandState("Failed", 10, json.loads(report)), ALICE)
    gateway = Gateway(Auth.COGNITO)
    gateway.jobs.add(from_item(to_item(job)))
    answer = gateway.send("GET /jobs", claims(ALICE))
    assert answer.status == 200
    assert answer.body["jobs"][0]["error"]["code"] == "script_failed"
    assert len(json.dumps(answer.body)) < 16_000


def test_text_is_kept_but_for_what_no_store_can_carry() -> None:
    said = MachineReport.read({"message": "a\x00b", "stderr_tail": "\ud800é\tü\r\n\x1b[0m\n"})
    assert (said.message, said.stderr_tail) == ("a�b", "�é\tü\r\n�[0m")


def test_a_text_of_another_kind_says_nothing() -> None:
    others: tuple[object, ...] = (None, 7, float("nan"), True, ["words"], {"words": 1})
    for other in others:
        assert MachineReport.read({"message": other, "stderr_tail": other}) == MachineReport()


def test_no_report_says_nothing() -> None:
    others: tuple[object, ...] = (None, [], "report", 7)
    for other in others:
        assert MachineReport.read(other) == MachineReport()


def test_each_kind_of_event_is_taken_over_once_with_words_of_ours() -> None:
    listed = [{"event": name, "at": AT, "detail": "<b>"} for name in EVENTS for _ in range(50)]
    told = MachineReport.read({"events": listed}).events
    assert [(each.event, each.at, each.detail) for each in told] == [(name, AT, EVENTS[name]) for name in EVENTS]
