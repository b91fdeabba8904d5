"""The shell script that SSM runs on a machine: it starts bootstrap.py with URLs and hashes and nothing a user wrote."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from dataclasses import dataclass

from functions.jobs.job import Job

_SHA256 = re.compile(r"[0-9a-f]{64}")
# What a presigned URL consists of (RFC 3986 without the quotes): nothing in it can end a shell word.
_URL = re.compile(r"https?://[A-Za-z0-9._~:/?#\[\]@!$&()*+,;=%-]+")
_HEREDOC_END = "PYTHON"


@dataclass(frozen=True)
class Spec:
    """Everything an attempt needs, as run_job.py reads it (see ec2_payload/README.md).

    Kept in S3, not in the command: commands can be listed by everyone who may use SSM.
    """

    job: Job
    attempt: int
    input_url: str
    output_url: str
    script: tuple[str, ...]
    timeout_seconds: int

    def encode(self) -> bytes:
        job = self.job
        return json.dumps(
            {
                "version": 1,
                "job_id": job.id,
                "owner": job.owner,
                "attempt": self.attempt,
                "filename": job.filename,
                "text": job.input_text,
                "input": {"url": self.input_url, "size": job.size},
                "output": {"url": self.output_url} | ({"suffix": job.output_suffix} if job.output_suffix else {}),
                "command": list(self.script),
                "timeout_s": self.timeout_seconds,
            }
        ).encode()


def machine_command(
    bootstrap: str, *, payload_url: str, payload_sha256: str, spec_url: str, spec_sha256: str, upload_only: bool = False
) -> str:
    """Raises ValueError when an argument is not what its name says: such a command is never sent."""
    for url in (payload_url, spec_url):
        if not _URL.fullmatch(url):
            raise ValueError("a URL in the machine's command has characters that no presigned URL has")
    for digest in (payload_sha256, spec_sha256):
        if not _SHA256.fullmatch(digest):
            raise ValueError("a hash in the machine's command is not a SHA-256 in hex")
    if _HEREDOC_END in bootstrap.splitlines():
        raise ValueError(f"bootstrap.py must not have a line that is just {_HEREDOC_END}")
    arguments = [payload_url, payload_sha256, spec_url, spec_sha256, *(["--upload-only"] if upload_only else [])]
    # The standard library is all that it needs: what an image's Python has besides takes time to load, and may fail.
    return f"exec python3 -IS - {shlex.join(arguments)} <<'{_HEREDOC_END}'\n{bootstrap.rstrip()}\n{_HEREDOC_END}\n"


def sha256_hex(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
