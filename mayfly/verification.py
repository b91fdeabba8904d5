"""Verifies a job's files against its manifest."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mayfly.errors import NotAStack, UsageProblem
from mayfly.job import Job

MANIFEST_VERSION = 1
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Check:
    """`verdict` is ok, differs, not known (to the manifest) or not checked; hashes in hex, None where there is none."""

    what: str
    verdict: str
    recorded: str | None
    found: str | None = None


class Digests(io.RawIOBase):
    """A file that keeps nothing of what is written to it but its hashes."""

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()
        self._md5 = hashlib.md5(usedforsecurity=False)  # what S3 has of a result; the SHA-256 is the machine's word

    @staticmethod
    def of(path: Path) -> Digests:
        """Raises UsageProblem: it cannot be read."""
        made = Digests()
        try:
            with path.open("rb") as file:
                while chunk := file.read(_CHUNK):
                    made.write(chunk)
        except OSError as error:
            raise UsageProblem(f"{path} cannot be read: {error.strerror}.") from error
        return made

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._sha256.update(data)
        self._md5.update(data)
        return len(data)

    @property
    def sha256(self) -> str:
        return self._sha256.hexdigest()

    @property
    def md5(self) -> str:
        return self._md5.hexdigest()


def read_manifest(content: bytes, url: str) -> dict[str, Any]:
    """The manifest out of what a stack has sent.

    Raises:
        NotAStack: it is none.
        UsageProblem: it is of a form that this client does not know.
    """
    try:
        manifest = json.loads(content)
        version = manifest["version"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise NotAStack(url) from error
    if version != MANIFEST_VERSION:
        raise UsageProblem(f"The manifest is of version {version}, this client knows {MANIFEST_VERSION}: update it.")
    return dict(manifest)


def checks(
    job: Job, content: bytes, manifest: dict[str, Any], result: Digests, given: Digests | None
) -> Iterator[Check]:
    """Holds a job, its result and, where there is one, its input against its manifest.

    Args:
        job: as the API answers it.
        content: the manifest, as it was sent.
        manifest: the same, read.
        result: of the result, as it was fetched or given.
        given: of the input.
    """
    recorded = str(job["manifest_sha256"])
    found = hashlib.sha256(content).hexdigest()
    is_this_jobs = (manifest.get("job_id"), manifest.get("owner")) == (job["id"], job.get("owner"))
    yield Check("manifest", "ok" if found == recorded and is_this_jobs else "differs", recorded, found)
    yield _compared("result", _hash(manifest, "output"), result.sha256)
    yield _compared("result, MD5 by S3", _hash(manifest, "output", "md5"), result.md5)
    yield _compared("text", _hash(manifest, "text"), hashlib.sha256(job["input_text"].encode()).hexdigest())
    file = _hash(manifest, "input")
    yield _compared("input", file, given.sha256) if given else Check("input", "not checked", file)


def doubts(made: list[Check]) -> list[str]:
    """What speaks against the job, in words; of the result's two hashes one has to be known."""
    found = [f"the {check.what} differs" for check in made if check.verdict == "differs"]
    known = {check.what.partition(",")[0] for check in made if check.verdict in {"ok", "differs", "not checked"}}
    missing = dict.fromkeys(check.what.partition(",")[0] for check in made)
    return found + [f"the {what}'s hash is not known" for what in missing if what not in known]


def _hash(manifest: dict[str, Any], of: str, kind: str = "sha256") -> str | None:
    facts = manifest.get(of)
    found = facts.get(kind) if isinstance(facts, dict) else None
    return None if found is None else str(found)


def _compared(what: str, recorded: str | None, found: str) -> Check:
    if recorded is None:
        return Check(what, "not known", None, found)
    return Check(what, "ok" if found == recorded else "differs", recorded, found)
