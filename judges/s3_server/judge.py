"""`python -m judges.s3_server.judge SERVER` starts the server on loopback and holds it to the contract."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError

from functions.aws.clients import Clients
from judges.s3_server.contract import CHECKS, Store

if TYPE_CHECKING:
    from mypy_boto3_s3.literals import BucketLocationConstraintType

REGION: BucketLocationConstraintType = "eu-central-1"
_START_TIMEOUT_S = 60


@contextmanager
def running(server: str) -> Iterator[None]:
    """The server, with the environment of this process leading every new client to it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    key, secret = secrets.token_hex(10), secrets.token_hex(20)
    os.environ.update(
        AWS_ACCESS_KEY_ID=key,
        AWS_SECRET_ACCESS_KEY=secret,
        AWS_DEFAULT_REGION=REGION,
        AWS_ENDPOINT_URL=f"http://{address}",
        AWS_EC2_METADATA_DISABLED="true",
    )
    with tempfile.TemporaryDirectory() as folder:
        for name in ("meta", "data"):
            Path(folder, name).mkdir()
        given = {"ROOT_ACCESS_KEY": key, "ROOT_SECRET_KEY": secret, "VGW_REGION": REGION}
        process = subprocess.Popen(
            [server, "--port", address, "--quiet", "posix", "--sidecar", f"{folder}/meta", f"{folder}/data"],
            env={**os.environ, **given},
            stdout=subprocess.DEVNULL,
        )
        try:
            _wait_for(process)
            yield
        finally:
            process.terminate()
            process.wait()


def _wait_for(server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while True:
        try:
            Clients().s3.list_buckets()
        except BotoCoreError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


def store() -> Store:
    """Three new buckets."""
    client = Clients().s3
    names = [f"{name}-{secrets.token_hex(4)}" for name in ("uploads", "outputs", "artifacts")]
    for name in names:
        client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    return Store(client, *names)


def main(argv: Sequence[str]) -> int:
    (server,) = argv
    failed = 0
    with running(server):
        for check in CHECKS:
            name = check.__name__.replace("_", " ")
            try:
                check(store())
            except Exception:  # noqa: BLE001 - whatever it is, the others are tried as well
                failed += 1
                print(f"FAIL  {name}\n{traceback.format_exc()}")
            else:
                print(f"ok    {name}")
    print(f"{len(CHECKS) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
