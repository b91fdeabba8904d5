"""Every command: what it prints, for people and for programs, and its exit code."""

from __future__ import annotations

import json
from pathlib import Path

import httpx2 as httpx
import pytest

from functions.submission.overrides import Allowance
from tests.mayfly.conftest import Run, document
from tests.mayfly.fake_stack import FakeStack
from tests.stack.fake_job import FakeJob


def test_a_file_is_submitted_and_its_job_told(run: Run, stack: FakeStack, source: Path) -> None:
    (job,) = document(run("submit", source, "--text", "of alice", "--json"))["jobs"]
    assert (job["filename"], job["input_text"], job["saved_as"]) == ("letter.txt", "of alice", None)
    assert stack.files == {"letter.txt": b"content"}


def test_each_of_several_files_is_a_job_of_its_own(run: Run, source: Path) -> None:
    other = source.with_name("other.txt")
    other.write_bytes(b"")
    done = run("submit", source, other, "--text", "x", "--wait")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert [line.split()[1:] for line in lines] == [["succeeded", str(source)], ["succeeded", str(other)]]


def test_what_a_stack_allows_can_be_asked_for_and_nothing_else(run: Run, stack: FakeStack, source: Path) -> None:
    refused = run("submit", source, "--text", "x", "--instance-type", "c7g.large")
    assert (refused.exit_code, "leave out --instance-type" in refused.stderr) == (2, True), "this stack allows nothing"
    stack.configure(allowance=Allowance(("c7g.large",), 60, 90))
    for option, value, allowed in (("instance-type", "m7g.large", "c7g.large"), ("timeout-minutes", "91", "1 to 90")):
        refused = run("submit", source, "--text", "x", f"--{option}", value)
        assert (refused.exit_code, allowed in refused.stderr, stack.files) == (2, True, {})
    asked = ("--instance-type", "c7g.large", "--timeout-minutes", 90)
    (job,) = document(run("submit", source, "--text", "x", *asked, "--json"))["jobs"]
    assert job["overrides"] == {"instance_type": "c7g.large", "timeout_minutes": 90}
    assert {"Asked for  c7g.large", "Time-out   90 minutes"} <= set(run("show", job["id"]).stdout.splitlines())


def test_a_result_is_saved_once_the_job_has_succeeded_under_the_name_that_the_stack_gives_it(
    run: Run, stack: FakeStack, source: Path
) -> None:
    stack.looks = 2
    result = source.with_name("result.txt")
    (job,) = document(run("submit", source, "--text", "x", "-o", result, "--json"))["jobs"]
    assert (job["status"], job["saved_as"]) == ("succeeded", str(result))
    assert result.read_bytes() == b"the result"
    stack.configure(output_suffix=".html")
    (job,) = document(run("submit", source, "--text", "x", "-o", source.parent, "--json"))["jobs"]
    assert job["saved_as"] == f"{source}.html"


def test_a_result_goes_to_standard_output_with_nothing_beside_it(run: Run, source: Path) -> None:
    done = run("submit", source, "--text", "x", "-o", "-")
    assert (done.exit_code, done.stdout) == (0, "the result")
    assert "succeeded" in done.stderr


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_a_job_without_success_has_an_exit_code_of_its_own(
    run: Run, stack: FakeStack, source: Path, status: str
) -> None:
    stack.ends_as = status
    done = run("submit", source, "--text", "x", "--wait", "--json")
    assert done.exit_code == 1
    assert document(done)["jobs"][0]["status"] == status
    lines = {
        "cancelled": ["letter.txt: The job was cancelled."],
        "failed": ["  The end of its stderr:", "  cannot read line 7: <b>not</b> a number"],
    }
    assert done.stderr.splitlines()[-len(lines[status]) :] == lines[status]


