"""A stack's configuration as the program reads it, without the program."""

from __future__ import annotations

import contextvars
import json
from pathlib import Path
from typing import Any

import pulumi

from infra.config import StackConfig
from localcloud.engine.project_file import Stack, load_project, resolve_config
from operations.stack_settings import read_settings

ROOT = Path(__file__).parents[2]
PROJECT = load_project(ROOT)
DEV = read_settings(ROOT, "dev").config


def config_of(stack: str = "s", auth: str | None = "none", **values: Any) -> StackConfig:
    """Of a stack with these settings.

    Raises:
        DeploymentError: Pulumi itself would refuse a value, or the want of one.
        ConfigError: the program does.
    """
    given = {"auth": auth, **values} if auth else values
    texts = {f"mayfly:{key}": value if isinstance(value, str) else json.dumps(value) for key, value in given.items()}

    def read() -> StackConfig:
        resolved = resolve_config(PROJECT, Stack(stack, ROOT / f"Pulumi.{stack}.yaml", {}), texts)
        pulumi.runtime.configure(pulumi.runtime.Settings(project=PROJECT.name, stack=stack))
        pulumi.runtime.set_all_config(resolved)
        return StackConfig.from_pulumi()

    return contextvars.Context().run(read)
