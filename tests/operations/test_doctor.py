from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
from botocore.exceptions import ClientError, ProfileNotFound

from operations.doctor import examine, main
from operations.finding import Finding, Verdict
from tests.operations.test_local_machine import Machine, without

PROJECT = (Path(__file__).parents[2] / "Pulumi.yaml").read_text(encoding="utf-8")
CALLER = {"Account": "123456789012", "Arn": "arn:aws:iam::123456789012:user/me"}


def no_session(_profile: str | None) -> Any:
    """A machine without credentials; nothing but that is asked."""
    return SimpleNamespace(region_name=None, get_credentials=lambda: None)


def refuse(operation: str, code: str) -> Callable[..., NoReturn]:
    def call(**_: Any) -> NoReturn:
        raise ClientError({"Error": {"Code": code, "Message": "you may not"}}, operation)

    return call


def answering(_profile: str | None = None) -> Any:
    """Credentials of an account that says who they are, and refuses everything else."""
    client = SimpleNamespace(
        get_caller_identity=lambda: CALLER,
        assume_role=refuse("AssumeRole", "AccessDenied"),
        describe_regions=refuse("DescribeRegions", "AuthFailure"),
    )
    return SimpleNamespace(region_name=None, get_credentials=object, client=lambda *_, **__: client)


@pytest.fixture
def look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Finding]]:
    """What is found of a stack with these settings, by subject; this machine's own profiles are left out."""
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.delenv("AWS_PROFILE", raising=False)

    def looked(stack: str | None, connect: Any = no_session, project: str = PROJECT) -> dict[str, Finding]:
        (tmp_path / "Pulumi.yaml").write_text(project)
        if stack is not None:
            (tmp_path / "Pulumi.dev.yaml").write_text(stack)
        return {each.subject: each for each in examine(tmp_path, "dev", Machine(), connect)}

    return looked


Look = Callable[..., Mapping[str, Finding]]


def signed_in(*settings: str) -> str:
    """The file of a stack with sign-in and these settings."""
    listed = ", ".join(['"mayfly:auth": cognito', *settings])
    return f"config: {{{listed}}}"


def test_without_credentials_the_machine_is_looked_at_and_nothing_stops(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], Machine(programs=without("pulumi")), no_session) == 0
    told = capsys.readouterr().out
    assert "warn  credentials  none: the account was not looked at" in told
    assert "local cloud" in told
    assert "warn  pulumi" in told


def test_what_stops_ends_with_an_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], Machine(version=(3, 9)), no_session) == 1
    assert "fail  python" in capsys.readouterr().out


def test_programs_get_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json"], Machine(), no_session) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["stack"] == "dev"
    assert {frozenset(each) for each in told["findings"]} == {frozenset(("subject", "verdict", "seen", "remedy"))}
    assert {each["verdict"] for each in told["findings"]} <= set(Verdict)


def test_the_chosen_stacks_file_is_read(look: Look) -> None:
    stack = look('config: {"mayfly:auth": none, "mayfly:markets": [spot, on-demand]}')["stack"]
    assert stack.seen.startswith("dev: sign-in none")
    assert "spot then on-demand" in stack.seen
    assert stack.verdict is Verdict.WARN


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ('config: {"mayfly:auth": none, "mayfly:maxAttempts": 99}', "mayfly:maxAttempts is 99"),
        ('config: {"mayfly:auth": none, "mayfly:maxAttempts": 10}', "mayfly:maxAttempts is 10 and mayfly:jobTimeout"),
        ('config: {"mayfly:auth": none, "mayfly:maxAttempts": many}', "it must be a whole number 1 to 10"),
        ('config: {"mayfly:auth": none, "mayfly:protect": perhaps}', "it must be true or false"),
        ('config: {"mayfly:auth": none, "mayfly:colour": blue}', "mayfly:colour is no setting"),
        ("config: {}", "mayfly:auth is ''"),
        (None, "pulumi stack init dev"),
        ("config: [mayfly:auth]", "Pulumi.dev.yaml has to be a mapping"),
        ('config: {"mayfly:auth": "none}', "Pulumi.dev.yaml cannot be read as YAML"),
        ('config: {"mayfly:auth": {secure: v1:abc}}', "mayfly:auth in Pulumi.dev.yaml is encrypted"),
        ('config: {"mayfly:script": [{secure: v1:abc}]}', "mayfly:script in Pulumi.dev.yaml is encrypted"),
        (
            'config: {"mayfly:auth": !!binary bm9uZQ==}',
            "mayfly:auth in Pulumi.dev.yaml has a value that has to be put in quotes",
        ),
        *(
            (
                f'config:\n  "mayfly:auth": none\n  "aws:allowedAccountIds": [{value}]',
                f"Pulumi.dev.yaml: put {value} in quotes; without, Pulumi reads another value.",
            )
            # findings/pulumi_account_of_pyyaml.sh has the first one.
            for value in ("098765432109", "1e3", "0o17", "1:20", "yes", "2026-01-01", "2026-1-1", "=")
        ),
        ("config: {a: !!int foo}", "Pulumi.dev.yaml cannot be read as YAML"),
        ("config: &itself [*itself]", "Pulumi.dev.yaml cannot be read as YAML"),
        ("config: {auth: none}", "auth in Pulumi.dev.yaml needs its namespace, such as mayfly:auth"),
        (signed_in('"aws:allowedAccountIds": "123456789012"'), "aws:allowedAccountIds must be a list"),
    ],
)
def test_a_value_that_cannot_be_stops_it(look: Look, text: str | None, seen: str) -> None:
    stack = look(text)["stack"]
    assert stack.verdict is Verdict.FAIL
    assert seen in stack.seen


