"""A machine's report of its attempt, sanitised in one place: a user's script ran there, and may have forged it.

Only known events and valid times are kept. Text is reduced to what UTF-8 can encode (JSON allows lone surrogates), and
nothing is longer than what the wrapper writes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from functions.jobs.clock import rfc3339
from functions.jobs.job import TimelineEvent
from functions.jobs.provenance import Reported

EVENTS = {
    "input_downloaded": "The machine has the file.",
    "script_started": "The script runs.",
    "script_finished": "The script has ended.",
    "output_uploaded": "The result is stored.",
}
# How far a machine's clock may be off: further, and AWS takes no call of its agent's, which must reach it "within five
# minutes of the time stamp" (IAM user guide, "AWS Signature Version 4 for API requests").
CLOCK_SKEW = timedelta(minutes=5)
# As ec2_payload/wrapper/report.py has them.
_MESSAGE_CHARS, _TAIL_CHARS = 600, 4_000
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z")
# Half a surrogate pair, and control characters other than tab and the ends of lines.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True)
class MachineReport:
    """`message` and `stderr_tail` are empty where the machine reported none, or in another form."""

    message: str = ""
    stderr_tail: str = ""
    events: tuple[TimelineEvent, ...] = ()
    reported: Reported = field(default_factory=Reported)

    @staticmethod
    def read(found: object) -> MachineReport:
        """Parses the wrapper's report (ec2_payload/README.md); anything else gives an empty report."""
        if not isinstance(found, Mapping):
            return MachineReport()
        return MachineReport(
            _text(found.get("message"))[:_MESSAGE_CHARS],
            _text(found.get("stderr_tail"))[-_TAIL_CHARS:].strip(),
            tuple(_events(found.get("events"))),
            Reported.read(found),
        )

    def within(self, launched_at: datetime, read_at: datetime) -> MachineReport:
        """This report without events from outside the machine's life, and with one event that says so."""
        earliest, latest = launched_at - CLOCK_SKEW, read_at + CLOCK_SKEW
        kept = tuple(each for each in self.events if earliest <= datetime.fromisoformat(each.at) <= latest)
        if len(kept) == len(self.events):
            return self
        note = TimelineEvent(
            "times_left_out", rfc3339(read_at), "The machine reported times outside its life: left out."
        )
        return replace(self, events=(*kept, note))


def _text(found: object) -> str:
    return _UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", found) if isinstance(found, str) else ""


def _events(listed: object) -> Iterator[TimelineEvent]:
    """Each kind once; the wrapper reports none twice."""
    seen = set()
    for entry in listed if isinstance(listed, list) else []:
        name, at = (entry.get("event"), entry.get("at")) if isinstance(entry, Mapping) else (None, None)
        if isinstance(name, str) and name in EVENTS and name not in seen and _is_time(at):
            seen.add(name)
            yield TimelineEvent(name, str(at), EVENTS[name])


def _is_time(found: object) -> bool:
    if not isinstance(found, str) or not _TIME.fullmatch(found):
        return False
    try:
        datetime.fromisoformat(found)
    except ValueError:  # such as the 30th of February
        return False
    return True
