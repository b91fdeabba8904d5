"""A job whose script prints far more than a log keeps: a stack with examples/chatty."""

from __future__ import annotations

import time

from operations.job_client import JobClient
from operations.trials.trial import Check, Timeouts, Trial, cleaned_up, once, receipt, succeeded, unconfirmed


def chatty_job(client: JobClient, timeouts: Timeouts, megabytes: int) -> Trial:
    """As `whole_job`.

    Raises:
        JobApiError: the API or the storage refused a request.
        TimeoutError: the job did not end in time.
    """
    job = client.submit(b"", "chatty.txt", str(megabytes))
    started = time.monotonic()
    yield Check("submit", True, f"job {job['id']}, told to print {megabytes} MB")
    job = client.wait(job["id"], timeouts.job)
    yield succeeded(job)
    output, expected = client.output(job["id"]), f"{megabytes} MB printed\n".encode()
    yield Check(
        "output",
        output == expected,
        f"{output.decode(errors='replace').strip()}, {time.monotonic() - started:.0f} s after the submission"
        if output == expected
        else f"{output[:200]!r}: the stack does not run examples/chatty",
    )
    lines = client.log(job["id"])["lines"]
    yield Check("log", bool(lines), f"it begins: {lines[0]['text'][:60]}" if lines else "it is empty")
    job = once(client, job["id"], timeouts.machine, lambda each: not unconfirmed(each))
    yield receipt(job)
    yield cleaned_up(client, job)
