"""What people see of `pulumi` who have made a mistake: one line that says what to do, and never a traceback."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud.emulator.process import ROOT
from localcloud.engine.records import Target
from localcloud.plugins.cli import Workspace

pytestmark = [pytest.mark.cloud, pytest.mark.timeout(600)]

# Nothing answers there, and nothing is asked.
_NOWHERE = Target("http://127.0.0.1:9", "eu-central-1", "key", "secret")
_STACK = "try"
_ERROR = re.compile(r"\berror: (.+)$", re.MULTILINE)


@pytest.fixture(scope="module")
def nowhere(cli: Path) -> Iterator[Workspace]:
    with Workspace(cli, ROOT, _NOWHERE) as opened:
        yield opened


@pytest.fixture(scope="module")
def new(nowhere: Workspace) -> str:
    """What `pulumi stack init` writes into the new stack's file."""
    nowhere.do("stack", "init", _STACK)
    return (nowhere.project / f"Pulumi.{_STACK}.yaml").read_text()


@pytest.fixture
def stack(nowhere: Workspace, new: str) -> Workspace:
    """The stack as if it were new."""
    (nowhere.project / f"Pulumi.{_STACK}.yaml").write_text(new)
    nowhere.do("stack", "select", _STACK)
    return nowhere


def errors(stack: Workspace, *command: str, **environment: str) -> list[str]:
    """What the command, a preview if none is given, shows as errors, each once."""
    done = stack.run(*(command or ("preview",)), environment=environment)
    assert done.returncode != 0, done.stdout
    assert "Traceback" not in done.stdout
    return list(dict.fromkeys(error.rstrip() for error in _ERROR.findall(done.stdout)))


def test_a_setting_that_nothing_reads_is_refused_and_the_nearest_one_named(stack: Workspace) -> None:
    stack.do("config", "set", "auth", "none")
    stack.do("config", "set", "maxUpload", "3")
    [error] = errors(stack, "preview", "--diff")
    assert error == (
        "mayfly:maxUpload is no setting. Is mayfly:maxUploadMib meant?"
        " Remove it with: pulumi config rm mayfly:maxUpload"
    )


def test_a_stack_that_aws_would_not_name_things_after_can_be_renamed(nowhere: Workspace) -> None:
    nowhere.do("stack", "init", "Prod_1")
    nowhere.do("config", "set", "auth", "none")
    [error] = errors(nowhere)
    assert error.endswith("Nothing is deployed yet, so rename it with: pulumi stack rename ...")
    nowhere.do("stack", "rename", "prod-1")
    [error] = errors(nowhere)
    assert "is called" not in error


def test_an_aws_that_cannot_be_asked_is_one_line(stack: Workspace) -> None:
    stack.do("config", "set", "auth", "none")
    [error] = errors(stack)
    assert error.startswith(
        "AWS does not say whose account this is. Look after the credentials, as `make doctor` does."
    )
    assert "Could not connect to the endpoint" in error


def test_a_cli_older_than_the_sdk_is_told_which_one_to_install(stack: Workspace) -> None:
    stack.do("config", "set", "auth", "none")
    newer = stack.project / "pulumi-3.999.0.dist-info"  # found first, since the program's folder is
    newer.mkdir()
    (newer / "METADATA").write_text("Metadata-Version: 2.1\nName: pulumi\nVersion: 3.999.0\n")
    try:
        [error] = errors(stack)
    finally:
        (newer / "METADATA").unlink()
        newer.rmdir()
    assert re.fullmatch(
        r'.*Pulumi CLI version 3\.\S+ does not satisfy the version range ">=3\.999\.0 <4\.0\.0"\. '
        r"This environment has the SDK 3\.999\.0: install the Pulumi CLI 3\.999\.0, or a later 3\.x\.",
        error,
    )


def test_what_is_not_there_cannot_be_imported(stack: Workspace) -> None:
    stack.do("config", "set", "auth", "none")
    done = stack.run("import", "aws:s3/bucket:Bucket", "files", "no-such-bucket", "--yes", "--skip-preview")
    assert done.returncode != 0
    assert "no-such-bucket" in done.stdout
    assert "Traceback" not in done.stdout


def test_a_wrong_passphrase_is_one_line_before_anything_is_done(stack: Workspace) -> None:
    stack.do("config", "set", "auth", "none")
    for command in (("preview",), ("up", "--yes", "--skip-preview"), ("destroy", "--yes", "--skip-preview")):
        [error] = errors(stack, *command, PULUMI_CONFIG_PASSPHRASE="wrong")
        assert error.endswith("incorrect passphrase")
