"""The account's root user: one key with a secret of this run, checked like any other.

Upstream MiniStack takes the key id `test`, and any account number, for root, and never looks at their signatures; a
script on a machine could make itself root by naming one of them.
"""

from __future__ import annotations

from ministack.core import iam_evaluator
from ministack.services import sts

from localcloud.emulator.settings import ACCOUNT_ID, ROOT_ACCESS_KEY_ID


def install(secret: str) -> None:
    iam_evaluator.is_root_access_key = _is_internal
    iam_evaluator._is_root_key = _is_internal
    sts.register_session(
        ROOT_ACCESS_KEY_ID,
        {"Arn": f"arn:aws:iam::{ACCOUNT_ID}:root", "UserId": ACCOUNT_ID, "SecretAccessKey": secret},
    )


def _is_internal(access_key_id: str) -> bool:
    """Only calls that MiniStack makes to itself have no key; a request without one is refused as anonymous."""
    return not access_key_id
