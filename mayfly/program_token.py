"""The access token of a program's own: a variable has it, or a command that prints one."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable, Mapping

from mayfly.errors import SignInProblem, UsageProblem

TOKEN_VARIABLE = "MAYFLY_TOKEN"  # noqa: S105 - a name
COMMAND_VARIABLE = "MAYFLY_TOKEN_COMMAND"
COMMAND_SECONDS = 60.0
# What a header may carry; a JWT has nothing else (RFC 6750, section 2.1).
_TOKEN = re.compile(r"[\x21-\x7e]+")


def program_token(environ: Mapping[str, str]) -> Callable[[], str] | None:
    """What gives the token, or a new one each time where a command prints it; None where neither is set.

    Raises:
        UsageProblem: both are set, or the token is none. No message has the token.
    """
    token, command = environ.get(TOKEN_VARIABLE, "").strip(), environ.get(COMMAND_VARIABLE, "").strip()
    if token and command:
        raise UsageProblem(f"{TOKEN_VARIABLE} and {COMMAND_VARIABLE} are both set. Unset one of the two.")
    if command:
        return lambda: _printed(command)
    if not token:
        return None
    if not _TOKEN.fullmatch(token):
        raise UsageProblem(f"{TOKEN_VARIABLE} has characters that no access token has. Set it again, on one line.")
    return lambda: token


def _printed(command: str) -> str:
    try:
        done = subprocess.run(
            shlex.split(command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False, timeout=COMMAND_SECONDS
        )
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageProblem(f"The command in {COMMAND_VARIABLE} cannot be started: {reason}.") from error
    except subprocess.TimeoutExpired as error:
        raise SignInProblem(f"The command in {COMMAND_VARIABLE} took over {COMMAND_SECONDS:g} s.") from error
    token = done.stdout.decode("ascii", "replace").strip()
    if done.returncode:
        raise SignInProblem(f"The command in {COMMAND_VARIABLE} failed with exit code {done.returncode}.")
    if not _TOKEN.fullmatch(token):
        raise SignInProblem(f"The command in {COMMAND_VARIABLE} has to print one access token and nothing else.")
    return token
