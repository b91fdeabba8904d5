"""The default script through the whole wrapper: exact bytes, whatever the input, the text and the file name."""

from __future__ import annotations

import errno
import hashlib
from typing import TYPE_CHECKING

import pytest

from ec2_payload import script
from ec2_payload.wrapper.report import without_secrets

if TYPE_CHECKING:
    import pathlib

    from tests.ec2_payload.machine import Machine

ALL_EVENTS = ["input_downloaded", "script_started", "script_finished", "output_uploaded"]
NAMES = [
    'it\'s "quoted" #1 100% a&b;$(touch x)`id`.txt',
    "🦋 名前 é.txt",
    "x" * 196 + ".txt",
    "../../etc/passwd",
    "-rf",
    "line\nbreak\x00\x1b[31m.txt",
    "half \ud83e.txt",
]


@pytest.mark.parametrize(
    ("data", "text", "output"),
    [
        (b"", "text", b"text"),
        (b"", "", b""),
        (b"line", "text", b"line\ntext"),
        (b"line\n", "text", b"line\ntext"),
        (b"line\r\n\n", "text\n", b"line\r\n\ntext\n"),
        (b"\xff\xfe\x00\x80", "text", b"\xff\xfe\x00\x80\ntext"),
        (b"\n", "", b"\n"),
        (b"x", "", b"x\n"),
        (b"line\n", "🦋 é\u2028" * 2500, b"line\n" + ("🦋 é\u2028" * 2500).encode()),
    ],
)
def test_the_output_is_input_then_newline_if_lacking_then_text(
    machine: Machine, data: bytes, text: str, output: bytes
) -> None:
    outcome = machine.run(machine.spec(data, text))
    assert (outcome.code, outcome.events) == (0, ALL_EVENTS), outcome
    assert machine.s3.objects["output"] == output
    assert outcome.report["stage"] == "done"
    assert outcome.report["exit_code"] == 0
    assert outcome.report["input"] == {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    assert outcome.report["output"] == {"size": len(output), "sha256": hashlib.sha256(output).hexdigest()}
    assert list(machine.folder.iterdir()) == []


@pytest.mark.parametrize("error", [AttributeError, OSError(errno.EXDEV, "another file system")])
def test_the_input_is_copied_where_blocks_cannot_be_shared(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def refuse(*_: int) -> int:
        raise error

    monkeypatch.setattr("os.copy_file_range", refuse, raising=False)
    source, text, target = (tmp_path / name for name in ("in", "text", "out"))
    source.write_bytes(b"line")
    text.write_bytes(b"text")
    script.main(str(source), str(text), str(target))
    assert (target.read_bytes(), source.read_bytes()) == (b"line\ntext", b"line")


@pytest.mark.parametrize("filename", NAMES)
def test_any_file_name_is_safe_and_reaches_the_script(machine: Machine, filename: str) -> None:
    command = machine.script('#!/bin/sh\nprintf %s "$MAYFLY_FILENAME" >"$3"; ls -A >&2\n')
    outcome = machine.run(machine.spec(filename=filename, command=command))
    assert outcome.code == 0, outcome
    seen = machine.s3.objects["output"].decode()
    assert seen == "".join(letter for letter in filename if letter not in "\n\x00\x1b\ud83e")
    assert outcome.report["stderr_tail"] == ""


def test_the_local_files_carry_the_suffix_when_it_is_plain(machine: Machine) -> None:
    command = machine.script('#!/bin/sh\nbasename "$1" >"$3"; basename "$3" >>"$3"\n')
    for filename, names in {
        "a.b.PDF": b"input.PDF\noutput.PDF\n",
        "noname": b"input\noutput\n",
        ".profile": b"input\noutput\n",
        "x.t%t": b"input\noutput\n",
    }.items():
        assert machine.run(machine.spec(filename=filename, command=command)).code == 0
        assert machine.s3.objects["output"] == names


def test_the_upload_has_a_content_length_and_is_not_chunked(machine: Machine) -> None:
    machine.run(machine.spec(b"12345\n", "678"))
    (headers,) = [headers for method, _, headers in machine.s3.requests if method == "PUT"]
    assert headers["Content-Length"] == "9"
    assert not {"Transfer-Encoding", "Content-Type"} & set(headers)  # an unsigned Content-Type would break signatures


def test_no_presigned_query_is_ever_printed(machine: Machine) -> None:
    for url in (machine.s3.url("output") + " ", "http://localhost:99999/x?X-Amz-Signature=secret-signature"):
        outcome = machine.run(machine.spec(output={"url": url}))
        assert (outcome.code, outcome.report["message"]) == (
            20,
            "the spec cannot be used: output.url is not an http(s) URL",
        )
        assert b"secret-signature" not in outcome.stdout + outcome.stderr
    assert (
        without_secrets("at 'http://h/k?X-Amz-Signature=secret' (why?)") == "at 'http://h/k?(removed)' (why?(removed)"
    )
