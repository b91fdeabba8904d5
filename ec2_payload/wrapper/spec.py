"""The job's spec: a JSON object that says everything about one attempt. Its fields are described in README.md."""

from __future__ import annotations

import json
import re
import urllib.parse
from typing import Any, NamedTuple

SPEC_VERSION = 1
MAX_SPEC_BYTES = 4 << 20

_SAFE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_URL = re.compile(r"https?://[!-~]+")
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,16}")


class SpecError(ValueError):
    """The spec is not one that this wrapper can follow; the message names the field."""


class Spec(NamedTuple):
    job_id: str
    owner: str
    attempt: int
    filename: str
    text: bytes
    input_url: str
    input_size: int
    output_url: str
    output_suffix: str
    command: tuple[str, ...]
    timeout_s: float

    @classmethod
    def from_json(cls, document: bytes) -> Spec:
        """Reads and checks the document.

        Raises:
            SpecError: it is not a JSON object of version 1, or a field is missing or of the wrong kind.
        """
        try:
            fields = json.loads(document)
        except ValueError as error:
            raise SpecError(f"it is not JSON ({error})") from error
        if not isinstance(fields, dict) or fields.get("version") != SPEC_VERSION:
            raise SpecError(f"it is not an object of version {SPEC_VERSION}")
        job_id = _field(fields, "job_id", str)
        if not _SAFE_ID.fullmatch(job_id):
            raise SpecError("job_id may hold only letters, digits, - and _")  # it names a folder
        return cls(
            job_id=job_id,
            owner=_field(fields, "owner", str),
            attempt=_at_least(1, fields, "attempt"),
            filename=_field(fields, "filename", str),
            text=_utf8(_field(fields, "text", str)),
            input_url=_url(_field(fields, "input", dict), "input"),
            input_size=_at_least(0, _field(fields, "input", dict), "size"),
            output_url=_url(_field(fields, "output", dict), "output"),
            output_suffix=_suffix(_field(fields, "output", dict)),
            command=_command(_field(fields, "command", list)),
            timeout_s=_seconds(fields),
        )

    @property
    def shown_filename(self) -> str:
        """The user's file name without control characters and lone surrogates: fit for an environment variable."""
        if self.filename.isascii() and self.filename.isprintable():
            return self.filename
        import unicodedata  # noqa: PLC0415 - takes 2 ms to load, and few names need it

        return "".join(character for character in self.filename if unicodedata.category(character) not in ("Cc", "Cs"))

    @property
    def suffix(self) -> str:
        """The file name's last suffix if it is plain ASCII (`.txt`), else nothing: tools choose formats by it."""
        stem, dot, suffix = self.shown_filename.rpartition(".")
        return f".{suffix}" if stem and _SUFFIX.fullmatch(dot + suffix) else ""


def is_url(text: str) -> bool:
    """Whether it is an http(s) URL with a host, without spaces or control characters."""
    try:
        parts = urllib.parse.urlsplit(text)
        return bool(_URL.fullmatch(text) and parts.hostname and parts.port != 0)
    except ValueError:  # the port is no port
        return False


def _field(fields: dict[str, Any], name: str, kind: type) -> Any:
    value = fields.get(name)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise SpecError(f"{name} is missing or of the wrong kind")
    return value


def _at_least(minimum: int, fields: dict[str, Any], name: str) -> int:
    value: int = _field(fields, name, int)
    if value < minimum:
        raise SpecError(f"{name} is below {minimum}")
    return value


def _seconds(fields: dict[str, Any]) -> float:
    value = fields.get("timeout_s")
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
        raise SpecError("timeout_s is not a number of seconds above 0")
    return float(value)


def _url(fields: dict[str, Any], name: str) -> str:
    url: str = _field(fields, "url", str)
    if not is_url(url):
        raise SpecError(f"{name}.url is not an http(s) URL")
    return url


def _suffix(fields: dict[str, Any]) -> str:
    suffix = fields.get("suffix", "")
    if not isinstance(suffix, str) or (suffix and not _SUFFIX.fullmatch(suffix)):
        raise SpecError("output.suffix is not a suffix")
    return suffix


def _command(words: list[Any]) -> tuple[str, ...]:
    if not words or not all(isinstance(word, str) and word and "\0" not in word for word in words):
        raise SpecError("command is not a list of words")
    for word in words:
        _utf8(word)
    return tuple(words)


def _utf8(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:  # JSON can spell half of a surrogate pair
        raise SpecError("a text is not valid Unicode") from error
