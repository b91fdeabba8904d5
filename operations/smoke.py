"""`python -m operations.smoke URL` tries a deployed stack with real jobs, and checks all that they leave.

It uses the public API alone, so it works the same against AWS and against the local cloud.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from urllib.parse import urlsplit

import httpx2 as httpx

from operations.job_client import JobApiError, JobClient
from operations.trials.burst import burst
from operations.trials.cancelled_job import cancelled_job
from operations.trials.chatty_job import chatty_job
from operations.trials.trial import Timeouts, Trial
from operations.trials.whole_job import whole_job

TOKEN = "MAYFLY_TOKEN"  # noqa: S105 - the name of a variable
LOCAL_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
LOCAL_USER = "alice"
TRIALS: Mapping[str, Callable[[JobClient, Timeouts, argparse.Namespace], Trial]] = {
    "job": lambda client, timeouts, options: whole_job(client, timeouts, own_script=options.own_script),
    "cancelled": lambda client, timeouts, _: cancelled_job(client, timeouts),
    "burst": lambda client, timeouts, options: burst(client, timeouts, options.jobs),
    "chatty": lambda client, timeouts, options: chatty_job(client, timeouts, options.megabytes),
}
DEFAULT_TRIALS = ("job", "cancelled")


def sign_in(url: str, environment: Mapping[str, str]) -> JobClient:
    """A client with the token of the environment, or one of the local cloud's user, or without any.

    Raises:
        JobApiError: the local cloud refused its own user.
    """
    token = environment.get(TOKEN, "").strip()
    if token:
        return JobClient(url, token=lambda: token)
    if urlsplit(url).hostname not in LOCAL_HOSTS:
        return JobClient(url)
    try:
        return JobClient(url, user=LOCAL_USER)
    except JobApiError as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
        return JobClient(url)  # a local stack without sign-in has no tokens


def main(
    argv: Sequence[str],
    environment: Mapping[str, str] = os.environ,
    connect: Callable[[str, Mapping[str, str]], JobClient] = sign_in,
) -> int:
    """Exit code 0 when every check is fine, 1 when one is not or a job could not be run."""
    options = _parser().parse_args(argv)
    started = time.monotonic()
    try:
        with connect(options.url, environment) as client:
            for check in _checks(client, options):
                _print("ok  " if check.is_fine else "FAIL", check.name, check.seen)
                if not check.is_fine:
                    _print("", "", "The job stays as it is, for a look; docs/troubleshooting.md says where.")
                    return 1
    except JobApiError as error:
        _print("FAIL", "request", f"{error}{_remedy(error)}")
        return 1
    except (TimeoutError, httpx.HTTPError, httpx.InvalidURL) as error:
        _print("FAIL", "request", f"{type(error).__name__}: {error}")
        return 1
    _print("ok  ", "smoke", f"all of it in {time.monotonic() - started:.0f} s")
    return 0


def _checks(client: JobClient, options: argparse.Namespace) -> Trial:
    timeouts = Timeouts(options.job_seconds, options.machine_seconds, options.cancelled_seconds)
    for trial in options.trial or DEFAULT_TRIALS:
        yield from TRIALS[trial](client, timeouts, options)


def _remedy(error: JobApiError) -> str:
    if error.status not in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return ""
    return f"\n      {TOKEN} has to be an access token of this stack's user pool, at most 15 minutes old."


def _print(verdict: str, name: str, seen: str) -> None:
    sys.stdout.write(f"{verdict:4}  {name:9}  {seen}\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m operations.smoke",
        description=f"Tries a stack with real jobs. {TOKEN} in the environment signs in.",
    )
    parser.add_argument("url", metavar="URL", help="of the site: pulumi stack output site_url")
    parser.add_argument(
        "--trial",
        action="append",
        choices=TRIALS,
        help="a whole job; one cancelled at once; many at a time; one that prints a lot (the stack runs "
        f"examples/chatty). Can be repeated; {' and '.join(DEFAULT_TRIALS)} if none is named",
    )
    parser.add_argument("--jobs", type=_positive, default=10, help="of a burst (%(default)d)")
    parser.add_argument("--megabytes", type=_positive, default=200, help="that a chatty job prints (%(default)d)")
    parser.add_argument("--own-script", action="store_true", help="the stack runs another script: compare no output")
    parser.add_argument("--job-seconds", type=float, default=Timeouts.job, help="time-out of a job (%(default)g)")
    parser.add_argument(
        "--machine-seconds", type=float, default=Timeouts.machine, help="time-out of its machine's end (%(default)g)"
    )
    parser.add_argument(
        "--cancelled-seconds",
        type=float,
        default=Timeouts.cancelled,
        help="how long to watch a cancelled job for a machine (%(default)g)",
    )
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return number


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
