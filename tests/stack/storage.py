"""S3's side of the presigned addresses that the fake cloud gives out."""

from __future__ import annotations

import email.parser
import email.policy
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, unquote

from simulation.s3 import S3

_NO_HEADERS: Mapping[str, str] = {}


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def error(status: int, code: str, message: str = "") -> Answer:
    words = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return Answer(status, words.encode(), {"content-type": "application/xml"})


def form_of(content_type: str, body: bytes) -> dict[str, bytes]:
    """A form's fields; the file's is `file`, and S3 ignores what comes after it."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    fields = {str(part.get_param("name", header="content-disposition")): part for part in message.iter_parts()}
    assert list(fields)[-1] == "file"
    return {name: bytes(part.get_payload(decode=True) or b"") for name, part in fields.items()}


def call(s3: S3, method: str, address: SplitResult, headers: Mapping[str, str], body: bytes) -> Answer:
    path, query = unquote(address.path).removeprefix("/"), dict(parse_qsl(address.query))
    assert "authorization" not in headers, "the URL is all that S3 goes by"
    if method == "POST":
        form = form_of(headers["content-type"], body)
        s3.put(f"{path}/{form['key'].decode()}", form["file"])
        return Answer(204)
    if method == "PUT":
        if int(headers["content-length"]) != int(query["ContentLength"]):
            return error(403, "SignatureDoesNotMatch")
        etag = s3.store_part(path.partition("/")[2], query["uploadId"], int(query["partNumber"]), body)
        return Answer(200, b"", {"etag": etag}) if etag else error(404, "NoSuchUpload")
    content = s3.objects.get(path)
    if content is None:
        return error(404, "NoSuchKey")
    told = {
        "content-type": query["response-content-type"],
        "content-disposition": query["response-content-disposition"],
    }
    return _range(content, headers.get("range", ""), told)


def _range(content: bytes, asked: str, headers: Mapping[str, str]) -> Answer:
    found = re.fullmatch(r"bytes=(\d+)-(\d*)", asked)
    if found is None:
        return Answer(200, content, headers)
    start, end = int(found[1]), min(int(found[2] or len(content)) + 1, len(content))
    if start >= len(content):
        return error(416, "InvalidRange")
    return Answer(206, content[start:end], {**headers, "content-range": f"bytes {start}-{end - 1}/{len(content)}"})
