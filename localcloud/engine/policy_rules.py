"""What IAM demands of a policy document and the emulator does not check.

From "IAM JSON policy elements reference" and "IAM and AWS STS quotas" in the IAM user guide.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.engine.errors import ServiceRuleError
from localcloud.engine.inputs import json_text

_VERSIONS = {"2012-10-17", "2008-10-17"}
_SID = re.compile(r"[A-Za-z0-9]*")
_ELEMENTS = {
    *("Sid", "Effect", "Condition"),
    *("Action", "NotAction", "Resource", "NotResource", "Principal", "NotPrincipal"),
}


@dataclass(frozen=True)
class PolicyKind:
    """Where a policy stands: its size limit in characters without white space, and what its statements name."""

    limit: int
    named: str
    not_named: str


IDENTITY = PolicyKind(10_240, named="Resource", not_named="Principal")
TRUST = PolicyKind(2_048, named="Principal", not_named="Resource")


def checked_policy(document: str | Mapping[str, Any], kind: PolicyKind) -> str:
    """The document's text.

    Raises:
        ServiceRuleError: IAM would call it malformed or too long.
    """
    text = json_text(document)
    problems = list(_problems(text, kind))
    if problems:
        raise ServiceRuleError(f"IAM would refuse this policy: {'; '.join(problems)}")
    return text


def _problems(text: str, kind: PolicyKind) -> Iterator[str]:
    try:
        policy = json.loads(text)
    except ValueError as error:
        yield f"not JSON ({error})"
        return
    size = len(re.sub(r"\s", "", text))
    if size > kind.limit:
        yield f"{size} characters, but {kind.limit} is the limit"
    if policy.get("Version") not in _VERSIONS:
        yield f"Version {policy.get('Version')!r} is not one of {', '.join(sorted(_VERSIONS))}"
    given = policy.get("Statement")
    statements = given if isinstance(given, list) else [given]
    if not given:
        yield "no Statement"
        return
    for index, statement in enumerate(statements):
        for problem in _statement_problems(statement, kind):
            yield f"Statement {statement.get('Sid', index)}: {problem}"
    sids = [statement["Sid"] for statement in statements if statement.get("Sid")]
    if len(sids) != len(set(sids)):
        yield f"a Sid is used twice among {', '.join(sids)}"


def _statement_problems(statement: Mapping[str, Any], kind: PolicyKind) -> Iterator[str]:
    unknown = set(statement) - _ELEMENTS
    if unknown:
        yield f"no such element: {', '.join(sorted(unknown))}"
    if not _SID.fullmatch(statement.get("Sid", "")):
        yield "a Sid is made of letters and digits"
    if statement.get("Effect") not in ("Allow", "Deny"):
        yield f"Effect {statement.get('Effect')!r} is neither Allow nor Deny"
    for element in ("Action", kind.named):
        present = [name for name in (element, f"Not{element}") if statement.get(name)]
        if len(present) != 1:
            yield f"needs {element} or Not{element}, one of them and not empty"
    if kind.not_named in statement or f"Not{kind.not_named}" in statement:
        yield f"{kind.not_named} has no place here"
