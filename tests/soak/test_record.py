from __future__ import annotations

import time

from soak.journey import Record, SoakJob


def test_an_answer_5xx_that_no_restart_explains_is_a_problem() -> None:
    record = Record()
    record.lost.append((time.monotonic(), "GET: 502 before"))
    with record.restart():
        record.lost.append((time.monotonic(), "GET: 502 meanwhile"))
    record.lost.append((time.monotonic(), "GET: 502 soon after"))
    record.lost.append((time.monotonic() + 3600, "GET: 502 long after"))
    record.lost.append((time.monotonic() + 3600, "ReadTimeout('timed out')"))
    assert record.unexplained() == ["GET: 502 before", "GET: 502 long after"]


def test_a_restart_of_the_emulator_interrupts_the_jobs_that_have_not_ended() -> None:
    record = Record([SoakJob("a", "open", b"", "succeeded"), SoakJob("a", "ended", b"", "succeeded", has_ended=True)])
    record.interrupt()
    assert [job.id for job in record.jobs if job.interrupted] == ["open"]
