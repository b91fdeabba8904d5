"""Downloads and uploads over a network that breaks, and the ends that no retry can mend."""

from __future__ import annotations

import datetime as dt
import errno
import hashlib
import json
import pathlib
import signal
import ssl
import subprocess
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from ec2_payload.wrapper import http_call
from ec2_payload.wrapper.http_call import TransferError, expired_by_now
from ec2_payload.wrapper.transfer import download, fetch, upload
from tests.ec2_payload.machine import wait_until
from tests.ec2_payload.s3_double import EXPIRED, SLOW_DOWN, TOKEN_EXPIRED, Answer, Drop, Fault, S3Double, Whole

if TYPE_CHECKING:
    from tests.ec2_payload.machine import Machine

BIG = bytes(range(256)) * 20_000
DENIED = "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
TIMED_OUT = "<Error><Code>RequestTimeout</Code><Message>Your socket connection was idle.</Message></Error>"


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Retries do not really wait; the waits asked for are recorded."""
    recorded: list[float] = []
    # Of this module alone: threads of the same process sleep as well.
    clock = SimpleNamespace(sleep=recorded.append, monotonic=lambda: sum(recorded))
    monkeypatch.setattr(http_call, "time", clock)
    return recorded


def ignore(done: int, total: int) -> None:
    """Progress is not what these tests look at."""


def test_a_broken_download_goes_on_where_it_broke(any_machine: Machine) -> None:
    spec = any_machine.spec(BIG)
    any_machine.s3.faults["input"] = [Answer(503, SLOW_DOWN), Drop(1_500_000), Drop(0), Drop(2_000_000)]
    assert any_machine.run(spec).code == 0
    assert any_machine.s3.objects["output"] == BIG + b"\ntext"
    ranges = [headers.get("Range") for method, key, headers in any_machine.s3.requests if key == "input"]
    assert ranges[:3] == [None, None, "bytes=1500000-"]
    assert len(ranges) == 5


def test_a_server_without_ranges_sends_everything_again(s3: S3Double, tmp_path: pathlib.Path) -> None:
    url, sha256 = s3.put("input", BIG)
    s3.faults["input"] = [Drop(1_500_000), Whole()]
    assert download(url, tmp_path / "file", len(BIG), ignore) == sha256
    assert (tmp_path / "file").read_bytes() == BIG


def test_an_object_that_changed_between_two_tries_is_refused(
    s3: S3Double, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, _ = s3.put("input", BIG)
    s3.faults["input"] = [Drop(1_500_000)]
    monkeypatch.setattr(http_call, "time", SimpleNamespace(sleep=lambda _: s3.put("input", BIG[::-1]), monotonic=float))
    with pytest.raises(TransferError, match="412"):
        download(url, tmp_path / "file", len(BIG), ignore)


def test_a_broken_upload_is_sent_again_from_its_start(machine: Machine) -> None:
    spec = machine.spec(BIG)
    machine.s3.faults["output"] = [Answer(503, SLOW_DOWN), Drop(1000), Answer(500), Answer(400, TIMED_OUT)]
    assert machine.run(spec).code == 0
    assert machine.s3.objects["output"] == BIG + b"\ntext"


@pytest.mark.parametrize("announced", [0, len(BIG) - 1, len(BIG) + 1])
def test_an_input_of_another_size_is_refused(machine: Machine, announced: int) -> None:
    spec = machine.spec(BIG)
    spec["input"]["size"] = announced
    outcome = machine.run(spec)
    assert (outcome.code, outcome.report["stage"], outcome.events) == (21, "download", [])
    assert f"{len(BIG)} bytes long where {announced} bytes were announced" in outcome.report["message"]


@pytest.mark.parametrize("answer", [Answer(403, EXPIRED), Answer(404), Answer(307), Answer(400, TOKEN_EXPIRED)])
def test_an_input_that_cannot_be_had_ends_the_job_at_once(machine: Machine, answer: Answer) -> None:
    spec = machine.spec()
    machine.s3.faults["input"] = [answer]
    outcome = machine.run(spec)
    assert (outcome.code, outcome.report["stage"]) == (21, "download")
    assert f"HTTP {answer.status}" in outcome.report["message"]
    assert machine.s3.count("GET", "input") == 1


@pytest.mark.parametrize(
    "answer", [Answer(403, EXPIRED), Answer(400, TOKEN_EXPIRED), Answer(403, EXPIRED, unread=True)]
)
def test_an_output_refused_as_expired_is_kept_and_uploaded_by_a_second_command(
    any_machine: Machine, answer: Answer
) -> None:
    any_machine.s3.faults["output"] = [answer]
    refused = any_machine.run(any_machine.spec(BIG))
    assert (refused.code, refused.report["stage"]) == (31, "upload"), refused
    assert "kept" in refused.report["message"]
    assert len(list(any_machine.folder.iterdir())) == 1

    again = any_machine.run(any_machine.spec(BIG, output={"url": any_machine.s3.url("second")}), "--upload-only")
    assert (again.code, again.report["stage"]) == (0, "done"), again
    assert any_machine.s3.objects["second"] == BIG + b"\ntext"
    assert again.events == ["input_downloaded", "script_started", "script_finished", "output_uploaded"]
    assert again.report["input"]["size"] == len(BIG)
    assert again.report["exit_code"] == 0
    assert list(any_machine.folder.iterdir()) == []


def test_a_second_refusal_keeps_the_output_again(machine: Machine) -> None:
    machine.s3.faults["output"] = [Answer(403, EXPIRED), Answer(403, EXPIRED)]
    assert machine.run(machine.spec()).code == 31
    assert machine.run(machine.spec(), "--upload-only").code == 31
    assert machine.run(machine.spec(), "--upload-only").code == 0


def test_upload_only_without_a_kept_output_says_so(machine: Machine) -> None:
    outcome = machine.run(machine.spec(), "--upload-only")
    assert (outcome.code, outcome.report["stage"]) == (30, "upload")
    assert "no output" in outcome.report["message"]


def test_an_upload_refused_for_another_reason_is_not_kept(machine: Machine) -> None:
    machine.s3.faults["output"] = [Answer(403, DENIED)]
    outcome = machine.run(machine.spec())
    assert (outcome.code, outcome.report["stage"]) == (30, "upload")
    assert "HTTP 403 AccessDenied Access Denied" in outcome.report["message"]
    assert machine.s3.count("PUT", "output") == 1
    assert list(machine.folder.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_transfer_and_cleans_up(machine: Machine, number: signal.Signals) -> None:
    spec = machine.spec()
    machine.s3.faults["input"] = [Answer(503, SLOW_DOWN)] * 20
    machine.change("http_call.py", "(0.1, 0.2, 0.4,", "(0.1, 0.2, 600.0,")
    process = machine.start(*machine.arguments(spec))
    wait_until(lambda: machine.s3.count("GET", "input") >= 3)
    process.send_signal(number)
    outcome = machine.finish(process)
    assert (outcome.code, outcome.report["stage"]) == (128 + number, "download")
    assert list(machine.folder.iterdir()) == []


def test_retries_grow_and_end(s3: S3Double, tmp_path: pathlib.Path, waits: list[float]) -> None:
    faults: list[Fault] = [Answer(503, SLOW_DOWN)] * 20
    s3.faults = {"input": list(faults), "spec": list(faults)}
    for transfer in (
        lambda: download(s3.url("input"), tmp_path / "input", 5, ignore),
        lambda: fetch(s3.url("spec"), 10),
    ):
        waits.clear()
        with pytest.raises(TransferError, match=r"HTTP 503 SlowDown .* \(tried 10 times\)"):
            transfer()
        assert len(waits) == 9
        assert all(limit / 2 <= wait <= limit for wait, limit in zip(waits, http_call.DELAYS_S, strict=True))


# https://github.com/DataBiosphere/dsub/issues/162: six hours of work lost to an error of a moment.
def test_a_result_is_worth_ten_minutes_of_tries(s3: S3Double, tmp_path: pathlib.Path, waits: list[float]) -> None:
    source = tmp_path / "output"
    source.write_bytes(b"output")
    s3.faults["output"] = [Answer(503, SLOW_DOWN)] * 50
    assert upload(s3.url("output"), source, ignore)[0] == 6
    assert len(waits) == 50
    waits.clear()
    s3.faults["output"] = [Answer(503, SLOW_DOWN)] * 500
    with pytest.raises(TransferError, match="HTTP 503 SlowDown"):
        upload(s3.url("output"), source, ignore)
    assert 600 <= sum(waits) <= 608


def test_progress_gives_a_download_all_its_tries_again(
    s3: S3Double, tmp_path: pathlib.Path, waits: list[float]
) -> None:
    url, sha256 = s3.put("input", BIG)
    s3.faults["input"] = [Drop(100_000)] * 30
    assert download(url, tmp_path / "file", len(BIG), ignore) == sha256
    assert len(waits) == 30


def test_no_retry_outlives_the_url(s3: S3Double, tmp_path: pathlib.Path, waits: list[float]) -> None:
    source = tmp_path / "output"
    source.write_bytes(b"output")
    s3.faults["output"] = [Answer(503), Answer(503)]
    with pytest.raises(TransferError) as raised:
        upload(s3.url("output", "X-Amz-Date=20200101T000000Z&X-Amz-Expires=60"), source, ignore)
    assert raised.value.expired
    assert waits == []


def test_the_urls_own_time_is_read() -> None:
    now = dt.datetime.now(dt.UTC)
    signed = f"https://bucket/key?X-Amz-Date={now - dt.timedelta(seconds=100):%Y%m%dT%H%M%SZ}&X-Amz-Expires="
    assert expired_by_now(signed + "60")
    assert not expired_by_now(signed + "600")
    assert not expired_by_now("https://bucket/key?X-Amz-Date=x&X-Amz-Expires=60")
    assert not expired_by_now("https://bucket/key")


def test_no_listener_is_a_broken_connection_not_a_crash(waits: list[float]) -> None:
    with S3Double() as closed:
        url = closed.url("spec")
    with pytest.raises(TransferError, match="tried 10 times"):
        fetch(url, 10)


def test_a_file_beyond_one_puts_limit_is_refused_before_it_is_sent(s3: S3Double, tmp_path: pathlib.Path) -> None:
    source = tmp_path / "output"
    with source.open("wb") as file:
        file.truncate((5 << 30) + 1)
    with pytest.raises(TransferError, match="at most"):
        upload(s3.url("output"), source, ignore)
    assert s3.requests == []


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"job_id": "../x"},
        {"attempt": 0},
        {"attempt": True},
        {"text": None},
        {"text": "\ud800"},
        {"input": {"url": "file:///etc/passwd", "size": 1}},
        {"input": {"url": "http://localhost/x", "size": -1}},
        {"output": {}},
        {"output": {"url": "http://localhost/x", "suffix": "html"}},
        {"command": []},
        {"command": "./script.py"},
        {"timeout_s": 0},
    ],
)
def test_a_spec_that_cannot_be_followed_is_refused(machine: Machine, change: dict[str, Any]) -> None:
    outcome = machine.run(machine.spec(**change))
    assert (outcome.code, outcome.report["stage"]) == (20, "spec")
    assert outcome.report["message"].startswith("the spec cannot be used: ")
    assert machine.s3.count("GET", "input") == 0


def test_a_spec_with_another_hash_or_none_at_all_is_refused(machine: Machine) -> None:
    url, sha256 = machine.arguments(machine.spec())
    other = hashlib.sha256(b"other").hexdigest()
    for arguments, word in [
        ((url, other), "SHA-256"),
        ((machine.s3.url("missing"), sha256), "HTTP 404 NoSuchKey"),
        ((url,), "usage"),
        (("file:///etc/passwd", sha256), "usage"),
        (machine.s3.put("list", b"[]"), "version 1"),
        (machine.s3.put("spec", b"{"), "JSON"),
    ]:
        outcome = machine.finish(machine.start(*arguments))
        assert (outcome.code, outcome.report["stage"]) == (20, "spec")
        assert word in outcome.report["message"]


def test_an_input_larger_than_the_disk_is_refused_before_it_is_fetched(machine: Machine) -> None:
    spec = machine.spec()
    spec["input"]["size"] = 1 << 60
    outcome = machine.run(spec)
    assert (outcome.code, outcome.report["stage"]) == (40, "download")
    assert "too small" in outcome.report["message"]
    assert machine.s3.count("GET", "input") == 0


@pytest.mark.skipif(not pathlib.Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_a_full_disk_is_not_taken_for_a_broken_connection(s3: S3Double, waits: list[float]) -> None:
    url, _ = s3.put("input", BIG)
    with pytest.raises(OSError, match="No space") as raised:
        download(url, pathlib.Path("/dev/full"), len(BIG), ignore)
    assert raised.value.errno == errno.ENOSPC
    assert waits == []


def test_a_disk_that_fills_up_has_its_own_exit_code(machine: Machine) -> None:
    write = "self.file.write(buffer[:count])"
    machine.change("transfer.py", write, "raise OSError(28, 'No space left on device')")
    outcome = machine.run(machine.spec())
    assert (outcome.code, outcome.report["message"]) == (40, "the disk is full")


def test_an_internal_error_is_reported_too(machine: Machine) -> None:
    patched = machine.payload / "wrapper" / "work_folder.py"
    patched.write_text(patched.read_text(encoding="utf-8") + "\nWorkFolder.create = None\n", encoding="utf-8")
    outcome = machine.run(machine.spec())
    assert outcome.code == 70
    assert "TypeError" in outcome.report["message"]


def test_a_hundred_megabytes_pass_in_little_memory(any_machine: Machine) -> None:
    size = 100 << 20
    spec = any_machine.spec(bytes(size), filename="zeros")
    bare = peak_memory(any_machine, "-c", "pass")
    used = peak_memory(any_machine, "-m", "ec2_payload.run_job", *any_machine.arguments(spec))
    assert len(any_machine.s3.objects["output"]) == size + len("\ntext")
    assert used - bare < 64 << 20


def peak_memory(machine: Machine, *arguments: str) -> int:
    """Bytes. Started by a small process of its own: a child's peak counts its parent's memory at the time of fork."""
    launcher = (
        "import json, os, subprocess, sys\n"
        "process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)\n"
        "_, status, usage = os.wait4(process.pid, 0)\n"
        "process.returncode = status\n"
        "print(json.dumps([status, usage.ru_maxrss * (1 if sys.platform == 'darwin' else 1024)]))\n"
    )
    ran = subprocess.run(
        [machine.python, "-c", launcher, machine.python, "-B", *arguments],
        cwd=machine.payload.parent,
        env=machine.environment(),
        capture_output=True,
        check=True,
        timeout=660,
    )
    status, peak = json.loads(ran.stdout)
    assert status == 0, ran.stderr
    return int(peak)


def test_the_systems_certificates_are_read_once_for_all_connections() -> None:
    contexts: list[Any] = []
    for url in ("https://a.example/x", "https://b.example/y"):
        with http_call.connection(url) as (opened, _):
            contexts.append(vars(opened)["_context"])  # http.client has no name for it
    context, other = contexts
    assert context is other
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
