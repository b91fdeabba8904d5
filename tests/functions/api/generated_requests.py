"""Requests that schemathesis makes up from the API's own description, sent one after the other, with all its checks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import schemathesis
from schemathesis.engine import events, from_schema

# What a description cannot say is refused with these: a name's or text's content, a size over the stack's own limit,
# what an owner has used up.
_ANSWERS_TO_VALID_DATA = ["2xx", "400", "401", "403", "404", "409", "413"]
_ANSWERS_TO_INVALID_DATA = ["400", "401", "404", "405", "409", "413", "422"]


def settings(
    token: str, examples: int, job_ids: list[str], *, thorough: bool = True, without: Sequence[str] = (), seed: int = 1
) -> schemathesis.Config:
    """The same requests at every run.

    Args:
        token: goes along with every request, but those that are to find out what is answered without.
        examples: how many cases are drawn for each operation, beside those that are worked out from the description.
        job_ids: are put into half of the requests that take one.
        thorough: whether every edge of the description is tried, beside what is drawn.
        without: checks to leave out.
        seed: what the draws follow from.
    """
    return schemathesis.Config.from_dict(
        {
            "seed": seed,
            "workers": 1,
            "continue-on-failure": True,
            "auth": {"openapi": {"bearer": {"bearer": token}}},
            "dictionaries": {"jobs": {"values": job_ids}},
            "parameters": {"path.job_id": {"dictionary": "jobs", "probability": 0.5}},
            "cache": {"enabled": False},
            "phases": {"coverage": {"enabled": thorough}},
            "generation": {"max-examples": examples, "deterministic": True, "database": "none"},
            "checks": {
                "enabled": True,
                "positive_data_acceptance": {"expected-statuses": _ANSWERS_TO_VALID_DATA},
                "negative_data_rejection": {"expected-statuses": _ANSWERS_TO_INVALID_DATA},
                **{check: {"enabled": False} for check in without},
            },
        }
    )


@dataclass
class Found:
    """What was sent and answered, and what schemathesis found to be wrong with it, once each."""

    exchanges: list[tuple[str, str]] = field(default_factory=list)
    faults: dict[str, None] = field(default_factory=dict)


def send_all(schema: Any) -> Found:
    found = Found()
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            found.exchanges += _exchanges(event)
            found.faults |= dict.fromkeys(_failures(event))
        elif isinstance(event, events.NonFatalError):
            found.faults[f"{event.label}: {event.value!r}"] = None
        elif isinstance(event, events.FatalError):
            raise event.exception
    return found


def _exchanges(event: events.ScenarioFinished) -> list[tuple[str, str]]:
    return [
        (f"{each.request.method} {unquote(each.request.uri)} {each.request.body!r}", each.response.text)
        for each in event.recorder.interactions.values()
        if each.response is not None
    ]


def _failures(event: events.ScenarioFinished) -> list[str]:
    recorder = event.recorder
    return [
        f"{recorder.cases[case_id].value.operation.label}: {check.name}: {check.failure_info.failure}\n"
        f"{check.failure_info.code_sample}"
        for case_id, checks in recorder.checks.items()
        for check in checks
        if check.failure_info is not None
    ]
