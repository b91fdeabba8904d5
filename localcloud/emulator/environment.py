"""The environment of the emulator process: nothing of the user's AWS configuration reaches it."""

from __future__ import annotations

import os
from pathlib import Path

from localcloud.emulator.settings import ACCOUNT_ID

_KEPT = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "PYTHONPATH",
    "PYTHONWARNINGS",
    "VIRTUAL_ENV",
    "COVERAGE_PROCESS_START",
)


def emulator_environment(*, scratch: Path, region: str, keeps_state: bool = False) -> dict[str, str]:
    """Variables for `python -m localcloud.emulator`.

    Args:
        scratch: temporary files of the emulator and of everything it starts go below it.
        region: the region of requests that name none.
        keeps_state: what the services hold is written below `scratch` when the emulator ends, and read when it starts.
    """
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {
        **kept,
        "TMPDIR": str(scratch / "tmp"),
        "AUTH": "true",
        "AWS_DEFAULT_REGION": region,
        "MINISTACK_REGION": region,
        "MINISTACK_ACCOUNT_ID": ACCOUNT_ID,
        "BIND_HOST": "127.0.0.1",
        "LOG_LEVEL": "WARNING",
        "LAMBDA_EXECUTOR": "local",
        # As Lambda waits before it repeats an asynchronous invocation: a minute, then two.
        "LAMBDA_ASYNC_RETRY_BASE_SECONDS": "60",
        "LAMBDA_ASYNC_RETRY_MAX_SECONDS": "300",
        "PERSIST_STATE": "1" if keeps_state else "0",
        "S3_PERSIST": "1" if keeps_state else "0",
        "S3_DATA_DIR": str(scratch / "state" / "s3"),
        # Cognito's signing keys are written to disk all the same.
        "STATE_DIR": str(scratch / "state"),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        # No daemon is looked for: an emulator that finds one would remove containers that it thinks are its own.
        "DOCKER_HOST": f"unix://{scratch}/no-docker.sock",
        "AWS_EC2_METADATA_DISABLED": "true",
        "PYTHONUNBUFFERED": "1",
    }
