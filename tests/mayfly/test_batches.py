"""Many jobs at once: submitted, listed, watched, started again and fetched together."""

from __future__ import annotations

import io
import json
from pathlib import Path

import httpx2 as httpx
import pytest
from rich.console import Console

from mayfly.live_table import live_table
from tests.mayfly.conftest import Run, document
from tests.mayfly.fake_stack import FakeStack, is_output

BATCH = "b-1"


pytestmark = pytest.mark.usefixtures("folder")


@pytest.fixture
def files(folder: Path) -> list[str]:
    names = ["a.txt", "b.txt", "c.txt"]
    for name in names:
        (folder / name).write_bytes(b"content")
    return names


def test_several_files_are_a_batch_and_one_is_none(run: Run, stack: FakeStack, files: list[str]) -> None:
    told = document(run("submit", *files, "--text", "x", "--json"))
    assert told["batch"]
    assert {job["batch"] for job in told["jobs"]} == {told["batch"]}
    other = document(run("submit", *files, "--text", "x", "--json"))
    assert other["batch"] != told["batch"]
    alone = document(run("submit", files[0], "--text", "x", "--json"))
    assert (alone["batch"], alone["jobs"][0]["batch"]) == (None, None)


def test_a_batch_may_have_an_id_of_ones_own_and_how_to_follow_it_is_said(run: Run, files: list[str]) -> None:
    done = run("submit", files[0], "--text", "x", "--batch", BATCH)
    assert (done.exit_code, f"mayfly watch --batch {BATCH}" in done.stderr) == (0, True)
    assert len(document(run("jobs", "--batch", BATCH, "--json"))["jobs"]) == 1


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("given", ["", " ", "-x", "a b", "x" * 65, "a\n", "\u00fc", "\udcff", "../limits"])
def test_what_is_no_batchs_id_is_said_before_anything_is_sent(run: Run, stack: FakeStack, given: str) -> None:
    for words in (["jobs"], ["watch"], ["download"], ["retry", "--failed"], ["submit", "a.txt", "--text", "x"]):
        done = run(*words, f"--batch={given}")
        assert (done.exit_code, "no batch's id" in done.stderr, stack.calls) == (2, True, []), words


@pytest.mark.parametrize("words", [["watch"], ["download"], ["retry", "--failed"]], ids=lambda words: words[0])
def test_a_batch_without_jobs_is_named(run: Run, stack: FakeStack, words: list[str]) -> None:
    stack.add()
    done = run(*words, "--batch", "other")
    assert (done.exit_code, "no job of the batch other" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    "words",
    [
        *(["download"], ["download", "01a2", "--batch", BATCH], ["retry"], ["retry", "01a2", "--failed"]),
        *(["retry", "--failed"], ["retry", "--batch", BATCH], ["retry", "01a2", "--failed", "--batch", BATCH]),
        *(["download", "--batch", BATCH, "-o", "-"], ["download", "--batch", BATCH, "-o", "nowhere"]),
        ["download", "--batch", BATCH, "-o", "a\0"],
    ],
)
def test_what_names_no_jobs_or_no_folder_is_refused_before_anything_is_sent(
    run: Run, stack: FakeStack, words: list[str]
) -> None:
    done = run(*words)
    assert (done.exit_code, done.stderr.startswith("error: "), stack.calls) == (2, True, [])


def test_jobs_are_filtered_by_status_name_and_batch_over_all_pages(run: Run, stack: FakeStack) -> None:
    wanted = stack.add("failed", "a1.txt", BATCH).id
    stack.add("failed", "b.txt", BATCH)
    stack.add("succeeded", "a2.txt", BATCH)
    outside = stack.add("failed", "a3.txt").id
    for _ in range(120):
        stack.add("queued")

    def ids(*words: str) -> list[str]:
        return [job["id"] for job in document(run("jobs", *words, "--json"))["jobs"]]

    assert ids("--status", "failed", "--name", "a*", "--batch", BATCH) == [wanted]
    assert ids("--status", "failed", "--name", "a*") == [outside, wanted]
    assert ids("--status", "failed", "--name", "a*", "--limit", "1") == [outside]
    assert len(ids("--status", "failed", "--status", "succeeded", "--batch", BATCH)) == 3
    assert ids("--name", "A*") == []
    assert "Batch" in run("jobs", "--batch", BATCH).stdout
    none = run("jobs", "--status", "cancelled")
    assert (none.exit_code, none.stdout, none.stderr) == (0, "", "No job of yours matches.\n")
    assert run("jobs", "--status", "odd").exit_code == 2


