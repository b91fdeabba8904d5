"""Files from and to S3 through presigned URLs, in constant memory, with retries and SHA-256 on the way."""

from __future__ import annotations

import contextlib
import re
import time
from typing import TYPE_CHECKING, BinaryIO, Callable, Optional

from ec2_payload.wrapper.digest import Digest
from ec2_payload.wrapper.http_call import Retries, TransferError, UnavailableError, check_status, connection, network

if TYPE_CHECKING:
    import http.client
    import io
    import pathlib

MAX_PUT_BYTES = 5 << 30
"""S3 takes at most 5 GiB in one PUT."""
PROGRESS_EVERY_S = 10
UPLOAD_PATIENCE_S = 600
"""A result can be hours of work: within the time that a command has for its transfers, half an hour."""

OnProgress = Callable[[int, int], None]
"""Called now and then with the bytes done and the bytes in all."""


def fetch(url: str, max_bytes: int) -> bytes:
    """A small object's bytes.

    Raises:
        TransferError: it cannot be had, or is longer than `max_bytes`.
    """
    retries = Retries(url)
    while True:
        try:
            with connection(url) as (opened, target), network():
                opened.request("GET", target)
                response = opened.getresponse()
                check_status(response, url)
                body = response.read(max_bytes + 1)
        except UnavailableError as error:
            retries.wait(error)
            continue
        if len(body) > max_bytes:
            raise TransferError(f"longer than {max_bytes} bytes")
        return body


def download(url: str, target: pathlib.Path, size: int, on_progress: OnProgress) -> str:
    """Writes the object to the file and returns its SHA-256 (hex). A broken connection is taken up where it broke.

    Raises:
        TransferError: it cannot be had, changed meanwhile, or is not `size` bytes long.
        OSError: the file cannot be written.
    """
    retries = Retries(url)
    with target.open("wb") as file, contextlib.closing(_Received(file, size)) as received:
        progress = _every_few_seconds(on_progress)
        while True:
            try:
                _receive(url, received, retries, progress)
            except UnavailableError as error:
                retries.wait(error)
            else:
                return received.digest.hexdigest()


def upload(url: str, source: pathlib.Path, on_progress: OnProgress) -> tuple[int, str]:
    """Sends the file; returns its size in bytes and SHA-256 (hex). Every try sends the file from its start.

    Raises:
        TransferError: it was refused, or tries are used up.
        OSError: the file cannot be read.
    """
    retries = Retries(url, UPLOAD_PATIENCE_S)
    while True:
        try:
            return _send(url, source, _every_few_seconds(on_progress))
        except UnavailableError as error:
            retries.wait(error)


class _Received:
    def __init__(self, file: BinaryIO, size: int) -> None:
        self.file = file
        self.size = size
        self.etag: Optional[str] = None
        self.done = 0
        self.digest = Digest()

    def start_over(self) -> None:
        self.file.seek(0)
        self.file.truncate()
        self.done = 0
        self.digest.close()
        self.digest = Digest()

    def read_from(self, response: http.client.HTTPResponse) -> None:
        """Takes up to one buffer of bytes."""
        buffer = self.digest.buffer()
        count = 0
        try:
            with network():
                count = response.readinto(buffer[: self.size - self.done])
            self.file.write(buffer[:count])
        finally:
            self.digest.give_back(buffer, count)
        if not count:
            raise UnavailableError(f"connection closed after {self.done} of {self.size} bytes")
        self.done += count

    def close(self) -> None:
        self.digest.close()


def _receive(url: str, received: _Received, retries: Retries, progress: OnProgress) -> None:
    headers = {}
    if received.done:
        headers["Range"] = f"bytes={received.done}-"
        if received.etag:
            headers["If-Match"] = (
                received.etag
            )  # the remainder must be of the same object: an upload URL can be used twice
    with connection(url) as (opened, target):
        with network():
            opened.request("GET", target, headers=headers)
            response = opened.getresponse()
        check_status(response, url)
        received.etag = response.getheader("ETag")
        _line_up(response, received)
        while received.done < received.size:
            received.read_from(response)
            progress(received.done, received.size)
            retries.progress()
        with network():
            if response.read(1):
                raise TransferError(f"longer than the {received.size} bytes announced")


def _line_up(response: http.client.HTTPResponse, received: _Received) -> None:
    """Makes the file's length agree with where the answer's body begins, and checks the length that it announces."""
    begins = re.match(r"bytes (\d+)-", response.getheader("Content-Range") or "")
    if received.done and not (begins and int(begins.group(1)) == received.done):
        if begins:
            raise TransferError("the server answered with another range than the one asked for")
        received.start_over()  # a server without ranges sends everything again
    if response.length is not None and response.length != received.size - received.done:
        raise TransferError(
            f"{response.length + received.done} bytes long where {received.size} bytes were announced",
        )


def _send(url: str, source: pathlib.Path, progress: OnProgress) -> tuple[int, str]:
    with source.open("rb", buffering=0) as file, contextlib.closing(Digest()) as digest:
        size = source.stat().st_size
        if size > MAX_PUT_BYTES:
            raise TransferError(f"the output is {size} bytes long; one upload takes at most {MAX_PUT_BYTES}")
        with connection(url) as (opened, target):
            with network():
                opened.putrequest("PUT", target, skip_accept_encoding=True)
                opened.putheader("Content-Length", str(size))
                opened.endheaders()
            broken: Optional[UnavailableError] = None
            try:
                _send_body(opened, file, size, digest, progress)
            except UnavailableError as error:
                broken = error  # S3 may refuse and hang up before the whole body is sent: its answer says why
            with network():
                response = opened.getresponse()
            check_status(response, url)
            if broken:
                raise broken
        return size, digest.hexdigest()


def _send_body(
    opened: http.client.HTTPConnection, file: io.FileIO, size: int, digest: Digest, progress: OnProgress
) -> None:
    sent = 0
    while sent < size:
        buffer = digest.buffer()
        count = file.readinto(buffer[: size - sent])
        if not count:
            raise TransferError("the output became shorter while it was sent")
        try:
            with network():
                opened.send(buffer[:count])
        finally:
            digest.give_back(buffer, count)
        sent += count
        progress(sent, size)


def _every_few_seconds(on_progress: OnProgress) -> OnProgress:
    last = time.monotonic()

    def report(done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last >= PROGRESS_EVERY_S:
            last = time.monotonic()
            on_progress(done, total)

    return report
