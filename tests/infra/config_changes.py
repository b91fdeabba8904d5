"""What changing one setting of a deployed stack does to its resources: the table of docs/settings.md.

`make settings-table` writes it anew; tests/infra/test_config_changes.py compares it, row by row.
"""

from __future__ import annotations

import functools
import json
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from localcloud.engine.deployment import Deployment, preview
from tests.infra.changes import Change, changes

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "settings.md"
STACK = "dev"
STEPS = ("update", "create", "replace", "delete")
_TABLE = re.compile(r"(?<=<!-- begin settings -->\n).*?(?=<!-- end settings -->)", re.DOTALL)
_MOST_NAMES = 3
# Without these there are no jobs, files, users, logs or failed records any more.
HOLDING_DATA = {
    "aws:cloudwatch/logGroup:LogGroup",
    "aws:cognito/userPool:UserPool",
    "aws:dynamodb/table:Table",
    "aws:s3/bucket:Bucket",
    "aws:sqs/queue:Queue",
}


@dataclass(frozen=True)
class NewValue:
    """`beside` is what has to be set along with it, and `before` what the stack has already."""

    value: str
    beside: Mapping[str, str] = field(default_factory=dict)
    before: Mapping[str, str] = field(default_factory=dict)


_PRICES = ["t4g.small on-demand 0.02", "t4g.medium on-demand 0.04", "m6g.medium on-demand 0.05"]
_CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/1a2b3c"
_OTHER_CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/4d5e6f"
_DOMAIN = {"domainName": "jobs.example.org", "domainCertificate": _CERTIFICATE}
# Every key of Pulumi.yaml.
SETTINGS: Mapping[str, NewValue] = {
    "auth": NewValue("none"),
    "mfa": NewValue("required"),
    "architecture": NewValue("x86_64", {"instanceTypes": '["t3.small"]'}),
    "functionRuntime": NewValue("python3.12"),
    "bundleFor": NewValue("lambda"),
    "instanceTypes": NewValue('["t4g.medium"]'),
    "allowedInstanceTypes": NewValue('["c7g.xlarge"]'),
    "markets": NewValue('["spot", "on-demand"]'),
    "machineDiskGib": NewValue("20"),
    "machineImageParameter": NewValue("/our/image"),
    "payloadFolder": NewValue("examples/word_statistics", {"script": '["./report.py"]'}),
    "script": NewValue('["./script.py", "--verbose"]'),
    "outputSuffix": NewValue(".html"),
    "maxUploadMib": NewValue("2000"),
    "jobTimeoutMinutes": NewValue("90"),
    "maxJobTimeoutMinutes": NewValue("240"),
    "bootTimeoutMinutes": NewValue("6"),
    "queueTimeoutMinutes": NewValue("90"),
    "maxAttempts": NewValue("2"),
    "maxOpenJobsPerOwner": NewValue("10"),
    "maxOwnerUploadGibPerDay": NewValue("1"),
    "maxConcurrentJobs": NewValue("60"),
    "poolSize": NewValue("2"),
    "prices": NewValue(json.dumps(_PRICES)),
    "diskPrice": NewValue("0.1"),
    "addressPrice": NewValue("0.006"),
    "maxJobUsd": NewValue("2"),
    "maxOwnerUsdPerDay": NewValue("20"),
    "maxStackUsdPerDay": NewValue("100"),
    "keepDays": NewValue("9"),
    "protect": NewValue("true"),
    "pointInTimeRecovery": NewValue("true"),
    "versioning": NewValue("true"),
    "noncurrentDays": NewValue("9", before={"versioning": "true"}),
    "logRetentionDays": NewValue("14"),
    "monitoring": NewValue("true"),
    "alarmEmail": NewValue("team@example.org", before={"monitoring": "true"}),
    "monthlyBudgetUsd": NewValue("50"),
    "notify": NewValue("true"),
    "tracing": NewValue("true"),
    "vpcCidr": NewValue("10.74.0.0/16"),
    "extraOrigins": NewValue('["https://example.org"]'),
    "domainName": NewValue("jobs.example.org", {"domainCertificate": _CERTIFICATE}),
    "domainCertificate": NewValue(_OTHER_CERTIFICATE, before=_DOMAIN),
    "requestsPerSecond": NewValue("50"),
    "apiConcurrency": NewValue("20"),
    "permissionsBoundary": NewValue("arn:aws:iam::123456789012:policy/limits/Everybody"),
}

# Edits of infra/jobs_table.py that make a new job table: another key, another name.
OTHER_KEY = {
    'range_key="id",\n            attributes': 'range_key="at",\n            attributes',
    '("owner", "id",': '("owner", "id", "at",',
}
OTHER_NAME = {"            name,\n            billing_mode": '            f"{name}-2",\n            billing_mode'}


@functools.cache
def changes_of(key: str) -> list[Change]:
    """What happens to the dev stack when only this setting, and what it needs beside it, is changed."""
    new = SETTINGS[key]
    before = recorded(**new.before)
    return changes(before, record(ROOT, **{**new.before, **new.beside, key: new.value}))


def loses_data(found: Iterable[Change]) -> list[str]:
    """URNs of what holds data and would be replaced or deleted."""
    lost = ("replace", "delete")
    return [each.resource.urn for each in found if each.step in lost and each.resource.type in HOLDING_DATA]


def row(key: str) -> str:
    """One line of the table."""
    new, found = SETTINGS[key], changes_of(key)
    beside = f" (with {', '.join(f'`{each}`' for each in new.beside)})" if new.beside else ""
    cells = [_cell([each for each in found if each.step == step]) for step in STEPS]
    return f"| `{key}`{beside} | {' | '.join(cells)} |"


def table(document: str) -> list[str]:
    """The rows between the markers, without the head."""
    found = _TABLE.search(document)
    return found[0].strip().splitlines()[2:] if found else []


def record(folder: Path, **extra: str) -> Deployment:
    """The dev stack as the program in a folder would make it, with these settings."""
    given = {"mayfly:bundleFor": "host", **{f"mayfly:{key}": value for key, value in extra.items()}}
    return preview(folder, config=given, stack=STACK)


@functools.cache
def recorded(**extra: str) -> Deployment:
    """The dev stack with these settings."""
    return record(ROOT, **extra)


def _cell(found: Iterable[Change]) -> str:
    by_kind: dict[str, list[str]] = {}
    for each in found:
        by_kind.setdefault(_kind(each.resource.type), []).append(_name(each.resource.name))
    return ", ".join(_counted(kind, sorted(names)) for kind, names in sorted(by_kind.items()))


def _counted(kind: str, names: list[str]) -> str:
    if len(names) > _MOST_NAMES:
        return f"{len(names)} {re.sub('y$', 'ie', kind)}s"
    named = " ".join(f"`{name}`" for name in names if name)
    return f"{kind} {named}".strip()


def _kind(token: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", token.rpartition(":")[2]).lower()


def _name(name: str) -> str:
    return name.removeprefix(f"mayfly-{STACK}").removeprefix("-")


def main() -> None:
    """Write the table anew."""
    head = ["| key | changed in place | made | replaced | deleted |", "|---|---|---|---|---|"]
    text = "\n".join([*head, *(row(key) for key in SETTINGS)]) + "\n"
    document = DOCUMENT.read_text()
    if not _TABLE.search(document):
        sys.exit(f"{DOCUMENT} has no markers for the table")
    DOCUMENT.write_text(_TABLE.sub(lambda _: text, document))


if __name__ == "__main__":
    main()