def test_pages_that_lead_in_a_circle_are_no_stacks(run: Run, stack: FakeStack) -> None:
    stack.trouble.append(lambda _: httpx.Response(200, json={"jobs": [], "next_cursor": "again"}))
    done = run("jobs", "--all")
    assert (done.exit_code, "is not a Mayfly stack" in done.stderr) == (3, True)


def test_a_batch_is_watched_until_all_have_ended_with_a_line_for_each_change(run: Run, stack: FakeStack) -> None:
    jobs = [stack.add("queued", name, BATCH) for name in ("a.txt", "b.txt")]
    stack.add("queued", "other.txt")
    steps = iter([(0, "running"), (1, "running"), (0, "succeeded"), (1, "failed")])

    def go_on(request: httpx.Request) -> None:
        if len(stack.requests) > 1 and (step := next(steps, None)):
            stack.bring(jobs[step[0]], step[1])

    stack.trouble.append(go_on)
    done = run("watch", "--batch", BATCH)
    assert done.exit_code == 1
    told = [line.split()[1:] for line in done.stdout.splitlines()]
    assert told == [
        *(["queued", "a.txt"], ["queued", "b.txt"], ["running", "a.txt"], ["running", "b.txt"]),
        *(["succeeded", "a.txt"], ["failed", "b.txt"]),
    ]
    assert done.stderr.startswith("2 of 2 ended, 1 failed\nb.txt: The script ended with exit code 3.")


def test_watching_tells_programs_the_job_with_each_change_and_ends_well(run: Run, stack: FakeStack) -> None:
    job = stack.add("running")

    def end(_: httpx.Request) -> None:
        if len(stack.requests) > 2:
            stack.bring(job, "succeeded")

    stack.add("failed")
    stack.trouble.append(end)
    done = run("watch", "--json")
    assert done.exit_code == 0, done.output
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(each["id"], each["status"]) for each in told] == [(job.id, "running"), (job.id, "succeeded")]


def test_a_job_that_is_deleted_while_it_is_watched_is_waited_for_no_more(run: Run, stack: FakeStack) -> None:
    gone = stack.add("running", batch=BATCH).id
    stack.add("succeeded", batch=BATCH)

    def delete(_: httpx.Request) -> None:
        if len(stack.requests) > 1:
            stack.db.write((stack.owner, gone), None)

    stack.trouble.append(delete)
    done = run("watch", "--batch", BATCH)
    assert (done.exit_code, done.stderr) == (0, "1 of 1 ended\n")


def test_watching_too_long_or_up_to_an_interrupt_says_how_to_go_on(run: Run, stack: FakeStack) -> None:
    stack.add("queued", batch=BATCH)
    done = run("watch", "--batch", BATCH, "--timeout", "0")
    assert (done.exit_code, done.output.count(f"mayfly watch --batch {BATCH}")) == (4, 1)

    def interrupt(_: httpx.Request) -> None:
        if len(stack.requests) > 2:
            raise KeyboardInterrupt

    stack.trouble.append(interrupt)
    done = run("watch", "--batch", BATCH)
    assert (done.exit_code, f"mayfly watch --batch {BATCH}" in done.stderr) == (130, True)


def test_with_nothing_to_watch_that_is_said(run: Run, stack: FakeStack) -> None:
    stack.add("failed")
    done = run("watch")
    assert (done.exit_code, done.stdout, "have all ended" in done.stderr) == (0, "", True)