@pytest.mark.parametrize("text", ["", "name: mayfly", "config: {}", "name: mayfly\nconfig: {mayfly:auth: none}"])
def test_a_project_file_without_its_settings_stops_it(look: Look, text: str) -> None:
    stack = look('config: {"mayfly:auth": none}', project=text)["stack"]
    assert stack.verdict is Verdict.FAIL
    assert "Pulumi.yaml needs" in stack.seen or "mayfly:" in stack.seen


def test_the_stacks_own_profile_is_used(look: Look) -> None:
    def connect(profile: str | None) -> NoReturn:
        raise ProfileNotFound(profile=profile or "")

    credentials = look(signed_in('"aws:profile": work'), connect)["credentials"]
    assert credentials.verdict is Verdict.FAIL
    assert "work" in credentials.seen


def test_a_stack_without_a_region_is_told_to_have_one(look: Look) -> None:
    assert look(signed_in(), answering)["region"].verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("setting", "seen"),
    [
        ('"aws:allowedAccountIds": ["210987654321"]', "aws:allowedAccountIds has 210987654321, and not 123456789012"),
        ('"aws:forbiddenAccountIds": ["123456789012"]', "aws:forbiddenAccountIds has 123456789012"),
        ('"aws:assumeRoles": [{"roleArn": "arn:role/deploy"}]', "arn:role/deploy cannot be assumed: .*AccessDenied"),
    ],
)
def test_an_account_or_role_that_cannot_be_deployed_with_stops_it_in_one_line(
    look: Look, setting: str, seen: str
) -> None:
    found = look(signed_in('"aws:region": eu-west-3', setting), answering)
    [failure] = [each for each in found.values() if each.verdict is Verdict.FAIL]
    assert failure.subject == "credentials"
    assert re.search(seen, failure.seen)
    assert "\n" not in failure.seen


def test_the_account_is_looked_at_as_the_role_that_deploys(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[tuple[str, str]] = []

    def assume(session: Any, role: Mapping[str, str], region: str) -> Any:
        taken.append((role["roleArn"], region))
        return answering() if role["roleArn"] == "arn:two" else session

    monkeypatch.setattr("operations.doctor.assumed", assume)
    roles = '"aws:assumeRoles": [{"roleArn": "arn:one"}, {"roleArn": "arn:two"}]'
    unable = SimpleNamespace(region_name=None, get_credentials=object)
    found = look(signed_in('"aws:region": eu-west-3', roles), lambda _: unable)
    assert taken == [("arn:one", "eu-west-3"), ("arn:two", "eu-west-3")]
    assert found["credentials"].seen == f"account {CALLER['Account']} as {CALLER['Arn']}"


# findings/aws_config_hash.sh: what the provider's SDK makes of such values.
@pytest.mark.parametrize("end", [" # EU", " ;EU", '\t#7" --json'])
def test_a_value_of_the_profile_that_pulumi_would_cut_is_named(tmp_path: Path, look: Look, end: str) -> None:
    (tmp_path / "config").write_text(f"[profile work]\nregion = eu-west-3\ncredential_process = /opt/keys{end}\n")
    profile = look(signed_in('"aws:profile": work'))["profile"]
    assert profile.verdict is Verdict.WARN
    assert "credential_process" in profile.seen
    assert "/opt/keys" not in profile.seen


@pytest.mark.parametrize("value", ["/opt/keys --team#7", "a;b", "/opt/keys", ""])
def test_a_value_that_all_read_alike_is_no_finding(tmp_path: Path, look: Look, value: str) -> None:
    text = f"# whose\n[profile work] # it is\n# on a line of its own\ncredential_process = {value}\ns3 =\n  a = b # c\n"
    (tmp_path / "config").write_text(text)
    assert "profile" not in look(signed_in('"aws:profile": work'))


def test_the_environments_profile_is_looked_at_where_the_stack_has_none(
    tmp_path: Path, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").write_text("[profile other]\nrole_session_name = build #7\n")
    monkeypatch.setenv("AWS_PROFILE", "other")
    assert "role_session_name" in look(signed_in())["profile"].seen
