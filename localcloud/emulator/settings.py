"""What the emulator process is started with."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

ACCOUNT_ID = "000000000000"
ROOT_ACCESS_KEY_ID = "AKIALOCALCLOUDROOT00"  # of the account's root user; its secret is made for each run

# How long a stopped machine takes to be up, as a share of a new one's time: RunsOn has its runners ready in 15 seconds
# from its pool of stopped machines and in 25 from new ones ("Warm pools"; see docs/machine-start.md).
_RESTART_SHARE = 15 / 25


class Scope(NamedTuple):
    """The account and region that a resource or an event belongs to."""

    account_id: str
    region: str


@dataclass(frozen=True)
class Settings:
    """Fixed for the life of one emulator process.

    Attributes:
        region: the default region, for requests that name none.
        scratch_folder: private, removed with the process; all but the functions' code is written below it.
        keeps_state: it stays, since the process can be started again with what its services held.
        aws_port: port of the AWS endpoint on 127.0.0.1; 0 for any free one.
        site_port: port of the site on 127.0.0.1; 0 for any free one.
        boot_seconds: how long a machine stays `pending` before its user data runs.
        root_secret: secret key of the account's root user.
        admin_token: opens the emulator's own administration paths.
    """

    region: str
    scratch_folder: str
    keeps_state: bool
    aws_port: int
    site_port: int
    boot_seconds: float
    root_secret: str = field(repr=False)
    admin_token: str = field(repr=False)

    @property
    def scratch(self) -> Path:
        return Path(self.scratch_folder)

    @property
    def aws_endpoint(self) -> str:
        return f"http://127.0.0.1:{self.aws_port}"

    @property
    def restart_seconds(self) -> float:
        return self.boot_seconds * _RESTART_SHARE

    @property
    def home_scope(self) -> Scope:
        return Scope(ACCOUNT_ID, self.region)
