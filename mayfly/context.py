"""What a command finds here it, and a test replaces."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from mayfly.address import normalized
from mayfly.config_file import ConfigFile
from mayfly.errors import MayflyError, UsageProblem
from mayfly.program_token import TOKEN_VARIABLE, program_token

if TYPE_CHECKING:  # what help does without, as the imports inside of functions below
    import httpx2 as httpx

    from mayfly.client import JobClient
    from mayfly.session import Session

_REDACTED = "[token]"


def _open_browser(url: str) -> bool:
    import webbrowser  # noqa: PLC0415

    return webbrowser.open(url)


@dataclass(frozen=True)
class Context:
    """`transport` is what sends requests, in the place of the network."""

    transport: httpx.BaseTransport | None = None
    config_folder: Path = field(default_factory=lambda: Path(typer.get_app_dir("mayfly")))
    open_browser: Callable[[str], bool] = _open_browser
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    seen: list[str] = field(default_factory=list)
    """The tokens that this command has had from a program."""

    @classmethod
    def of(cls, context: typer.Context) -> Context:
        root = context.find_root()
        if not isinstance(root.obj, cls):
            root.obj = cls()
        return root.obj

    @property
    def file(self) -> ConfigFile:
        return ConfigFile(self.config_folder)

    @property
    def token(self) -> Callable[[], str] | None:
        """What gives the access token of a program's own, if there is one."""
        give = program_token(self.environ)
        return None if give is None else lambda: self._kept(give())

    def redact(self, text: str) -> str:
        """A message without any token that this command may have had."""
        found = set(self.seen)
        with suppress(MayflyError):
            for person in self.file.read().people.values():
                found |= {person.access_token, person.refresh_token}
        found.add(self.environ.get(TOKEN_VARIABLE, "").strip())
        for secret in sorted(found - {""}, key=len, reverse=True):
            text = text.replace(secret, _REDACTED)
        return text

    def _kept(self, token: str) -> str:
        self.seen.append(token)
        return token

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
        from mayfly.session import Session  # noqa: PLC0415

        return Session(self.address(given), self.file, self.transport)

    def client(self, given: str | None) -> JobClient:
        """Of the stack of `address`, with whatever token there is for it.

        A program's token is sent only to an address that has proved to be a stack with sign-in, now or at an earlier
        sign-in.
        """
        from mayfly.client import JobClient  # noqa: PLC0415

        url, token = self.address(given), self.token
        session = self.session(url)
        if token is None:
            token = session.tokens()
        elif not self._is_known(url) and session.site()["auth"] == "none":
            token = None
        return JobClient(url, token=token, transport=self.transport)

    def _is_known(self, url: str) -> bool:
        try:
            return url in self.file.read().people
        except UsageProblem:  # the variables alone will do
            return False
