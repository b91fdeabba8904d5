"""Runs the payload as the machine does: a process of its own, a folder of its own, any of the interpreters found."""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.ec2_payload.s3_double import S3Double

PAYLOAD = pathlib.Path(__file__).parents[2] / "ec2_payload"
JOB_ID = "019a0000-0000-7000-8000-000000000001"
SECRETS = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "hidden", "GITHUB_TOKEN": "hidden"}


@functools.cache
def interpreters() -> list[str]:
    """This interpreter, and the oldest and the newest from 3.9 to 3.13 that there are (on PATH or under pyenv).

    Every process of a run has to find the same ones, so none is started to see whether it works.
    """
    minors = range(9, 14)
    return list(dict.fromkeys([sys.executable, _first_of(minors), _first_of(reversed(minors))]))


def _first_of(minors: Iterable[int]) -> str:
    pyenv = pathlib.Path(os.environ.get("PYENV_ROOT") or pathlib.Path.home() / ".pyenv")
    for minor in minors:
        if (3, minor) == sys.version_info[:2]:
            return sys.executable
        name = f"python3.{minor}"
        for candidate in (*map(str, sorted(pyenv.glob(f"versions/*/bin/{name}"))), shutil.which(name)):
            if candidate and not _is_script(candidate):
                return candidate
    return sys.executable


def _is_script(candidate: str) -> bool:
    """As those that pyenv puts on the path are, which start whichever version is chosen, if one is."""
    with pathlib.Path(candidate).open("rb") as file:
        return file.read(2) == b"#!"


def compiled_payload(folder: pathlib.Path) -> pathlib.Path:
    """A copy of the payload with byte code for every interpreter: most of a short run would be compiling it anew."""
    copy = folder / "ec2_payload"
    shutil.copytree(PAYLOAD, copy, ignore=shutil.ignore_patterns("__pycache__"))
    for python in interpreters():
        subprocess.run([python, "-m", "compileall", "-q", str(copy)], check=True, timeout=240)
    return copy


@dataclasses.dataclass(frozen=True)
class Outcome:
    code: int
    stdout: bytes
    stderr: bytes
    report: dict[str, Any]

    @property
    def events(self) -> list[str]:
        return [event["event"] for event in self.report["events"]]


class Machine:
    """One machine: `folder` is its temporary folder, `payload` its copy of the payload, where scripts are put."""

    def __init__(self, root: pathlib.Path, s3: S3Double, python: str, payload: pathlib.Path = PAYLOAD) -> None:
        self.s3 = s3
        self.python = python
        self.folder = root / "machine tmp"
        self.folder.mkdir()
        self.payload = root / "root" / "ec2_payload"
        shutil.copytree(payload, self.payload)

    def script(self, text: str, name: str = "my_script.sh", mode: int = 0o755) -> list[str]:
        """Puts a script into the payload; returns the command that names it."""
        path = self.payload / name
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)
        return [f"./{name}"]

    def change(self, module: str, before: str, after: str) -> None:
        """Replaces some of the text of this machine's copy of a module of the wrapper."""
        path = self.payload / "wrapper" / module
        text = path.read_text(encoding="utf-8")
        assert before in text
        path.write_text(text.replace(before, after), encoding="utf-8")

    def spec(self, data: bytes = b"input\n", text: str = "text", **changes: Any) -> dict[str, Any]:
        url, _ = self.s3.put("input", data)
        return {
            "version": 1,
            "job_id": JOB_ID,
            "owner": "anonymous",
            "attempt": 1,
            "filename": "a b.txt",
            "text": text,
            "input": {"url": url, "size": len(data)},
            "output": {"url": self.s3.url("output")},
            "command": ["./script.py"],
            "timeout_s": 600,
            **changes,
        }

    def arguments(self, spec: dict[str, Any]) -> tuple[str, str]:
        return self.s3.put("spec", json.dumps(spec).encode())

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [self.python, "-m", "ec2_payload.run_job", *arguments],
            cwd=self.payload.parent,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def environment(self) -> dict[str, str]:
        # A proxy that does not exist: the payload must not ask it.
        return {"PATH": os.environ["PATH"], "TMPDIR": str(self.folder), "http_proxy": "http://127.0.0.1:9", **SECRETS}

    def run(self, spec: dict[str, Any], *flags: str) -> Outcome:
        return self.finish(self.start(*self.arguments(spec), *flags))

    @staticmethod
    def finish(process: subprocess.Popen[bytes]) -> Outcome:
        stdout, stderr = process.communicate(timeout=660)
        assert stderr.count(b"\n") == 1, stderr
        return Outcome(process.returncode, stdout, stderr, json.loads(stderr))

    def archive(self, path: pathlib.Path) -> bytes:
        """The payload as it is stored: a tar.gz with its files at the top."""
        with tarfile.open(path, "w:gz") as tar:
            for item in sorted(self.payload.iterdir()):
                tar.add(item, item.name, filter=lambda member: None if "__pycache__" in member.name else member)
        return path.read_bytes()


def wait_until(condition: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    pause = 0.005
    while not condition():
        assert time.monotonic() < deadline, "not true in time"
        time.sleep(pause)
