"""Deploys a Pulumi program to an AWS-compatible endpoint, without the Pulumi CLI and its plugins."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path

from localcloud.engine import program as program_run
from localcloud.engine import project_file, provider
from localcloud.engine.aws import Aws
from localcloud.engine.errors import DeploymentError
from localcloud.engine.monitor import Monitor
from localcloud.engine.provider import Provider, ProviderSettings
from localcloud.engine.records import Blob, Deployment, Resource, ResourceOptions, Target
from localcloud.engine.wire import Decoder

__all__ = [
    "Blob",
    "Deployment",
    "DeploymentError",
    "Resource",
    "ResourceOptions",
    "Target",
    "deploy",
    "preview",
]


def deploy(
    program: Path,
    *,
    target: Target,
    config: Mapping[str, str],
    stack: str = "local",
    on_progress: Callable[[Resource], None] | None = None,
) -> Deployment:
    """Run the program in the folder `program` and create what it registers, as `pulumi up` would on a new stack.

    Args:
        program: the folder of `Pulumi.yaml` and `__main__.py`.
        target: where to, and with which credentials.
        config: configuration values by key (`project:name`, or `name` of the project's own), over those of
            `Pulumi.<stack>.yaml` and the defaults of `Pulumi.yaml`. Objects and arrays are JSON texts.
        stack: the stack's name.
        on_progress: called, from several threads, with each resource that has come into being.

    Changes the process's working directory while it runs, and runs an event loop: not for two threads at once, nor
    from inside a running loop (`asyncio.to_thread` will do).

    Raises:
        DeploymentError: names the URN and the reason of the first failure.
    """
    cloud = Aws(target)
    try:
        return _run(program.resolve(), cloud, region=target.region, config=config, stack=stack, on_progress=on_progress)
    finally:
        cloud.close()


def preview(
    program: Path, *, config: Mapping[str, str], stack: str = "local", region: str = "eu-central-1"
) -> Deployment:
    """Record what `deploy` would create, with made-up ids and ARNs, touching no cloud.

    Everything that can be checked without a cloud is checked: see `deploy`. The program sees an `up`, not a dry run
    (`pulumi.runtime.is_dry_run()` is false), so every `apply` runs.
    """
    return _run(program.resolve(), None, region=region, config=config, stack=stack, on_progress=None)


def _run(
    folder: Path,
    cloud: Aws | None,
    *,
    region: str,
    config: Mapping[str, str],
    stack: str,
    on_progress: Callable[[Resource], None] | None,
) -> Deployment:
    started = time.monotonic()
    project = project_file.load_project(folder)
    values = project_file.resolve_config(project, project_file.load_stack(project, stack), config)
    given = {key.removeprefix("aws:"): value for key, value in values.items() if key.startswith("aws:")}
    settings = ProviderSettings.from_inputs(given, region)
    monitor = Monitor((stack, project.name), Provider(cloud, settings.region), Decoder(folder), settings, on_progress)
    try:
        engine = program_run.Engine(monitor, program_run.ProgramLog())
        program_run.run(folder, names=(stack, project.name), config=values, engine=engine)
    except (Exception, SystemExit) as error:  # noqa: BLE001 whatever the program raises is one message
        failure = monitor.failure or _program_failure(folder, error)
        failure.partial = _deployment(monitor, started, settings)
        raise failure.with_traceback(None) from None  # the SDK's inner workings explain nothing
    return _deployment(monitor, started, settings)


def _deployment(monitor: Monitor, started: float, settings: ProviderSettings) -> Deployment:
    return Deployment(monitor.resources, monitor.outputs, time.monotonic() - started, settings.region)


def _program_failure(folder: Path, error: BaseException) -> DeploymentError:
    """The program itself raised: say where, in the program's own lines."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if f.filename.startswith(str(folder)) and "site-packages" not in f.filename]
    where = f" ({own[-1].filename.removeprefix(str(folder)).lstrip('/')}:{own[-1].lineno})" if own else ""
    return DeploymentError(f"the program failed{where}: {provider.reason(error)}")
