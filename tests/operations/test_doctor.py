from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, ProfileNotFound

from operations.doctor import Session, examine, main
from operations.finding import Finding, Verdict
from tests.operations.test_local_machine import Machine, without

PROJECT = (Path(__file__).parents[2] / "Pulumi.yaml").read_text(encoding="utf-8")


class NoSession:
    """A machine without credentials."""

    region_name = None

    def get_credentials(self) -> None:
        return None

    def client(self, service_name: str, **settings: Any) -> Any:
        raise AssertionError(f"{service_name} is not asked without credentials")


class SignedIn(NoSession):
    def get_credentials(self) -> Any:
        return object()


def no_session(profile: str | None) -> Session:
    return NoSession()


def folder(tmp_path: Path, **stacks: str) -> Path:
    (tmp_path / "Pulumi.yaml").write_text(PROJECT)
    for name, text in stacks.items():
        (tmp_path / f"Pulumi.{name}.yaml").write_text(text)
    return tmp_path


@pytest.fixture(autouse=True)
def _no_profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine's own profiles are left out."""
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.delenv("AWS_PROFILE", raising=False)


def look(where: Path, stack: str = "dev", connect: Any = no_session) -> dict[str, Finding]:
    return {each.subject: each for each in examine(where, stack, Machine(), connect)}


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


def test_the_chosen_stacks_file_is_read(tmp_path: Path) -> None:
    where = folder(tmp_path, shop='config: {"mayfly:auth": none, "mayfly:markets": [spot, on-demand]}')
    stack = look(where, "shop")["stack"]
    assert stack.seen.startswith("shop: sign-in none")
    assert "spot then on-demand" in stack.seen
    assert stack.verdict is Verdict.WARN


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ('config: {"mayfly:auth": none, "mayfly:maxAttempts": 99}', "mayfly:maxAttempts is 99"),
        ('config: {"mayfly:auth": none, "mayfly:maxAttempts": 10}', "mayfly:maxAttempts is 10 and mayfly:jobTimeout"),
        ('config: {"mayfly:auth": none, "mayfly:colour": blue}', "mayfly:colour is no setting"),
        ("config: {}", "mayfly:auth is ''"),
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
    ],
)
def test_a_value_that_cannot_be_stops_it(tmp_path: Path, text: str, seen: str) -> None:
    stack = look(folder(tmp_path, dev=text))["stack"]
    assert stack.verdict is Verdict.FAIL
    assert seen in stack.seen


@pytest.mark.parametrize("text", ["", "name: mayfly", "config: {}", "name: mayfly\nconfig: {mayfly:auth: none}"])
def test_a_project_file_without_its_settings_stops_it(tmp_path: Path, text: str) -> None:
    where = folder(tmp_path, dev='config: {"mayfly:auth": none}')
    (where / "Pulumi.yaml").write_text(text)
    stack = look(where)["stack"]
    assert stack.verdict is Verdict.FAIL
    assert "Pulumi.yaml needs" in stack.seen or "mayfly:" in stack.seen


def test_a_stack_without_a_file_is_told_how_to_get_one(tmp_path: Path) -> None:
    assert "pulumi stack init prod" in look(folder(tmp_path), "prod")["stack"].seen


def test_the_stacks_own_profile_is_used(tmp_path: Path) -> None:
    def connect(profile: str | None) -> Session:
        raise ProfileNotFound(profile=profile or "")

    where = folder(tmp_path, dev='config: {"mayfly:auth": cognito, "aws:profile": work}')
    credentials = look(where, connect=connect)["credentials"]
    assert credentials.verdict is Verdict.FAIL
    assert "work" in credentials.seen


def test_a_stack_without_a_region_is_told_to_have_one(tmp_path: Path) -> None:
    where = folder(tmp_path, dev='config: {"mayfly:auth": cognito}')
    assert look(where, connect=lambda _: SignedIn())["region"].verdict is Verdict.FAIL


class Answering(SignedIn):
    """Credentials of an account that says who they are, and refuses everything else."""

    region_name = None

    def client(self, service_name: str, **settings: Any) -> Any:
        caller = {"Account": "123456789012", "Arn": "arn:aws:iam::123456789012:user/me"}

        def refuse(operation: str, code: str) -> Any:
            def call(**_: Any) -> None:
                raise ClientError({"Error": {"Code": code, "Message": "you may not"}}, operation)

            return call

        return SimpleNamespace(
            get_caller_identity=lambda: caller,
            assume_role=refuse("AssumeRole", "AccessDenied"),
            describe_regions=refuse("DescribeRegions", "AuthFailure"),
        )