def test_a_text_comes_from_a_file_byte_for_byte_or_from_the_input(run: Run, source: Path) -> None:
    words = source.with_name("words.txt")
    words.write_bytes(b"one\r\ntwo")
    (job,) = document(run("submit", source, "--text-file", words, "--json"))["jobs"]
    assert job["input_text"] == "one\r\ntwo"
    (job,) = document(run("submit", source, "--text-file", "-", "--json", given=b"piped"))["jobs"]
    assert job["input_text"] == "piped"


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["letter.txt"], "--text or --text-file"),
        (["letter.txt", "--text", "x", "--text-file", "letter.txt"], "--text or --text-file"),
        (["letter.txt", "--text", ""], "0 characters; it may have 1 to 10000"),
        (["letter.txt", "--text", "x" * 10_001], "10001 characters; it may have 1 to 10000"),
        (["letter.txt", "--text-file", "letter"], "cannot be read from letter"),
        (["nowhere.txt", "--text", "x"], "nowhere.txt cannot be read"),
        ([".", "--text", "x"], "is not a file"),
        (["large.bin", "--text", "x"], "is too large: 5.0 kB; at most 5.0 kB"),
        (["letter.txt", "--text", "x", "-o", "large.bin"], "overwrite it with --force"),
        (["letter.txt", "--text", "x", "-o", "nowhere/x"], "there is no folder nowhere"),
        (["letter.txt", "letter.txt", "--text", "x", "-o", "new.txt"], "the same file"),
        (["letter.txt", "large.bin", "--text", "x", "-o", "-"], "the result of one job"),
        (["letter.txt", "--text", "x", "-o", "-", "--json"], "leave out --json"),
    ],
)
def test_what_cannot_be_submitted_is_said_before_anything_is_sent(
    run: Run, stack: FakeStack, source: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], reason: str
) -> None:
    monkeypatch.chdir(source.parent)
    Path("large.bin").write_bytes(bytes(5001))
    done = run("submit", *words)
    assert (done.exit_code, done.stdout) == (2, "")
    assert reason in done.stderr
    assert stack.calls in ([], ["GET /api/limits"])


def test_jobs_before_one_that_cannot_be_submitted_are_told(run: Run, stack: FakeStack, source: Path) -> None:
    def refuse(request: httpx.Request) -> httpx.Response | None:
        is_second = request.url.path == "/api/uploads" and len(stack.jobs) == 1
        return httpx.Response(413, json={"code": "file_too_large", "detail": "Too large."}) if is_second else None

    stack.trouble.append(refuse)
    done = run("submit", source, source, "--text", "x", "--json")
    assert done.exit_code == 3
    assert [job["id"] for job in json.loads(done.stdout)["jobs"]] == list(stack.jobs)
    assert done.stderr == "error: Too large. (413 file_too_large)\n"


def test_jobs_are_listed_over_pages_up_to_a_limit_or_all(run: Run, stack: FakeStack) -> None:
    ids = [stack.add().id for _ in range(60)][::-1]
    assert [job["id"] for job in document(run("jobs", "--json"))["jobs"]] == ids[:20]
    assert [job["id"] for job in document(run("jobs", "--limit", "55", "--json"))["jobs"]] == ids[:55]
    assert [job["id"] for job in document(run("jobs", "--all", "--json"))["jobs"]] == ids
    shown = run("jobs", "--limit", "1").stdout
    assert ids[0] in shown
    assert "letter.txt" in shown
    assert ids[1] not in shown


def test_without_jobs_there_is_nothing_but_a_hint(run: Run) -> None:
    done = run("jobs")
    assert (done.exit_code, done.stdout) == (0, "")
    assert "mayfly submit" in done.stderr


def test_a_job_is_shown_with_its_timeline_and_why_it_failed(run: Run, stack: FakeStack) -> None:
    job = stack.add("failed")
    assert document(run("show", job.id, "--json")) == job.record
    shown = run("show", job.id).stdout
    assert all(
        word in shown
        for word in ("failed", "of alice", "Waiting for a machine.", "exit code 3.", "\n  cannot read line 7")
    )


TURNS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029"


def test_nothing_that_is_shown_steers_the_terminal_or_turns_its_direction(run: Run, stack: FakeStack) -> None:
    job = stack.add(filename=f"\x1b[2Jx[red]y[/red]{TURNS}fdp.exe")
    job.print(f"\x1b]0;title\x07gone\u009b1m{TURNS}b")
    for done in (run("show", job.id), run("jobs"), run("log", job.id)):
        assert not {"\x1b", "\x07", "\u009b", *TURNS} & set(done.stdout)
    assert "x[red]y[/red]" in run("show", job.id).stdout


