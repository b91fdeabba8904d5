"""What the wrapper hands back: its exit code and one line of JSON."""

from __future__ import annotations

import datetime as dt
import enum
import json
import re
import sys
from typing import Any

REPORT_VERSION = 1
MAX_REPORT_CHARACTERS = 7500
"""With its newline. GetCommandInvocation returns the first 8,000 characters of standard error."""
STDERR_TAIL_CHARACTERS = 4000
MAX_MESSAGE_CHARACTERS = 600


class ExitCode(enum.IntEnum):
    """The wrapper's exit codes. Ended by a signal, it exits with 128 + the signal's number instead."""

    SUCCESS = 0
    SCRIPT_FAILED = 10
    SCRIPT_TIMED_OUT = 11
    NO_OUTPUT = 12
    OUTPUT_TOO_LARGE = 13
    SCRIPT_NOT_STARTED = 14
    SPEC_UNUSABLE = 20
    INPUT_UNAVAILABLE = 21
    OUTPUT_NOT_UPLOADED = 30
    UPLOAD_URL_EXPIRED = 31
    DISK_FULL = 40
    INTERNAL = 70


class JobError(Exception):
    """Ends the job with this exit code and a message in plain words."""

    def __init__(self, code: ExitCode, message: str) -> None:
        super().__init__(message)
        self.code = code


def now() -> str:
    """The time in RFC 3339, UTC, with milliseconds."""
    return dt.datetime.now(dt.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def without_secrets(text: str) -> str:
    """The text without the query of any URL: a presigned URL's query is a credential."""
    return re.sub(r"\?[^\s'\"<>]+", "?(removed)", text)


class Report:
    """Collected while the job runs; the fields are described in README.md."""

    def __init__(self) -> None:
        self.fields: dict[str, Any] = {
            "version": REPORT_VERSION,
            "stage": "spec",
            "exit_code": None,
            "signal": None,
            "timed_out": False,
            "stderr_tail": "",
            "message": "",
            "input": None,
            "output": None,
            "events": [],
            "python": ".".join(map(str, sys.version_info[:3])),
        }

    def event(self, name: str) -> None:
        self.fields["events"].append({"event": name, "at": now()})

    def line(self) -> str:
        """One line of ASCII with its newline, `MAX_REPORT_CHARACTERS` at most; the start of `stderr_tail` gives way."""
        fields = dict(self.fields, message=without_secrets(self.fields["message"])[:MAX_MESSAGE_CHARACTERS])
        tail = fields["stderr_tail"][-STDERR_TAIL_CHARACTERS:]
        room = MAX_REPORT_CHARACTERS - len(json.dumps(dict(fields, stderr_tail="")) + "\n")
        return json.dumps(dict(fields, stderr_tail=_end_that_fits(tail, room))) + "\n"


def _end_that_fits(text: str, room: int) -> str:
    """The longest end of the text that takes at most `room` characters inside a JSON string."""
    for index in range(len(text) - 1, -1, -1):
        room -= len(json.dumps(text[index])) - 2
        if room < 0:
            return text[index + 1 :]
    return text
