"""What a stack is configured to be, read as `pulumi up` would."""

from __future__ import annotations

import contextvars
from dataclasses import dataclass
from pathlib import Path

import pulumi

from infra import workflow
from infra.config import StackConfig
from infra.provider import provider_settings
from localcloud.engine.project_file import Project, Stack, load_project, load_stack, resolve_config


@dataclass(frozen=True)
class StackSettings:
    """`region` and `profile` are those of the stack's file, None where it leaves them to the environment.

    `assumed_roles` and the accounts are what its `aws:assumeRoles`, `aws:allowedAccountIds` and
    `aws:forbiddenAccountIds` say, in the words of Pulumi's configuration.
    """

    config: StackConfig
    region: str | None
    profile: str | None
    assumed_roles: tuple[dict[str, str], ...] = ()
    allowed_accounts: tuple[str, ...] = ()
    forbidden_accounts: tuple[str, ...] = ()

    def refusal(self, account_id: str) -> str | None:
        """Why nothing is to be deployed to an account, if it is not."""
        if account_id in self.forbidden_accounts:
            return f"aws:forbiddenAccountIds has {account_id}"
        if self.allowed_accounts and account_id not in self.allowed_accounts:
            return f"aws:allowedAccountIds has {', '.join(self.allowed_accounts)}, and not {account_id}"
        return None


def read_settings(folder: Path, stack: str) -> StackSettings:
    """Reads Pulumi.yaml and Pulumi.<stack>.yaml of a folder.

    Raises:
        ProjectFileError: one of them cannot be read, or lacks a value that has no default.
        ConfigError: a value is not one that the program takes.
    """
    project = load_project(folder)
    named = load_stack(project, stack)
    # The SDK keeps its settings in context variables; a context of its own leaves the caller's alone.
    return contextvars.Context().run(_read, project, named)


def _read(project: Project, stack: Stack) -> StackSettings:
    values = resolve_config(project, stack, {})
    pulumi.runtime.configure(pulumi.runtime.Settings(project=project.name, stack=stack.name))
    pulumi.runtime.set_all_config(values)
    config, aws = StackConfig.from_pulumi(), provider_settings()
    workflow.check(config)
    return StackSettings(
        config,
        aws.get("region"),
        aws.get("profile"),
        tuple(aws.get("assume_roles", ())),
        tuple(aws.get("allowed_account_ids", ())),
        tuple(aws.get("forbidden_account_ids", ())),
    )
