"""`python -m operations.doctor` says what is missing, on this machine and in the AWS account, before it is missed.

Each line says ok, warn or fail; the exit code is 1 when one says fail. It only asks, and changes nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from infra.config import ConfigError
from operations.account import check_account
from operations.finding import Finding, Verdict
from operations.local_machine import ROOT, Machine, check_machine
from operations.shared_config import check_profile, profile_settings
from operations.stack_settings import StackSettings, read_settings

_FOR_LOCAL_USE = "Nothing of this is needed for the local cloud (make up); to deploy, sign in to AWS and ask again."


Session = Any  # boto3.Session, whose types know every service by name
Connect = Callable[[str | None], Session]


def assumed(session: Session, role: Mapping[str, str], region: str) -> Session:
    """As pulumi-aws does it with each of `aws:assumeRoles`, one after the other."""
    keys = session.client("sts", region_name=region).assume_role(
        RoleArn=role["roleArn"],
        RoleSessionName=role.get("sessionName", "mayfly-doctor"),
        **({"ExternalId": role["externalId"]} if role.get("externalId") else {}),
    )["Credentials"]
    return boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name=region)


def examine(folder: Path, stack: str, machine: Machine, connect: Connect) -> Iterator[Finding]:
    """Looks at the machine, then at the stack's configuration, then at the account.

    Args:
        folder: of Pulumi.yaml.
        stack: whose Pulumi.<stack>.yaml to read.
        machine: the one that this runs on.
        connect: a session of AWS with a profile, or with whatever the environment says.
    """
    settings, configured = _configured(folder, stack)
    session, signed_in = _signed_in(connect, settings)
    yield from check_machine(machine, deploying=session is not None)
    yield configured
    yield from check_profile(profile_settings(settings.profile if settings else None))
    yield from signed_in
    if session is None or settings is None:
        return
    region = settings.region or session.region_name
    if region is None:
        yield Finding("region", Verdict.FAIL, "none is set", "pulumi config set aws:region eu-central-1")
        return
    for role in settings.assumed_roles:
        try:
            session = assumed(session, role, region)
        except (ClientError, BotoCoreError) as error:
            seen = f"{role['roleArn']} cannot be assumed: {error}"
            yield Finding("credentials", Verdict.FAIL, seen, "Ask for the right to, or correct aws:assumeRoles.")
            return
    retries = Config(retries={"mode": "standard", "total_max_attempts": 3}, connect_timeout=5, read_timeout=20)
    clients = partial(session.client, region_name=region, config=retries)
    yield from check_account(clients, settings.config, region, settings.refusal)


def _configured(folder: Path, stack: str) -> tuple[StackSettings | None, Finding]:
    try:
        settings = read_settings(folder, stack)
    except ConfigError as error:
        return None, Finding("stack", Verdict.FAIL, str(error))
    config = settings.config
    markets, machines = " then ".join(config.markets), ", ".join(config.instance_types)
    seen = f"{stack}: sign-in {config.auth}, {config.max_concurrent_jobs} machines at most, {markets}: {machines}"
    if config.has_sign_in:
        return settings, Finding("stack", Verdict.OK, seen)
    return settings, Finding(
        "stack", Verdict.WARN, seen, "Everybody who knows the address may use it and see all jobs."
    )


def _signed_in(connect: Connect, settings: StackSettings | None) -> tuple[Session | None, list[Finding]]:
    try:
        session = connect(settings.profile if settings else None)
        if session.get_credentials() is not None:
            return session, []
    except BotoCoreError as error:
        return None, [Finding("credentials", Verdict.FAIL, str(error), "Sign in to AWS again, or correct the profile.")]
    return None, [Finding("credentials", Verdict.WARN, "none: the account was not looked at", _FOR_LOCAL_USE)]


def as_text(findings: Sequence[Finding]) -> str:
    """As lines, remedies below what they are for."""
    width = max(len(finding.subject) for finding in findings)
    lines = []
    for finding in findings:
        lines.append(f"{finding.verdict:4}  {finding.subject:{width}}  {finding.seen}")
        if finding.remedy:
            lines.append(f"{'':4}  {'':{width}}  > {finding.remedy}")
    return "\n".join(lines)


def as_json(stack: str, findings: Sequence[Finding]) -> str:
    """`{stack, findings: [{subject, verdict, seen, remedy}]}`."""
    return json.dumps({"stack": stack, "findings": [asdict(finding) for finding in findings]}, indent=1)


def _session(profile: str | None) -> Session:
    return boto3.Session(profile_name=profile)


def main(argv: Sequence[str], machine: Machine | None = None, connect: Connect = _session) -> int:
    """Exit code 0, or 1 when something says fail."""
    parser = argparse.ArgumentParser(
        prog="python -m operations.doctor", description="Says what is missing before it is missed; changes nothing."
    )
    parser.add_argument("--stack", default="dev", help="whose Pulumi.<stack>.yaml to read (%(default)s)")
    parser.add_argument("--json", action="store_true", help="for programs")
    options = parser.parse_args(argv)
    findings = list(examine(ROOT, options.stack, machine or Machine(), connect))
    sys.stdout.write((as_json(options.stack, findings) if options.json else as_text(findings)) + "\n")
    return int(any(finding.verdict is Verdict.FAIL for finding in findings))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