@pytest.mark.parametrize("width", [1, 20, 200])
def test_a_table_has_as_many_jobs_as_the_terminal_has_room_for(stack: FakeStack, width: int) -> None:
    jobs = [stack.add("succeeded", "done.txt").record] * 30 + [stack.add("failed", "\x1b[2Jbad.txt").record]
    written = io.StringIO()
    console = Console(file=written, force_terminal=True, width=width, height=10, color_system=None)
    with live_table(console) as show:
        show(jobs)
        lines = written.getvalue().splitlines()
        assert len(lines) <= 10
    if width == 200:
        assert "[2Jbad.txt" in lines[1]
        assert "\x1b[2J" not in written.getvalue()
        assert lines[-1].startswith("31 of 31 ended, 1 failed; 24 more")


def test_the_failed_jobs_of_a_batch_are_started_again(run: Run, stack: FakeStack) -> None:
    failed = [stack.add("failed", batch=BATCH).id for _ in range(2)]
    stack.add("cancelled", batch=BATCH)
    stack.add("succeeded", batch=BATCH)
    other = stack.add("failed")
    told = document(run("retry", "--failed", "--batch", BATCH, "--json"))
    assert (told["batch"], [(job["id"], job["status"]) for job in told["jobs"]]) == (
        BATCH,
        [(job_id, "queued") for job_id in failed],
    )
    assert other.job.status == "failed"
    for job_id in failed:
        stack.bring(stack.jobs[job_id], "succeeded")
    none = run("retry", "--failed", "--batch", BATCH)
    assert (none.exit_code, none.stdout, none.stderr) == (0, "", "No job of the batch has failed.\n")


def test_a_job_that_cannot_be_started_again_is_named_and_the_others_are(run: Run, stack: FakeStack) -> None:
    first, second = (stack.add("failed", name, BATCH) for name in ("a.txt", "b.txt"))
    refusal = httpx.Response(409, json={"code": "too_many_runs", "detail": "It has had ten runs."})
    stack.trouble.append(lambda request: refusal if request.url.path.endswith(f"{first.id}/retry") else None)
    done = run("retry", "--failed", "--batch", BATCH)
    assert (done.exit_code, second.job.status) == (3, "queued")
    assert f"{first.id}  a.txt: It has had ten runs. (409 too_many_runs)\n" in done.stderr
    assert "error: 1 of 2 jobs could not be dealt with: see above.\n" in done.stderr


def test_who_is_signed_out_is_told_once(run: Run, stack: FakeStack) -> None:
    for _ in range(3):
        stack.add("failed", batch=BATCH)
    stack.trouble.append(lambda request: httpx.Response(401) if request.url.path.endswith("/retry") else None)
    done = run("retry", "--failed", "--batch", BATCH)
    assert (done.exit_code, len(done.stderr.splitlines())) == (3, 1)


def test_the_results_of_a_batch_are_saved_each_under_its_own_name(run: Run, stack: FakeStack, folder: Path) -> None:
    for name in ("a.txt", "b.txt"):
        stack.add(filename=name, batch=BATCH)
    stack.add(filename="other.txt")
    (folder / "results").mkdir()
    told = document(run("download", "--batch", BATCH, "-o", "results", "--json"))
    assert told["batch"] == BATCH
    assert [each["saved_as"] for each in told["results"]] == ["results/a.txt", "results/b.txt"]
    assert {path.name: path.read_bytes() for path in (folder / "results").iterdir()} == dict.fromkeys(
        ("a.txt", "b.txt"), b"the result"
    )


