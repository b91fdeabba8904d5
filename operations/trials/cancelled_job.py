"""A job that is cancelled as soon as it is submitted, when its machine is just being launched."""

from __future__ import annotations

import time

from operations.job_client import JobClient
from operations.trials.trial import Check, Timeouts, Trial, cleaned_up, once, receipt, unconfirmed


def cancelled_job(client: JobClient, timeouts: Timeouts) -> Trial:
    """As `whole_job`. A job without a machine is watched for a while, for one that comes late.

    Raises:
        JobApiError: the API or the storage refused a request.
        TimeoutError: the job did not end in time.
    """
    job = client.submit(b"cancelled", "cancelled.txt", "Nothing is made of it.")
    started = time.monotonic()
    client.cancel(job["id"])
    yield Check("cancel", True, f"job {job['id']}, {time.monotonic() - started:.1f} s after it was submitted")
    job = client.wait(job["id"], timeouts.job)
    yield Check("status", job["status"] == "cancelled", job["status"])
    job = once(client, job["id"], timeouts.cancelled, lambda each: bool(each["machines"]))
    job = once(client, job["id"], timeouts.machine, lambda each: not unconfirmed(each))
    yield receipt(job) if job["machines"] else Check("receipt", True, "it had no machine")
    yield cleaned_up(client, job)
