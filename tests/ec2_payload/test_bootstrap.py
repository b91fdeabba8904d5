"""bootstrap.py the way SSM runs it: a here-document of `sh`, on the standard input of `python3`."""

from __future__ import annotations

import hashlib
import io
import json
import pathlib
import shlex
import ssl
import subprocess
import tarfile
from typing import Any

import pytest

from benchmarks.certificate import self_signed
from tests.ec2_payload.machine import PAYLOAD, Machine, Outcome
from tests.ec2_payload.s3_double import SLOW_DOWN, Answer, Drop, S3Double

BOOTSTRAP = (PAYLOAD / "bootstrap.py").read_text(encoding="ascii")


class Shell:
    """Runs commands like SSM's: a script file given to `sh`, where `python3` is the interpreter under test."""

    def __init__(self, machine: Machine, root: pathlib.Path) -> None:
        self.machine = machine
        self.root = root
        self.bin = root / "bin"
        self.bin.mkdir()
        (self.bin / "python3").symlink_to(machine.python)

    def store_payload(self) -> tuple[str, str]:
        return self.machine.s3.put("payload", self.machine.archive(self.root / "payload.tar.gz"))

    def run(self, *words: str, environment: dict[str, str] | None = None) -> Outcome:
        script = self.root / "_script.sh"
        command = shlex.join(["python3", "-IS", "-", *words])
        script.write_text(f"{command} <<'PYTHON'\n{BOOTSTRAP}PYTHON\n", encoding="utf-8")
        inherited = self.machine.environment()
        process = subprocess.Popen(
            ["/bin/sh", str(script)],
            cwd=self.root,
            env={**inherited, "PATH": f"{self.bin}:{inherited['PATH']}", **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        return Machine.finish(process)


@pytest.fixture
def shell(machine: Machine, tmp_path: pathlib.Path) -> Shell:
    return Shell(machine, tmp_path)


@pytest.fixture
def any_shell(any_machine: Machine, tmp_path: pathlib.Path) -> Shell:
    return Shell(any_machine, tmp_path)


def test_bootstrap_can_stand_in_a_here_document_of_an_ssm_command() -> None:
    assert "PYTHON" not in BOOTSTRAP.splitlines()
    assert "{{" not in BOOTSTRAP  # SSM would take it for a parameter
    assert BOOTSTRAP.isascii()
    assert BOOTSTRAP.endswith("\n")
    assert len(BOOTSTRAP) < 6000


def test_a_job_runs_through_the_here_document(any_shell: Shell) -> None:
    machine = any_shell.machine
    outcome = any_shell.run(*any_shell.store_payload(), *machine.arguments(machine.spec(b"line", "🦋")))
    assert outcome.code == 0, outcome
    assert machine.s3.objects["output"] == "line\n🦋".encode()
    assert outcome.report["stage"] == "done"
    assert list(machine.folder.iterdir()) == []


def test_what_wrote_the_here_document_is_taken_in_before_the_script_runs(shell: Shell) -> None:
    """Where `sh` is dash it is a child of the wrapper, for which every process would be looked through twice."""
    machine = shell.machine
    command = machine.script('#!/bin/sh\ncat /proc/[0-9]*/stat 2>/dev/null | grep -c ") Z $PPID " >"$3"\nexit 0\n')
    assert shell.run(*shell.store_payload(), *machine.arguments(machine.spec(command=command))).code == 0
    assert machine.s3.objects["output"] == b"0\n"


def test_modules_of_the_images_own_do_not_reach_the_wrapper(shell: Shell) -> None:
    for name in ("json.py", "sitecustomize.py"):  # in the working folder as well
        (shell.root / name).write_text("import sys; sys.exit('the wrapper has loaded this')")
    arguments = shell.machine.arguments(shell.machine.spec())
    outcome = shell.run(*shell.store_payload(), *arguments, environment={"PYTHONPATH": str(shell.root)})
    assert outcome.code == 0, outcome


def test_the_payloads_own_exit_code_and_report_come_through(shell: Shell) -> None:
    machine = shell.machine
    command = machine.script("#!/bin/sh\necho oops >&2\nexit 5\n")
    outcome = shell.run(*shell.store_payload(), *machine.arguments(machine.spec(command=command)))
    assert (outcome.code, outcome.report["exit_code"], outcome.report["stderr_tail"]) == (10, 5, "oops\n")


def test_upload_only_finds_what_the_first_command_kept(shell: Shell) -> None:
    machine = shell.machine
    payload = shell.store_payload()
    machine.s3.faults["output"] = [Answer(403, "<Message>Request has expired</Message>")]
    assert shell.run(*payload, *machine.arguments(machine.spec())).code == 31
    assert shell.run(*payload, *machine.arguments(machine.spec()), "--upload-only").code == 0
    assert machine.s3.objects["output"] == b"input\ntext"
    assert list(machine.folder.iterdir()) == []


def test_a_payload_is_fetched_again_after_a_broken_connection(shell: Shell) -> None:
    machine = shell.machine
    payload = shell.store_payload()
    machine.s3.faults["payload"] = [Answer(503, SLOW_DOWN), Drop(100)]
    assert shell.run(*payload, *machine.arguments(machine.spec())).code == 0
    assert machine.s3.count("GET", "payload") == 3


def test_a_payload_with_another_hash_is_not_run(shell: Shell) -> None:
    machine = shell.machine
    url, _ = shell.store_payload()
    other = hashlib.sha256(b"other").hexdigest()
    outcome = shell.run(url, other, *machine.arguments(machine.spec()))
    assert (outcome.code, outcome.report["message"]) == (20, "the payload does not have the expected SHA-256")
    assert machine.s3.count("GET", "spec") == 0
    assert list(machine.folder.iterdir()) == []


def test_a_refused_payload_url_is_reported_without_its_signature(shell: Shell) -> None:
    shell.machine.s3.faults["payload"] = [Answer(403)]
    outcome = shell.run(*shell.store_payload(), *shell.machine.arguments(shell.machine.spec()))
    assert (outcome.code, outcome.report["stage"]) == (20, "spec")
    assert "403" in outcome.report["message"]
    broken = shell.run("http://localhost/a b?X-Amz-Signature=secret-signature", "0" * 64, "x", "x")
    assert (broken.code, "(removed)" in broken.report["message"]) == (20, True)
    assert b"secret-signature" not in outcome.stderr + broken.stderr


def test_both_reports_have_the_same_fields(shell: Shell) -> None:
    payload = shell.store_payload()
    arguments = shell.machine.arguments(shell.machine.spec())
    good = shell.run(*payload, *arguments)
    bad = shell.run(payload[0], "0" * 64, *arguments)
    assert list(good.report) == list(bad.report)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("../escaped", tarfile.REGTYPE),
        ("/tmp/escaped", tarfile.REGTYPE),  # noqa: S108 - must not be written
        ("link", tarfile.SYMTYPE),
        ("device", tarfile.CHRTYPE),
    ],
)
def test_an_archive_that_reaches_out_of_its_folder_is_refused(shell: Shell, name: str, kind: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, "/etc/passwd" if kind == tarfile.SYMTYPE else ""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as tar:
        tar.addfile(member)
    machine = shell.machine
    outcome = shell.run(*machine.s3.put("payload", raw.getvalue()), *machine.arguments(machine.spec()))
    assert outcome.code == 20
    assert "other than plain files" in outcome.report["message"]
    assert list(machine.folder.iterdir()) == []


@pytest.mark.parametrize("body", [b"", b"not an archive"])
def test_an_archive_that_cannot_be_read_is_refused(any_shell: Shell, body: bytes) -> None:
    machine = any_shell.machine
    outcome = any_shell.run(*machine.s3.put("payload", body), *machine.arguments(machine.spec()))
    assert outcome.code == 20, outcome


def test_a_payload_without_its_wrapper_is_an_internal_error(shell: Shell) -> None:
    (shell.machine.payload / "run_job.py").unlink()
    outcome = shell.run(*shell.store_payload(), *shell.machine.arguments(shell.machine.spec()))
    assert (outcome.code, outcome.report["stage"]) == (70, "spec")
    assert "run_job" in outcome.report["message"]


def test_files_keep_their_modes(shell: Shell) -> None:
    command = shell.machine.script('#!/bin/sh\nls -l "$(dirname "$0")" >"$3"\n')
    shell.machine.script("", "plain.txt", 0o640)
    arguments = shell.machine.arguments(shell.machine.spec(command=command))
    assert shell.run(*shell.store_payload(), *arguments).code == 0
    listing = {
        line.split()[-1]: line.split()[0][:10] for line in shell.machine.s3.objects["output"].decode().splitlines()
    }
    assert (listing["my_script.sh"], listing["plain.txt"]) == ("-rwxr-xr-x", "-rw-r-----")


def test_https_is_used_and_its_certificate_checked(any_machine: Machine, tmp_path: pathlib.Path) -> None:
    certificate = self_signed(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    with S3Double(tls) as s3:
        any_machine.s3 = s3
        shell = Shell(any_machine, tmp_path)
        words = (*shell.store_payload(), *any_machine.arguments(any_machine.spec(bytes(3 << 20))))
        trusted: dict[str, Any] = {"SSL_CERT_FILE": str(certificate)}
        assert shell.run(*words, environment=trusted).code == 0
        assert len(s3.objects["output"]) == (3 << 20) + len("\ntext")
        refused = any_machine.run(json.loads(s3.objects["spec"]))
        assert refused.code == 20
        assert "certificate is not trusted" in refused.report["message"]
