"""What a command finds around it, and a test replaces."""

from __future__ import annotations

import os
import webbrowser
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx2 as httpx
import typer

from mayfly.address import normalized
from mayfly.client import JobClient
from mayfly.config_file import ConfigFile
from mayfly.errors import UsageProblem
from mayfly.session import Session

TOKEN_VARIABLE = "MAYFLY_TOKEN"  # noqa: S105 - a name


@dataclass(frozen=True)
class Surroundings:
    """`transport` is what sends requests, in the place of the network."""

    transport: httpx.BaseTransport | None = None
    config_folder: Path = field(default_factory=lambda: Path(typer.get_app_dir("mayfly")))
    open_browser: Callable[[str], bool] = webbrowser.open
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)

    @classmethod
    def of(cls, context: typer.Context) -> Surroundings:
        return context.obj if isinstance(context.obj, cls) else cls()

    @property
    def file(self) -> ConfigFile:
        return ConfigFile(self.config_folder)

    @property
    def token(self) -> str | None:
        """The access token of a program's own."""
        return self.environ.get(TOKEN_VARIABLE) or None

    def address(self, given: str | None) -> str:
        """The stack's: the one given, or the one that `mayfly login` has kept.

        Raises:
            UsageProblem: there is none, or it is no address.
        """
        url = given or self.file.read().url
        if not url:
            raise UsageProblem("Which stack? Name it once, mayfly login URL, or with --url or MAYFLY_URL.")
        return normalized(url)

    def session(self, given: str | None) -> Session:
        """At the stack of `address`."""
        return Session(self.address(given), self.file, self.transport)

    def client(self, given: str | None) -> JobClient:
        """Of the stack of `address`, with whatever token there is for it."""
        url, token = self.address(given), self.token
        tokens = (lambda: token) if token else self.session(url).tokens()
        return JobClient(url, token=tokens, transport=self.transport)
