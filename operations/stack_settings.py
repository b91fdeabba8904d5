"""What a stack is configured to be, read as `pulumi up` would."""

from __future__ import annotations

import contextvars
from dataclasses import dataclass
from pathlib import Path

import pulumi

from infra.config import StackConfig
from localcloud.engine.project_file import Project, Stack, load_project, load_stack, resolve_config


@dataclass(frozen=True)
class StackSettings:
    """`region` and `profile` are those of the stack's file, None where it leaves them to the environment."""

    config: StackConfig
    region: str | None
    profile: str | None


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
    return StackSettings(StackConfig.from_pulumi(), values.get("aws:region"), values.get("aws:profile"))
