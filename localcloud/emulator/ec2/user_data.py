"""What cloud-init makes of a machine's user data: scripts, for the first boot or for every one.

Understood are a script, and a multi-part archive of scripts (cloud-init documentation, "User-data formats").
"""

from __future__ import annotations

import email
from dataclasses import dataclass
from email.message import Message

_ONCE = "text/x-shellscript"
_EVERY_BOOT = "text/x-shellscript-per-boot"
_HEADER = b"mime-version:"
_HEADER_WITHIN = 4096


class UnknownUserDataError(ValueError):
    """It is of a kind that is not emulated."""


@dataclass(frozen=True)
class BootScript:
    """`name` is that of its file: a later script of the same name and kind takes its place."""

    name: str
    body: bytes
    every_boot: bool = False


def read_user_data(raw: bytes) -> list[BootScript]:
    """In the order in which they run: those of every boot by name, then those of the first boot.

    Raises:
        UnknownUserDataError
    """
    if not raw.strip():
        return []
    if _HEADER not in raw[:_HEADER_WITHIN].lower():
        if raw.startswith(b"#!"):
            return [BootScript("part-001", raw)]
        raise UnknownUserDataError("user data does not begin with #!, other kinds are not emulated")
    parts = [part for part in email.message_from_bytes(raw).walk() if not part.is_multipart()]
    unknown = sorted({part.get_content_type() for part in parts} - {_ONCE, _EVERY_BOOT})
    if unknown:
        raise UnknownUserDataError(f"user data of the kinds {', '.join(unknown)} is not emulated")
    scripts = [_script(part, f"part-{number:03}") for number, part in enumerate(parts, 1)]
    kept = {(script.every_boot, script.name): script for script in scripts}
    # Like cloud-init's modules, scripts-per-boot before scripts-user, and like its runparts().
    return [kept[key] for key in sorted(kept, key=lambda key: (not key[0], key[1]))]


def _script(part: Message, name: str) -> BootScript:
    body = part.get_payload(decode=True)
    return BootScript(
        part.get_filename() or name, body if isinstance(body, bytes) else b"", part.get_content_type() == _EVERY_BOOT
    )
