"""What cloud-init makes of a machine's user data: a script, and whether it runs at the first boot alone.

Understood are a script, and a multi-part archive of a script and of cloud-config that has scripts run at every boot
(cloud-init documentation, "User-data formats"; AWS Knowledge Center, "How do I use user data to automatically run a
script with every restart of my EC2 Linux instance?").
"""

from __future__ import annotations

import email
from dataclasses import dataclass
from email.message import Message
from typing import Any

import yaml

_ALWAYS = ["scripts-user", "always"]


class UnknownUserDataError(ValueError):
    """It is of a kind that is not emulated."""


@dataclass(frozen=True)
class UserData:
    script: bytes
    every_boot: bool = False


def read_user_data(raw: bytes) -> UserData | None:
    """None when there is none.

    Raises:
        UnknownUserDataError
    """
    if not raw.strip():
        return None
    if raw.startswith(b"#!"):
        return UserData(raw)
    message = email.message_from_bytes(raw)
    if not message.is_multipart():
        raise UnknownUserDataError("user data does not begin with #!, other kinds are not emulated")
    parts = {part.get_content_type(): _body(part) for part in message.walk() if not part.is_multipart()}
    unknown = sorted(set(parts) - {"text/x-shellscript", "text/cloud-config"})
    if unknown:
        raise UnknownUserDataError(f"user data of the kinds {', '.join(unknown)} is not emulated")
    script = parts.get("text/x-shellscript")
    return UserData(script.lstrip(), _is_always_run(parts.get("text/cloud-config", b""))) if script else None


def _is_always_run(cloud_config: bytes) -> bool:
    config: Any = yaml.safe_load(cloud_config) or {}
    unknown = sorted(set(config) - {"cloud_final_modules"})
    if unknown:
        raise UnknownUserDataError(f"cloud-config with {', '.join(unknown)} is not emulated")
    return _ALWAYS in config.get("cloud_final_modules", [])


def _body(part: Message) -> bytes:
    body = part.get_payload(decode=True)
    return body if isinstance(body, bytes) else b""
