"""What owners do with their jobs, drawn from one seed: the same seed makes the same plans."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

FAILS, SLOW = "fail:", "slow:"  # how a text begins for which soak/payload/append.sh fails, or takes three seconds
_LETTERS = "abcdefghijklmnopqrstuvwxyz äöüß€ 漢字 🦋\n"
_MOST_BYTES = 4 * 1024
_MOST_CANCEL_SECONDS = 6.0


@dataclass(frozen=True)
class JobPlan:
    """One job, and what its owner does with it.

    Attributes:
        fails: the script ends with exit code 3.
        submit_twice: sends the same POST /jobs once more, which answers the same job.
        delete_early: asks for a deletion while the job is open, which is refused.
        cancel_after: seconds after the submission.
        delete_after_cancel: asks for a deletion at once after that; refused while the machine lives.
        retries: how often the job is tried again if it was cancelled or has failed.
        copy_text: text of a second job with a copy of this one's file.
        delete: once it has ended and its machines too.
    """

    number: int
    owner: str
    content: bytes
    text: str
    fails: bool
    submit_twice: bool
    delete_early: bool
    cancel_after: float | None
    delete_after_cancel: bool
    retries: int
    copy_text: str | None
    delete: bool


def make_plans(seed: int, jobs: int, owners: Sequence[str]) -> list[JobPlan]:
    """In the order of submission; owners take turns."""
    rng = random.Random(f"{seed}/jobs")  # noqa: S311 - replayable, no secret
    return [_plan(rng, number, owners[number % len(owners)]) for number in range(jobs)]


def expected_output(content: bytes, text: str) -> bytes:
    """The input, a newline if it lacks one, and the text."""
    newline = b"\n" if content and not content.endswith(b"\n") else b""
    return content + newline + text.encode()


def _plan(rng: random.Random, number: int, owner: str) -> JobPlan:
    fails, slow = _chance(rng, 0.12), _chance(rng, 0.2)
    cancelled = _chance(rng, 0.25)
    return JobPlan(
        number=number,
        owner=owner,
        content=rng.randbytes(rng.randrange(_MOST_BYTES)) + rng.choice([b"", b"\n"]) if _chance(rng, 0.9) else b"",
        text=(FAILS if fails else SLOW if slow else "") + _text(rng),
        fails=fails,
        submit_twice=_chance(rng, 0.1),
        delete_early=slow and not fails and _chance(rng, 0.5),
        cancel_after=rng.uniform(0, _MOST_CANCEL_SECONDS) if cancelled else None,
        delete_after_cancel=_chance(rng, 0.3),
        retries=rng.randrange(3),
        copy_text=_text(rng) if _chance(rng, 0.1) else None,
        delete=_chance(rng, 0.3),
    )


def _chance(rng: random.Random, share: float) -> bool:
    return rng.random() < share


def _text(rng: random.Random) -> str:
    return "text " + "".join(rng.choices(_LETTERS, k=rng.randrange(1, 200)))
