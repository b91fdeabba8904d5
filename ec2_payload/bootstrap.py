"""Fetches the payload, checks its hash and runs it, with this file on standard input.

`python3 -IS - PAYLOAD_URL PAYLOAD_SHA256 SPEC_URL SPEC_SHA256 [--upload-only]`. Standard library only, Python 3.9 or
newer.
"""

import contextlib
import errno
import hashlib
import http.client
import importlib
import json
import os
import pathlib
import re
import shutil
import sys
import tarfile
import tempfile
import time
import urllib.parse

UNUSABLE, DISK_FULL, INTERNAL = 20, 40, 70  # as in the payload's own exit codes
DELAYS_S = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 8.0)
PERMANENT = (301, 302, 307, 308, 400, 401, 403, 404, 410)


class UnusableError(Exception):
    pass


def fetch(url: str, target: pathlib.Path) -> str:
    """Writes the payload to the file and returns its SHA-256; tries again where that may help."""
    for delay in (*DELAYS_S, None):
        try:
            return get(url, target)
        except (OSError, http.client.HTTPException) as error:
            if getattr(error, "errno", None) == errno.ENOSPC:
                raise
            if delay is None or isinstance(error, http.client.InvalidURL):
                raise UnusableError(f"the payload cannot be fetched: {error}") from error
            time.sleep(delay)
    raise AssertionError


def get(url: str, target: pathlib.Path) -> str:
    """One try. No proxy that the environment names sees the URL, which is a credential: http.client asks none."""
    parts = urllib.parse.urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    with contextlib.closing(kind(parts.netloc, timeout=60)) as connection, target.open("wb") as file:
        connection.request("GET", parts._replace(scheme="", netloc="").geturl())
        response = connection.getresponse()
        if response.status in PERMANENT:
            raise UnusableError(f"the payload cannot be fetched: HTTP {response.status} {response.reason}")
        if response.status != 200:  # noqa: PLR2004
            raise ConnectionError(f"HTTP {response.status} {response.reason}")
        digest = hashlib.sha256()
        while chunk := response.read(1 << 20):
            digest.update(chunk)
            file.write(chunk)
        if response.length:
            raise ConnectionError("connection closed too early")
        return digest.hexdigest()


def extract(archive: pathlib.Path, folder: pathlib.Path) -> None:
    """Unpacks files and folders only, inside the folder only (tarfile of Python 3.9 has no filters)."""
    with tarfile.open(archive, "r:gz") as tar:
        for member in tar:
            path = pathlib.PurePosixPath(member.name)
            if path.is_absolute() or ".." in path.parts or not (member.isfile() or member.isdir()):
                raise UnusableError(f"the payload holds something other than plain files: {member.name}")
            target = folder / path
            source = tar.extractfile(member)
            if source is None:
                target.mkdir(parents=True, exist_ok=True)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            with source, target.open("wb") as file:
                shutil.copyfileobj(source, file, 1 << 20)
            target.chmod(member.mode & 0o777 | 0o600)


def prepare(url: str, sha256: str, folder: pathlib.Path) -> None:
    archive = folder / "payload.tar.gz"
    if fetch(url, archive) != sha256.lower():
        raise UnusableError("the payload does not have the expected SHA-256")
    extract(archive, folder / "ec2_payload")
    archive.unlink()


def fail(code: int, message: str) -> int:
    """Writes the same kind of report as the payload would."""
    report = {"version": 1, "stage": "spec", "exit_code": None, "signal": None, "timed_out": False, "stderr_tail": ""}
    report.update(message=re.sub(r"\?[^\s'\"<>]+", "?(removed)", message)[:600], input=None, output=None, events=[])
    print(json.dumps(dict(report, python=".".join(map(str, sys.version_info[:3])))), file=sys.stderr)
    return code


def main() -> int:
    payload_url, payload_sha256, *rest = sys.argv[1:]
    base = os.environ.get("TMPDIR") or "/var/tmp"  # noqa: S108 - /tmp is in memory on Amazon Linux 2023
    folder = pathlib.Path(tempfile.mkdtemp(prefix="mayfly-payload-", dir=base))
    try:
        prepare(payload_url, payload_sha256, folder)
        sys.path.insert(0, str(folder))
        sys.dont_write_bytecode = True
        code: int = importlib.import_module("ec2_payload.run_job").main(rest)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return code


try:
    sys.exit(main())
except (UnusableError, tarfile.TarError, EOFError) as error:
    sys.exit(fail(UNUSABLE, str(error)))
except Exception as error:  # noqa: BLE001 - the report must be written whatever happens
    full = isinstance(error, OSError) and error.errno == errno.ENOSPC
    sys.exit(fail(DISK_FULL if full else INTERNAL, f"{type(error).__name__}: {error}"))