def test_a_document_for_programs_steers_no_terminal_and_means_the_same(run: Run, stack: FakeStack) -> None:
    text = f"\x1b[2J\x7f\x85\u009b1m{TURNS}\u00fc"
    job = stack.add(filename=text)
    job.print(text)
    for done, name in ((run("show", job.id, "--json"), "filename"), (run("log", job.id, "--json"), "text")):
        assert not set(text) - set("[2J1m\u00fc") & set(done.stdout)
        assert "\u00fc" in done.stdout
        assert document(done)[name] == text


HIDDEN_OR_DEVICES = [".bashrc", "..x", "NUL", "con.txt", "Com1.tar.gz", "LPT\u00b9", "aux .txt", "conin$"]
OTHERS = ["console.txt", "com.txt", "a.con", "x.bashrc", "COM10"]


@pytest.mark.usefixtures("folder")
def test_a_result_is_saved_as_no_hidden_file_and_no_device_and_other_names_stay(run: Run, stack: FakeStack) -> None:
    saved = {name: f"_{name}" for name in HIDDEN_OR_DEVICES} | {name: name for name in OTHERS}
    for name, shown in saved.items():
        job = stack.add(filename=name)
        assert document(run("download", job.id, "--json"))["saved_as"] == shown


def test_a_part_of_an_id_is_enough_where_no_other_job_has_it(run: Run, stack: FakeStack) -> None:
    oldest = stack.add().id
    for _ in range(50):  # a page
        stack.add()
    first, second = stack.add().id, stack.add().id
    for wanted in (oldest, second):
        assert document(run("show", wanted[-6:], "--json"))["id"] == wanted
    several = run("show", first[:8])
    assert (several.exit_code, "50 jobs begin or end with" in several.stderr) == (2, True)
    none = run("show", "abc")
    assert (none.exit_code, "Give the whole ID" in none.stderr) == (2, True)


def test_a_log_is_printed_in_lines_for_people_and_for_programs(run: Run, stack: FakeStack) -> None:
    job = stack.add()
    job.print("one", "two", "three")
    assert [line.split()[-1] for line in run("log", job.id).stdout.splitlines()] == ["one", "two", "three"]
    lines = [json.loads(line) for line in run("log", job.id, "--json").stdout.splitlines()]
    assert [line["text"] for line in lines] == ["one", "two", "three"]


def test_a_log_is_followed_to_the_end_and_through_another_attempt(run: Run, stack: FakeStack) -> None:
    job = stack.add("running")
    stack.looks = 6
    job.print("one")
    after = {4: lambda: job.print("two"), 2: lambda: lose_machine(job)}

    def go_on(request: httpx.Request) -> None:
        if request.url.path.endswith("/log") and (change := after.pop(stack.looks, None)):
            change()

    stack.trouble.append(go_on)
    done = run("log", job.id, "--follow")
    assert done.exit_code == 0, done.output
    assert [line.split()[-1] for line in done.stdout.splitlines()] == ["one", "two", "three"]
    assert job.job.status == "succeeded"


def lose_machine(job: FakeJob) -> None:
    for event in ("machine_lost", "machine_terminated", "launched", "running"):
        job.happen(event)
    job.print("three")


