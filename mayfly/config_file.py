"""What the client keeps between two commands: the stack's address, and who is signed in where."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from mayfly.errors import UsageProblem
from mayfly.shapes import Shape, fits

if sys.platform != "win32":
    import fcntl


@dataclass(frozen=True)
class SignedIn:
    """A user signed in at one stack. `access_ends_at` is in seconds since 1970."""

    domain: str
    client_id: str
    owner: str
    email: str
    refresh_token: str
    access_token: str
    access_ends_at: float


@dataclass(frozen=True)
class Config:
    """`url` is the default stack of commands; `people` maps a stack's URL to the user signed in there."""

    url: str | None = None
    people: Mapping[str, SignedIn] = field(default_factory=dict)

    def with_stack(self, url: str, person: SignedIn | None) -> Config:
        """This with the stack as the default of commands; `person` is None where the stack has no sign-in."""
        return replace(self.without(url), url=url).with_person(url, person)

    def with_person(self, url: str, person: SignedIn | None) -> Config:
        return replace(self, people={**self.people, url: person}) if person else self

    def without(self, url: str) -> Config:
        """This without a sign-in at the stack."""
        return replace(self, people={each: person for each, person in self.people.items() if each != url})


_TEXTS = ("domain", "client_id", "owner", "email", "refresh_token", "access_token")
_PERSON: Shape = {**dict.fromkeys(_TEXTS, str), "access_ends_at": (int, float)}
_SHAPE: Shape = {
    "url": (str, type(None)),
    "people": lambda people: isinstance(people, dict) and all(fits(each, _PERSON) for each in people.values()),
}


class ConfigFile:
    """A file that its owner alone can read: a refresh token is as good as a password until it is revoked or over."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "config.json"

    def read(self) -> Config:
        """What was kept; of nothing, where there is no file yet.

        Raises:
            UsageProblem: the file is none of this client's.
        """
        try:
            found = json.loads(self.path.read_text(encoding="utf-8"))
            if not fits(found, _SHAPE):
                raise ValueError("it is of another form")  # noqa: TRY301 - reported as every other fault of the file
            people = {str(url): SignedIn(**person) for url, person in found["people"].items()}
            return Config(found["url"], people)
        except FileNotFoundError:
            return Config()
        except (OSError, ValueError, TypeError, RecursionError) as error:
            raise UsageProblem(f"{self.path} cannot be read. Remove it, and sign in again: mayfly login") from error

    def change(self, change: Callable[[Config], Config]) -> None:
        """Writes what `change` makes of the file, which no other command changes meanwhile.

        The file is replaced as a whole, so that no other command finds half of it.

        Raises:
            UsageProblem: it cannot be read or written.
        """
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._locked():
                self._write(change(self.read()))
        except OSError as error:
            raise UsageProblem(f"{self.path} cannot be written: {error.strerror or error}.") from error

    @contextmanager
    def _locked(self) -> Iterator[None]:
        if sys.platform == "win32":  # two commands would have to write within the same moment
            yield
            return
        # Beside the file, which is replaced; closing it ends the lock.
        with self.path.with_name(".lock").open("w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _write(self, config: Config) -> None:
        text = json.dumps({"url": config.url, "people": {url: asdict(each) for url, each in config.people.items()}})
        # Made with mode 0600.
        descriptor, name = tempfile.mkstemp(dir=self.path.parent, prefix=".config-")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            Path(name).replace(self.path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
