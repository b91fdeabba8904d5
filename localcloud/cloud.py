"""The local cloud: an emulator of the AWS services used, with this repository's program deployed to it."""

from __future__ import annotations

import functools
import json
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import boto3
import httpx2 as httpx
from botocore.config import Config

from localcloud.emulator.process import Credentials, EmulatorProcess
from localcloud.engine.deployment import Deployment, Resource, Target, deploy
from localcloud.plugins import cli
from localcloud.users import create_users

REGION = "eu-central-1"
DEFAULT_PORT = 8080
REQUEST_SECONDS = 60.0  # a computer that is busy with the start takes its time


@dataclass(frozen=True)
class LocalCloud:
    """A running local cloud; use it as a context manager, or call `stop`.

    Attributes:
        deployment: what the program created, its stack outputs among it.
    """

    deployment: Deployment
    _emulator: EmulatorProcess = field(repr=False)

    @classmethod
    def start(
        cls,
        *,
        port: int = 0,
        boot_seconds: float = 0.0,
        config: Mapping[str, str] | None = None,
        program: Path | None = None,
        log_dir: Path | None = None,
        on_progress: Callable[[Resource], None] | None = None,
        with_cli: bool = False,
        more_users: Sequence[str] = (),
        keeps_state: bool = False,
    ) -> LocalCloud:
        """Starts the emulator and deploys the program; everything is ready when this returns.

        Args:
            port: of the site; 0 for any free one.
            boot_seconds: how long a machine takes until its user data runs.
            config: configuration values over those of `local_config`.
            program: the folder of `Pulumi.yaml`; the current one by default.
            log_dir: folder for `cloud.log`, which is otherwise removed at the end.
            on_progress: called with each resource that has come into being.
            with_cli: the Pulumi CLI deploys, rather than the engine of this process; without `on_progress`.
            more_users: names of users in addition to alice, bob and admin, where there is sign-in.
            keeps_state: it can be restarted (`restart`).

        Raises:
            EmulatorError: the emulator did not start.
            DeploymentError: names the resource that could not be created, and the reason.
        """
        emulator = EmulatorProcess.start(
            site_port=port,
            boot_seconds=boot_seconds,
            region=REGION,
            log_dir=log_dir,
            keeps_state=keeps_state,
        )
        program = program or Path.cwd()
        try:
            target = Target(
                endpoint_url=emulator.aws_endpoint,
                region=REGION,
                access_key_id=emulator.root.access_key_id,
                secret_access_key=emulator.root.secret_access_key,
            )
            values = {**local_config(emulator.site_url), **(config or {})}
            if with_cli:
                deployment = cli.deploy(program, target=target, config=values)
            else:
                deployment = deploy(program, target=target, config=values, on_progress=on_progress)
            cloud = cls(deployment=deployment, _emulator=emulator)
            if "user_pool_id" in deployment.outputs:
                pool = deployment.outputs["user_pool_id"]
                cloud._let_people_in(create_users(cloud.client("cognito-idp"), pool, more_users))
        except BaseException:
            emulator.stop()
            raise
        return cloud

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Where the form is: `http://127.0.0.1:PORT`."""
        return self._emulator.site_url

    @property
    def aws_endpoint(self) -> str:
        return self._emulator.aws_endpoint

    @property
    def pid(self) -> int:
        """Process of the emulator; functions' workers and machines are its descendants."""
        return self._emulator.pid

    @property
    def log_path(self) -> Path:
        """The emulator's log, `cloud.log`."""
        return self._emulator.log_path

    @property
    def users(self) -> dict[str, dict[str, str]]:
        """Who can sign in, by name: `{username, password}`; empty where there is no sign-in."""
        found: dict[str, dict[str, str]] = self._ask("GET", "/_local/users").json()
        return found

    def token(self, user: str) -> str:
        """A new access token of one of `users`, good for a quarter of an hour."""
        return str(self._ask("GET", "/_local/token", params={"user": user}).json()["access_token"])

    def machines(self) -> list[dict[str, Any]]:
        """`{id, job_id, state, launched_at, terminated_at, ...}` of every machine ever launched."""
        machines: list[dict[str, Any]] = self._ask("GET", "/_local/machines").json()
        return machines

    def client(self, service: str, *, credentials: Credentials | None = None) -> Any:
        """A boto3 client of the local endpoint, with root's credentials unless others are given."""
        return _client(service, self.aws_endpoint, credentials or self._emulator.root)

    def restart(self) -> None:
        """Ends the emulator and starts it again with what it held; machines, executions and stream records are gone.

        Only of a cloud that keeps its state.

        Raises:
            EmulatorError: it did not start again.
        """
        users = self.users
        self._emulator.restart()
        if users:
            self._let_people_in(users)

    def _let_people_in(self, users: Mapping[str, Mapping[str, str]]) -> None:
        """Names the users to the emulator, which answers `/_local/token` for them."""
        client_id = self.deployment.outputs["sign_in_client_id"]
        self._ask("PUT", "/_local/users", json={"client_id": client_id, "users": users})

    def _ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        # By no proxy of the environment, and without reading certificates: the site is here, and speaks HTTP.
        url, tls = f"{self.url}{path}", ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        answer = httpx.request(method, url, timeout=REQUEST_SECONDS, trust_env=False, verify=tls, **options)
        return answer.raise_for_status()

    def warm_up(self) -> None:
        """Starts a worker of every function in the background, so that the first job is not the one to wait."""
        self._ask("POST", "/_local/warm")

    def wait(self) -> None:
        """Returns when the emulator has ended by itself, which it should not."""
        self._emulator.wait()

    def stop(self) -> None:
        """Ends the emulator and everything it started, and removes its files; calling it again does nothing."""
        self._emulator.stop()


@functools.cache  # reading the descriptions of services takes a tenth of a second each time
def _client(service: str, endpoint: str, keys: Credentials) -> Any:
    session = boto3.Session(
        aws_access_key_id=keys.access_key_id,
        aws_secret_access_key=keys.secret_access_key,
        aws_session_token=keys.session_token,
        region_name=REGION,
    )
    settings = Config(s3={"addressing_style": "path"}, retries={"mode": "standard", "total_max_attempts": 2})
    make_client: Callable[..., Any] = session.client
    return make_client(service, endpoint_url=endpoint, config=settings)


def local_config(site_url: str) -> dict[str, str]:
    """Configuration that differs from a deployment to AWS.

    Args:
        site_url: where the browser finds the site, which is the origin of its uploads.
    """
    return {
        "mayfly:auth": "cognito",
        "mayfly:bundleFor": "host",
        # Tests ask for many large uploads that they never send.
        "mayfly:maxOwnerUploadGibPerDay": "1000000",
        "mayfly:extraOrigins": json.dumps([site_url]),
    }