def test_a_download_replaces_nothing_unless_forced(
    run: Run, stack: FakeStack, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(source.parent)
    job = stack.add()
    refused = run("download", job.id)
    assert (refused.exit_code, "--force" in refused.stderr) == (2, True)
    assert source.read_bytes() == b"content"
    assert document(run("download", job.id, "--force", "--json")) == {"id": job.id, "saved_as": "letter.txt"}
    assert source.read_bytes() == b"the result"
    assert run("download", job.id, "-o", "-").stdout == "the result"


def test_waiting_ends_with_the_job_and_its_exit_code_or_says_how_to_go_on(run: Run, stack: FakeStack) -> None:
    job = stack.add("queued")
    stack.looks, stack.ends_as = 10_000, "failed"
    again = f"mayfly wait {job.id}"
    done = run("wait", job.id, "--timeout", "0")
    assert (done.exit_code, done.stdout, again in done.stderr) == (4, "", True)

    def interrupt(_: httpx.Request) -> None:
        raise KeyboardInterrupt

    stack.trouble.append(interrupt)
    done = run("wait", job.id)
    assert (done.exit_code, f"The job goes on. Wait for it: {again}" in done.stderr) == (130, True)
    stack.trouble.clear()
    stack.looks = 2
    done = run("wait", job.id, "--json")
    assert (done.exit_code, document(done)["status"]) == (1, "failed")


def test_jobs_are_cancelled_retried_and_deleted(run: Run, stack: FakeStack) -> None:
    job = stack.add("queued")
    refused = run("retry", job.id)
    assert (refused.exit_code, refused.stderr) == (
        3,
        f"error: Job {job.id} cannot be retried: it is queued; only a failed or cancelled job can. (409 not_ready)\n",
    )
    assert document(run("cancel", job.id, "--json"))["status"] == "cancelled"
    assert document(run("retry", job.id, "--json"))["status"] == "queued"
    assert "cancelled" in run("cancel", job.id).stdout
    receipt = document(run("delete", job.id, "--json"))
    assert (receipt["id"], receipt["deleted"], receipt["objects"]) == (job.id, True, 1)
    other = stack.add("cancelled").id
    assert run("delete", other).stdout == f"{other}  deleted: 1 file, 0 logs\n"
    gone = run("show", job.id)
    assert (gone.exit_code, gone.stderr) == (3, f"error: There is no job {job.id!r}. (404 job_not_found)\n")


def test_a_stack_that_cannot_be_reached_is_said_in_one_line(run: Run, stack: FakeStack) -> None:
    def unplug(request: httpx.Request) -> None:
        raise httpx.ConnectError("no route", request=request)

    stack.trouble.append(unplug)
    done = run("jobs")
    assert (done.exit_code, done.stdout) == (3, "")
    assert done.stderr == (
        "error: stack.example.org cannot be reached (no route). Check the address and the connection.\n"
    )


def test_a_busy_service_is_asked_again_and_then_named(run: Run, stack: FakeStack) -> None:
    stack.trouble.append(lambda _: httpx.Response(503, json={"message": "Service Unavailable"}))
    done = run("jobs")
    assert done.exit_code == 3
    assert "busy or out of order (503 Service Unavailable)" in done.stderr
    assert len(stack.calls) == 5


# https://github.com/github-aws-runners/terraform-aws-github-runner/issues/4409: a whole page in the place of a message.
@pytest.mark.parametrize(
    ("page", "words"),
    [
        (
            "<!DOCTYPE html><TITLE>ERROR: The request could not be\n satisfied</TITLE><H1>504 ERROR</H1>",
            "not be satisfied",
        ),
        ("<html><body>Away &amp; out</body></html>", "Gateway Timeout"),
        ("<Error><Message>Say &quot;when&quot;</Message></Error>", 'Say "when"'),
        ("", "Gateway Timeout"),
    ],
)
def test_a_page_in_the_place_of_an_answer_is_told_by_its_words(
    run: Run, stack: FakeStack, page: str, words: str
) -> None:
    stack.trouble.append(lambda _: httpx.Response(504, text=page))
    said = run("jobs").stderr
    assert words in said
    assert "<" not in said


@pytest.mark.parametrize(
    "url", ["http://example.org", "ftp://example.org", "https://", "https://a:b@example.org", "::"]
)
def test_an_address_that_others_could_read_along_is_refused(run: Run, stack: FakeStack, url: str) -> None:
    done = run("jobs", url=url)
    assert (done.exit_code, stack.calls) == (2, [])
    assert "error: " in done.stderr


def test_without_an_address_the_remedy_is_named(run: Run) -> None:
    done = run("jobs", url="")
    assert (done.exit_code, "mayfly login URL" in done.stderr) == (2, True)