@pytest.mark.parametrize(
    ("setting", "seen"),
    [
        ('"aws:allowedAccountIds": ["210987654321"]', "aws:allowedAccountIds has 210987654321, and not 123456789012"),
        ('"aws:forbiddenAccountIds": ["123456789012"]', "aws:forbiddenAccountIds has 123456789012"),
    ],
)
def test_an_account_that_the_stack_rules_out_stops_it(tmp_path: Path, setting: str, seen: str) -> None:
    where = folder(tmp_path, dev=f'config: {{"mayfly:auth": cognito, "aws:region": eu-west-3, {setting}}}')
    found = [each for each in examine(where, "dev", Machine(), lambda _: Answering()) if each.verdict is Verdict.FAIL]
    assert [(each.subject, each.seen) for each in found] == [("credentials", seen)]


def test_a_role_that_may_not_be_assumed_stops_it_in_one_line(tmp_path: Path) -> None:
    roles = '"aws:assumeRoles": [{"roleArn": "arn:aws:iam::210987654321:role/deploy"}]'
    where = folder(tmp_path, dev=f'config: {{"mayfly:auth": cognito, "aws:region": eu-west-3, {roles}}}')
    credentials = look(where, connect=lambda _: Answering())["credentials"]
    assert credentials.verdict is Verdict.FAIL
    assert "arn:aws:iam::210987654321:role/deploy cannot be assumed" in credentials.seen
    assert "AccessDenied" in credentials.seen


def test_the_account_is_looked_at_as_the_role_that_deploys(tmp_path: Path) -> None:
    roles = '"aws:assumeRoles": [{"roleArn": "arn:one"}, {"roleArn": "arn:two"}]'
    where = folder(tmp_path, dev=f'config: {{"mayfly:auth": cognito, "aws:region": eu-west-3, {roles}}}')
    taken: list[tuple[str, str]] = []

    def assume(session: Session, role: Mapping[str, str], region: str) -> Session:
        taken.append((role["roleArn"], region))
        return Answering() if role["roleArn"] == "arn:two" else session

    found = {each.subject: each for each in examine(where, "dev", Machine(), lambda _: SignedIn(), assume)}
    assert taken == [("arn:one", "eu-west-3"), ("arn:two", "eu-west-3")]
    assert found["credentials"].seen == "account 123456789012 as arn:aws:iam::123456789012:user/me"


def test_a_misspelt_list_of_accounts_stops_it(tmp_path: Path) -> None:
    setting = '"aws:allowedAccountIds": "123456789012"'
    stack = look(folder(tmp_path, dev=f'config: {{"mayfly:auth": cognito, {setting}}}'))["stack"]
    assert (stack.verdict, "aws:allowedAccountIds must be a list" in stack.seen) == (Verdict.FAIL, True)


# findings/aws_config_hash.sh: what the provider's SDK makes of such values.
@pytest.mark.parametrize("end", [" # EU", " ;EU", '\t#7" --json'])
def test_a_value_of_the_profile_that_pulumi_would_cut_is_named(tmp_path: Path, end: str) -> None:
    (tmp_path / "config").write_text(f"[profile work]\nregion = eu-west-3\ncredential_process = /opt/keys{end}\n")
    where = folder(tmp_path, dev='config: {"mayfly:auth": cognito, "aws:profile": work}')
    profile = look(where)["profile"]
    assert profile.verdict is Verdict.WARN
    assert "credential_process" in profile.seen
    assert "/opt/keys" not in profile.seen


@pytest.mark.parametrize("value", ["/opt/keys --team#7", "a;b", "/opt/keys", ""])
def test_a_value_that_all_read_alike_is_no_finding(tmp_path: Path, value: str) -> None:
    text = f"# whose\n[profile work] # it is\n# on a line of its own\ncredential_process = {value}\ns3 =\n  a = b # c\n"
    (tmp_path / "config").write_text(text)
    where = folder(tmp_path, dev='config: {"mayfly:auth": cognito, "aws:profile": work}')
    assert "profile" not in look(where)


def test_the_environments_profile_is_looked_at_where_the_stack_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").write_text("[profile other]\nrole_session_name = build #7\n")
    monkeypatch.setenv("AWS_PROFILE", "other")
    where = folder(tmp_path, dev='config: {"mayfly:auth": cognito}')
    assert "role_session_name" in look(where)["profile"].seen