def test_a_result_that_cannot_be_saved_is_named_and_the_others_are_saved(
    run: Run, stack: FakeStack, folder: Path
) -> None:
    (folder / "a.txt").write_bytes(b"mine")
    names = {"a.txt": "succeeded", "b.txt": "failed", "c.txt": "succeeded", "d.txt": "succeeded"}
    ids = [stack.add(status, name, BATCH).id for name, status in names.items()]
    gone = httpx.Response(409, json={"code": "not_ready", "detail": "The result is gone."})
    stack.trouble.append(lambda request: gone if request.url.path.endswith(f"{ids[2]}/output") else None)
    done = run("download", "--batch", BATCH, "--json")
    assert done.exit_code == 2, "the first one's"
    saved = [each["saved_as"] for each in json.loads(done.stdout)["results"]]
    assert saved == [None, None, None, "d.txt"]
    assert (folder / "a.txt").read_bytes() == b"mine"
    for words in ("a.txt: a.txt already exists.", "b.txt: There is no result", "The result is gone.", "3 of 4 jobs"):
        assert words in done.stderr
    assert sorted(path.name for path in folder.iterdir()) == ["a.txt", "d.txt"]


def test_results_of_the_same_name_do_not_replace_each_other(run: Run, stack: FakeStack) -> None:
    ids = [stack.add(filename=name, batch=BATCH).id for name in ("a.txt", "A.txt", "x/b.txt")]
    told = document(run("download", "--batch", BATCH, "--force", "--json"))
    names = [f"{ids[0]}-a.txt", f"{ids[1]}-A.txt", "b.txt"]
    assert [each["saved_as"] for each in told["results"]] == names
    # Two names that become one, on this or another file system.
    for name in (".c", "_.c"):
        stack.add(filename=name, batch="hidden")
    done = run("download", "--batch", "hidden", "--force")
    assert (done.exit_code, done.stdout, "result of another job" in done.stderr) == (2, "Saved as _.c\n", True)


def test_a_result_that_cannot_be_saved_does_not_keep_the_others_from_it(
    run: Run, stack: FakeStack, files: list[str], folder: Path
) -> None:
    (folder / "results").mkdir()

    def appear(request: httpx.Request) -> None:
        if is_output(request):
            (folder / "results" / "a.txt").write_bytes(b"mine")

    stack.trouble.append(appear)
    done = run("submit", *files, "--text", "x", "-o", "results", "--json")
    assert done.exit_code == 2
    told = json.loads(done.stdout)["jobs"]
    assert [job["saved_as"] for job in told] == [None, "results/b.txt", "results/c.txt"]
    assert (folder / "results" / "a.txt").read_bytes() == b"mine"
    assert f"{told[0]['id']}  a.txt: results/a.txt has appeared meanwhile" in done.stderr
    assert "error: 1 of 3 jobs could not be dealt with: see above.\n" in done.stderr


def test_when_the_time_is_over_the_results_that_are_there_are_saved(
    run: Run, stack: FakeStack, files: list[str], folder: Path
) -> None:
    (folder / "results").mkdir()
    stack.looks = 1
    done = run("submit", *files, "--text", "x", "-o", "results", "--timeout", "0")
    assert (done.exit_code, "mayfly wait" in done.stderr) == (4, True)
    assert [path.name for path in sorted((folder / "results").iterdir())] == ["b.txt", "c.txt"]


def test_a_failed_job_and_a_result_that_cannot_be_saved_are_both_named(
    run: Run, stack: FakeStack, files: list[str], folder: Path
) -> None:
    (folder / "results").mkdir()

    def fail(request: httpx.Request) -> httpx.Response | None:
        ids = list(stack.jobs)
        if len(ids) < len(files):
            return None
        if stack.jobs[ids[0]].job.status == "queued":
            stack.bring(stack.jobs[ids[0]], "failed")
        gone = httpx.Response(404, json={"code": "gone", "detail": "Gone."})
        return gone if request.url.path.endswith(f"{ids[1]}/output") else None

    stack.trouble.append(fail)
    done = run("submit", *files, "--text", "x", "-o", "results")
    assert done.exit_code == 3
    assert "a.txt: The script ended with exit code 3." in done.stderr
    assert "b.txt: Gone." in done.stderr
    assert (folder / "results" / "c.txt").read_bytes() == b"the result"
