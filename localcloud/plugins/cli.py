"""The Pulumi CLI with the local cloud's plugins, and with a backend and a home of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import yaml

from localcloud.engine.errors import DeploymentError
from localcloud.engine.project_file import load_project
from localcloud.engine.records import Deployment, Resource, ResourceOptions, Target

ROOT = Path(__file__).parents[2]
_VERSION_FILE = ROOT / "tools" / "pulumi" / "go.mod"
_PLUGINS = {
    "pulumi-resource-aws": "localcloud.plugins.provider",
    "pulumi-language-python": "localcloud.plugins.language",
}
_PINNED = re.compile(r"github\.com/pulumi/pulumi/pkg/v3 v([\d.]+)")
_PLAIN = ("--non-interactive", "--color", "never")


def pinned_version() -> str:
    """Of the CLI that `make pulumi` builds, from the tools module's go.mod; empty outside of the repository."""
    found = _PINNED.search(_VERSION_FILE.read_text()) if _VERSION_FILE.is_file() else None
    return found[1] if found else ""


def find_cli(environment: Mapping[str, str] = os.environ) -> Path | None:
    """The CLI that `make pulumi` has built, or else one of the PATH; None where there is none."""
    cache = Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    built = cache / "mayfly" / f"pulumi-{pinned_version()}" / "pulumi"
    found = str(built) if built.is_file() else shutil.which("pulumi", path=environment.get("PATH"))
    return Path(found) if found else None


@dataclass
class Workspace:
    """One project folder with the stacks in it; use it as a context manager.

    The folder has links to everything in `program`, so that stack files and links of a test's own can be laid beside
    them.
    """

    cli: Path
    program: Path
    target: Target
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="mayfly-pulumi-")))
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("bin", "home", "state", "project"):
            (self.folder / name).mkdir()
        for name, module in _PLUGINS.items():
            script = self.folder / "bin" / name
            script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m {module} "$@"\n')
            script.chmod(0o755)
        self.check_out(self.program)

    @property
    def project(self) -> Path:
        """Where commands run."""
        return self.folder / "project"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def check_out(self, program: Path) -> None:
        """Put this program in the place of the one before; stack files that `configure` wrote stay."""
        for link in [each for each in self.project.iterdir() if each.is_symlink()]:
            link.unlink()
        for entry in program.iterdir():
            if not (self.project / entry.name).exists():
                (self.project / entry.name).symlink_to(entry.resolve())

    def run(
        self, *arguments: str, echo: bool = False, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run `pulumi ARGUMENTS` to its end, whatever its exit code; `echo` lets its messages through to stderr."""
        return subprocess.run(
            [str(self.cli), *arguments, *_PLAIN],
            cwd=self.project,
            env={**self._environment(), **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr if echo else subprocess.PIPE,
            stderr=None if echo else subprocess.STDOUT,
            text=True,
            check=False,
        )

    def do(self, *arguments: str, echo: bool = False, environment: Mapping[str, str] | None = None) -> str:
        """As `run`, for what has to succeed.

        Raises:
            DeploymentError: with all that the CLI printed.
        """
        done = self.run(*arguments, echo=echo, environment=environment)
        if done.returncode:
            command = " ".join(arguments[:2])
            raise DeploymentError(
                f"pulumi {command} failed with exit code {done.returncode}\n{done.stdout or ''}".rstrip()
            )
        return done.stdout or ""

    def select(self, stack: str, config: Mapping[str, str]) -> None:
        """Make the stack, with configuration values over those of its file."""
        self.configure(stack, config)
        self.do("stack", "select", "--create", stack)

    def configure(self, stack: str, config: Mapping[str, str]) -> None:
        """Set values in the stack's file; objects and arrays are JSON texts."""
        path = self.project / f"Pulumi.{stack}.yaml"
        content = yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else {}
        name = load_project(self.project).name
        given = {key if ":" in key else f"{name}:{key}": _structured(value) for key, value in config.items()}
        path.unlink(missing_ok=True)  # it may be a link to the program's own
        # JSON is YAML with every text in quotes; PyYAML leaves them off some that Pulumi then reads as numbers.
        whole = {**content, "config": {**content.get("config", {}), **given}}
        path.write_text(json.dumps(whole, ensure_ascii=False, default=str), encoding="utf-8")

    def deployment(self, seconds: float = 0.0) -> Deployment:
        """What the selected stack has, in the order in which the engine recorded it; secrets are plain."""
        state = json.loads(self.do("stack", "export", "--show-secrets"))["deployment"]
        resources = [_resource(each) for each in state.get("resources", [])]
        outputs = next((each.outputs for each in resources if each.type == "pulumi:pulumi:Stack"), {})
        return Deployment(resources, outputs, seconds, self.target.region)

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}",
            "PYTHONPATH": str(ROOT),
            "PULUMI_BACKEND_URL": f"file://{self.folder / 'state'}",
            "PULUMI_HOME": str(self.folder / "home"),
            "PULUMI_CONFIG_PASSPHRASE": "local",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            # A file backend writes the whole state for every step, a third of the time: here once, at a command's end.
            "PULUMI_SKIP_CHECKPOINTS": "true",
            "AWS_ENDPOINT_URL": self.target.endpoint_url,
            "AWS_REGION": self.target.region,
            "AWS_ACCESS_KEY_ID": self.target.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.target.secret_access_key,
            **self.environment,
        }


def deploy(program: Path, *, target: Target, config: Mapping[str, str]) -> Deployment:
    """As `localcloud.engine.deployment.deploy`, by the real engine, whose messages go to standard error.

    Raises:
        DeploymentError: there is no CLI, or the command failed.
    """
    cli = find_cli()
    if cli is None:
        raise DeploymentError("the Pulumi CLI is not here: build it with `make pulumi`, or leave out --engine")
    started = time.monotonic()
    with Workspace(cli, program, target) as workspace:
        workspace.select("local", config)
        workspace.do("up", "--yes", "--skip-preview", echo=True)
        return workspace.deployment(time.monotonic() - started)


def _structured(value: str) -> Any:
    """Lists and objects as such; anything else stays the text that `pulumi config set` would store."""
    return json.loads(value) if value[:1] in ("[", "{") else value


def _resource(state: Mapping[str, Any]) -> Resource:
    return Resource(
        urn=state["urn"],
        type=state["type"],
        name=state["urn"].split("::", 3)[3],
        parent=state.get("parent", ""),
        custom=state["custom"],
        inputs=_plain(state.get("inputs", {})),
        outputs=_plain(state.get("outputs", {})),
        id=state.get("id"),
        dependencies=sorted(state.get("dependencies") or []),
        property_dependencies={
            key: sorted(urns or []) for key, urns in sorted((state.get("propertyDependencies") or {}).items())
        },
        options=ResourceOptions(
            state.get("protect", False), state.get("retainOnDelete", False), provider=state.get("provider", "")
        ),
    )


def _plain(value: Any) -> Any:
    """Without the marks of secrets, whose plain text is JSON."""
    if isinstance(value, dict):
        if "plaintext" in value:
            return json.loads(value["plaintext"])
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value
