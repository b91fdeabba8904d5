from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from urllib.parse import quote

import pytest

from functions.cleanup.deletion import Deletion, Purger
from functions.execution.ports import MachineAssignment
from functions.jobs.errors import FileTooLarge, InvalidRequest, JobConflict, JobNotFound, NotReady, UploadMissing
from functions.jobs.job import NO_OVERRIDES, Job, JobStatus, Overrides, Run, StoredManifest
from functions.jobs.ports import LogLine
from functions.jobs.s3_keys import input_key
from functions.scheduling.ports import Batch, BatchResult, Candidate, Slot
from functions.submission.overrides import NO_ALLOWANCE, Allowance
from functions.submission.submission import Document
from functions.submission.uploads import UPLOAD_SECONDS
from tests.functions.conftest import StoppedClock
from tests.functions.fakes.job_files import MemoryJobFiles
from tests.functions.fakes.job_table import JOB_ID, OTHER_ID, RUN, MemoryJobTable, a_job
from tests.functions.fakes.machines import a_machine
from tests.functions.fakes.submission import MemorySubmission, a_submission
from tests.functions.fakes.workflow import FakeWorkflow


def make(*jobs: Job) -> MemorySubmission:
    return a_submission(MemoryJobTable(*jobs))


def workflow_of(submission: MemorySubmission) -> FakeWorkflow:
    assert isinstance(submission.queue.workflow, FakeWorkflow)
    return submission.queue.workflow


def uploaded(submission: MemorySubmission, filename: str = "a b.txt", body: bytes = b"abc") -> None:
    submission.files.upload(input_key("alice", JOB_ID, filename), body)


def with_file(*jobs: Job) -> MemorySubmission:
    submission = make(*jobs)
    uploaded(submission)
    return submission


NAMES = [
    "a b.txt",
    'it\'s "quoted".txt',
    "50%#1.txt",
    "100%25.txt",
    "\N{PARTY POPPER}.txt",
    "x" * 255,
    "\N{PARTY POPPER}" * 63,
    "$HOME.txt",
    "a;rm -rf.txt",
    "<b>.html",
    ".hidden",
]


@pytest.mark.parametrize("name", NAMES)
def test_an_upload_is_for_exactly_one_key_and_size(name: str) -> None:
    entry = make().uploads.request_form("alice", name, 3, "text/plain")
    assert entry.job_id == JOB_ID
    assert entry.form.fields == {"key": f"inputs/alice/{JOB_ID}/{name}", "Content-Type": "text/plain"}
    assert len(entry.form.fields["key"].encode()) <= 1024, "S3 takes keys of at most 1024 bytes"


@pytest.mark.parametrize("name", ["", "../a", "\ud800"])  # all others are in jobs/test_s3_keys.py
def test_a_file_name_that_cannot_be_a_key_is_refused_naming_the_field(name: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        make().uploads.request_form("alice", name, 3, "text/plain")
    assert refused.value.field == "filename"


def test_the_same_name_in_two_unicode_spellings_is_one_name() -> None:
    entry = make().uploads.request_form("alice", "e\u0301.txt", 3, "text/plain")
    assert entry.form.fields["key"].endswith("/\u00e9.txt")


def test_a_file_over_the_limit_is_refused_naming_the_limit() -> None:
    with pytest.raises(FileTooLarge, match=r"1,001 bytes.*at most 1,000"):
        make().uploads.request_form("alice", "a", 1001, "text/plain")


@pytest.mark.parametrize("name", NAMES)
def test_a_submitted_job_knows_its_file_by_the_name_it_was_uploaded_under(name: str) -> None:
    submission = make()
    uploaded(submission, name)
    job, created = submission.submit("alice", JOB_ID, "text")
    assert created
    assert (job.filename, job.size, job.status) == (name, 3, JobStatus.QUEUED)
    assert job.input_file_path == f"uploads/inputs/alice/{JOB_ID}/{name}"
    assert [event.event for event in job.timeline] == ["queued"]


def test_submitting_again_answers_the_same_job_whatever_became_of_it(stopped_clock: StoppedClock) -> None:
    submission = with_file()
    first, _ = submission.submit("alice", JOB_ID, "text")
    submission.jobs.update("alice", JOB_ID, lambda job: job.moved(JobStatus.CANCELLED))
    again, created = submission.submit("alice", JOB_ID, "text")
    assert not created
    assert again == replace(first, status=JobStatus.CANCELLED, revision=2)


def test_submitting_again_with_another_text_is_a_conflict_and_changes_nothing() -> None:
    submission = with_file()
    submission.submit("alice", JOB_ID, "text")
    with pytest.raises(JobConflict):
        submission.submit("alice", JOB_ID, "other")
    assert submission.get("alice", JOB_ID).input_text == "text"


@pytest.mark.parametrize(
    ("owner", "job_id"), [("alice", OTHER_ID), ("alice", "nonsense"), ("alice", "../x"), ("bob", JOB_ID)]
)
def test_a_job_without_an_upload_of_its_owners_is_refused(owner: str, job_id: str) -> None:
    submission = with_file()
    with pytest.raises(UploadMissing, match="POST /uploads"):
        submission.submit(owner, job_id, "text")


@pytest.mark.parametrize("text", ["", "x" * 10_001, "\ud83d"])
def test_a_text_that_cannot_be_appended_is_refused_naming_the_field(text: str) -> None:
    submission = with_file()
    with pytest.raises(InvalidRequest) as refused:
        submission.submit("alice", JOB_ID, text)
    assert refused.value.field == "input_text"


@pytest.mark.parametrize("text", ["x" * 10_000, "\N{PARTY POPPER}" * 10_000, " ", "\n"])
def test_any_text_within_the_limit_is_taken_as_it_is(text: str) -> None:
    submission = with_file()
    assert submission.submit("alice", JOB_ID, text)[0].input_text == text


@pytest.mark.parametrize("job_id", [JOB_ID, "nonsense"])
def test_another_owners_job_is_not_found(job_id: str) -> None:
    submission = make(a_job())
    for look in (submission.get, submission.output, submission.cancel, submission.retry, submission.delete):
        with pytest.raises(JobNotFound):
            look("bob", job_id)
    with pytest.raises(JobNotFound):
        submission.manifest("bob", job_id)
    with pytest.raises(JobNotFound):
        submission.log_page("bob", job_id, None)
    with pytest.raises(JobNotFound):
        submission.copy("bob", job_id, "bob")


def test_a_forged_cursor_is_refused() -> None:
    with pytest.raises(InvalidRequest) as refused:
        make().page("alice", 10, "../bob")
    assert refused.value.field == "cursor"


@pytest.mark.parametrize("status", [one for one in JobStatus if one is not JobStatus.SUCCEEDED])
def test_a_job_that_has_not_succeeded_has_no_output(status: JobStatus) -> None:
    with pytest.raises(NotReady, match=str(status)):
        make(a_job(status=status)).output("alice", JOB_ID)


def test_the_output_of_a_succeeded_job_is_downloaded_under_a_name_that_does_no_harm() -> None:
    done = a_job(status=JobStatus.SUCCEEDED, output_file_path="outputs/o", filename=".bashrc")
    url = make(done).output("alice", JOB_ID).url
    assert url.startswith("https://s3.test/outputs/o")
    assert url.partition("UTF-8")[2].startswith(quote("''_.bashrc&", safe="&"))


def test_a_job_keeps_what_a_results_name_has_more_when_it_was_submitted() -> None:
    submission = replace(make(), output_suffix=".html")
    uploaded(submission)
    submission.submit("alice", JOB_ID, "text")
    assert replace(submission, output_suffix="").get("alice", JOB_ID).output_filename == "a b.txt.html"


def test_a_manifest_is_read_as_it_was_written_while_it_is_kept() -> None:
    submission = make(a_job(status=JobStatus.SUCCEEDED, manifest=StoredManifest("outputs/m", "a" * 64)))
    with pytest.raises(NotReady, match="not kept any more"):
        submission.manifest("alice", JOB_ID)
    submission.files.s3.put("outputs/m", b"{}")
    assert submission.manifest("alice", JOB_ID) == Document(b"{}", "a" * 64)


@pytest.mark.parametrize("status", [JobStatus.RUNNING, JobStatus.SUCCEEDED])
def test_a_job_may_have_no_manifest_yet_or_be_older_than_manifests(status: JobStatus) -> None:
    with pytest.raises(NotReady, match=f"no manifest: it is {status}"):
        make(a_job(status=status)).manifest("alice", JOB_ID)


def test_a_log_is_empty_before_the_command_was_sent_and_read_on_afterwards() -> None:
    assert make(a_job()).log_page("alice", JOB_ID, None).lines == ()
    assert make(a_job(instance_id="i", machines=(a_machine("i"),))).log_page("alice", JOB_ID, None).lines == ()
    submission = make(a_job(command_id="c", instance_id="i", machines=(a_machine("i", commands=("c",)),)))
    submission.log.lines["c", "i"] = [LogLine("t", "stdout", "one"), LogLine("t", "stdout", "two")]
    page = submission.log_page("alice", JOB_ID, None)
    assert [queue.text for queue in page.lines] == ["one", "two"]
    assert submission.log_page("alice", JOB_ID, page.next_token).lines == ()


def test_the_log_is_the_scripts_even_when_its_result_was_stored_by_a_second_command() -> None:
    machines = (a_machine("i-0", commands=("z",)), a_machine("i", commands=("c", "d")))
    submission = make(a_job(command_id="d", instance_id="i", machines=machines))
    submission.log.lines["c", "i"] = [LogLine("t", "stdout", "one")]
    assert [queue.text for queue in submission.log_page("alice", JOB_ID, None).lines] == ["one"]


def test_cancelling_wakes_the_workflow_that_waits_for_the_machine() -> None:
    submission = make(a_job(status=JobStatus.RUNNING, instance_id="i-1"))
    submission.machines.add(MachineAssignment("i-1", "alice", JOB_ID, 1))
    submission.machines.store_token("i-1", "token")
    assert submission.cancel("alice", JOB_ID).status is JobStatus.CANCELLED
    assert workflow_of(submission).woken == ["token"]
    assert submission.machines.has_event("i-1"), "should the workflow park only now, it does not wait"


def test_cancelling_twice_is_the_same_as_once() -> None:
    submission = make(a_job())
    assert submission.cancel("alice", JOB_ID).timeline[-1].event == "cancelled"
    assert len(submission.cancel("alice", JOB_ID).timeline) == 1


def test_cancelling_a_queued_job_dequeues_it_and_notifies_its_workflow() -> None:
    submission = make(a_job())
    submission.queue.table.enqueue(RUN, 1, "token")
    submission.cancel("alice", JOB_ID)
    assert submission.queue.table.oldest(9) == []
    assert workflow_of(submission).failed == [("token", "JobEnded")]


def test_cancelling_a_later_run_dequeues_that_one() -> None:
    submission = make(a_job(run=2))
    submission.queue.table.enqueue(RUN, 1, "first")
    submission.queue.table.enqueue(Run("alice", JOB_ID, 2), 2, "second")
    submission.cancel("alice", JOB_ID)
    assert workflow_of(submission).failed == [("second", "JobEnded")]


@pytest.mark.parametrize("status", [JobStatus.SUCCEEDED, JobStatus.FAILED])
def test_a_job_that_has_ended_cannot_be_cancelled_and_keeps_its_place(status: JobStatus) -> None:
    submission = make(a_job(status=status))
    submission.queue.table.enqueue(RUN, 1, "token")
    with pytest.raises(NotReady):
        submission.cancel("alice", JOB_ID)
    assert workflow_of(submission).answers == []


@pytest.mark.parametrize("status", [one for one in JobStatus if one not in {JobStatus.FAILED, JobStatus.CANCELLED}])
def test_any_other_job_cannot_be_tried_again(status: JobStatus) -> None:
    submission = with_file(a_job(status=status))
    with pytest.raises(NotReady, match=str(status)) as refused:
        submission.retry("alice", JOB_ID)
    assert refused.value.field == "job_id"
    assert submission.get("alice", JOB_ID) == a_job(status=status)


def test_a_job_whose_file_is_not_kept_any_more_cannot_be_tried_again() -> None:
    submission = make(a_job(status=JobStatus.FAILED))
    with pytest.raises(UploadMissing, match="not kept"):
        submission.retry("alice", JOB_ID)
    assert submission.get("alice", JOB_ID).status is JobStatus.FAILED


def test_a_repeated_submit_with_other_overrides_is_refused_and_a_retry_keeps_them() -> None:
    submission = replace(make(), allowance=Allowance(("c7g.large",), 60, 60))
    uploaded(submission)
    overrides = Overrides("c7g.large", 10)
    job, created = submission.submit("alice", JOB_ID, "text", overrides)
    assert (job.overrides, created) == (overrides, True)
    narrowed = replace(submission, allowance=NO_ALLOWANCE)
    assert narrowed.submit("alice", JOB_ID, "text", overrides) == (job, False), "it was allowed when it was made"
    for others in (NO_OVERRIDES, Overrides("c7g.large", 11), Overrides(None, 10)):
        with pytest.raises(JobConflict, match="other overrides"):
            submission.submit("alice", JOB_ID, "text", others)
    submission.cancel("alice", JOB_ID)
    assert submission.retry("alice", JOB_ID).overrides == overrides


def test_the_machines_that_live_are_the_owners_own() -> None:
    submission = make(a_job())
    mine, bobs = Slot(RUN, a_machine("i-1")), Slot(Run("bob", OTHER_ID), a_machine("i-2"))
    submission.queue.table.grant_slots([bobs])
    submission.queue.table.grant_slots([mine])
    assert submission.alive_machines("alice") == [mine]
    submission.queue.table.release_slot(RUN, "i-1")
    assert submission.alive_machines("alice") == []


ENDED = {"terminated_at": "2026-01-31T09:16:00.000Z", "verified": "seen"}


def test_deleting_removes_files_the_logs_of_all_commands_and_the_record_and_says_so() -> None:
    commands = {"i-0": ("z",), "i": ("c", "d"), "i-2": ()}
    machines = tuple(a_machine(one, commands=these, **ENDED) for one, these in commands.items())
    submission = with_file(a_job(status=JobStatus.FAILED, machines=machines))
    receipt = submission.delete("alice", JOB_ID)
    assert (receipt.job_id, receipt.objects, receipt.log_streams) == (JOB_ID, 1, 6)
    assert receipt.final_at > receipt.deleted_at
    assert submission.files.deleted == [("alice", JOB_ID)]
    assert submission.log.deleted == [("z", "i-0"), ("c", "i"), ("d", "i")]
    assert submission.jobs.get("alice", JOB_ID) is None
    with pytest.raises(JobConflict, match="deleted"):
        submission.jobs.add(a_job())


@pytest.mark.parametrize("is_recorded", [True, False])
def test_a_job_whose_machine_is_not_confirmed_terminated_cannot_be_deleted(is_recorded: bool) -> None:
    """Its machine could still store a result under a URL that it has: cancelled a moment ago, say."""
    machine = a_machine("i-7")
    submission = make(a_job(status=JobStatus.CANCELLED, machines=(machine,) if is_recorded else ()))
    if not is_recorded:
        submission.queue.table.grant_slots([Slot(RUN, machine)])
    with pytest.raises(NotReady, match=r"i-7.*being terminated"):
        submission.delete("alice", JOB_ID)
    assert submission.files.deleted == []
    assert submission.get("alice", JOB_ID)


def test_a_job_that_a_machine_is_being_launched_for_cannot_be_deleted() -> None:
    """Cancelled while the lease holder waits for EC2's answer, it has neither a slot nor a receipt yet."""
    submission = make(a_job(status=JobStatus.CANCELLED))
    table = submission.queue.table
    lease = table.acquire_lease("another run")
    assert lease
    table.save_batch(lease, Batch("token", Candidate("t4g.small", "subnet-a", "on-demand"), ((RUN, 1),)))
    with pytest.raises(NotReady, match="is being launched"):
        submission.delete("alice", JOB_ID)
    table.release_lease(lease, BatchResult(1))
    submission.delete("alice", JOB_ID)


# DynamoDB shows items for days after their time to live: https://github.com/gravitational/teleport/issues/19885.
def test_a_job_whose_time_is_over_is_gone_although_its_record_is_not(stopped_clock: StoppedClock) -> None:
    moment = int(stopped_clock.moment.timestamp())
    submission = a_submission(MemoryJobTable(a_job(status=JobStatus.SUCCEEDED, expires_at=moment + 60)))
    assert submission.page("alice", 10, None).jobs
    stopped_clock.go_on(60)
    assert submission.page("alice", 10, None).jobs == ()
    with pytest.raises(JobNotFound):
        submission.output("alice", JOB_ID)


def test_a_job_that_has_not_ended_is_never_gone(stopped_clock: StoppedClock) -> None:
    running = a_job(status=JobStatus.RUNNING, expires_at=int(stopped_clock.moment.timestamp()) - 1)
    assert a_submission(MemoryJobTable(running)).get("alice", JOB_ID) == running


def test_a_retried_job_is_kept_as_long_as_a_new_one(stopped_clock: StoppedClock) -> None:
    files = MemoryJobFiles()
    files.upload(input_key("alice", JOB_ID, "a.txt"))
    failed = a_job(status=JobStatus.FAILED, expires_at=int(stopped_clock.moment.timestamp()) + 60)
    retried = a_submission(MemoryJobTable(failed), files, keep_days=7).retry("alice", JOB_ID)
    assert retried.expires_at == int((stopped_clock.moment + timedelta(days=7)).timestamp())


def test_a_job_that_is_retried_while_it_is_deleted_stays_with_its_files() -> None:
    submission = make(a_job(status=JobStatus.FAILED))
    read = submission.get("alice", JOB_ID)
    submission.files.upload(f"inputs/alice/{JOB_ID}/a b.txt")
    submission.retry("alice", JOB_ID)
    deletion = Deletion(submission.jobs, submission.files, submission.log, submission.queue.table, timedelta(hours=1))
    with pytest.raises(NotReady, match="changed meanwhile"):
        deletion.delete(read)
    assert submission.files.deleted == []
    assert submission.get("alice", JOB_ID).status is JobStatus.QUEUED


def test_what_comes_after_a_deletion_is_removed_once_no_url_is_good_any_more(stopped_clock: StoppedClock) -> None:
    machines = (a_machine("i-0", commands=("c",), **ENDED),)
    submission = make(a_job(status=JobStatus.FAILED, machines=machines))
    submission.delete("alice", JOB_ID)
    purger = Purger(submission.jobs, submission.files, submission.log)
    assert not purger.purge("alice", JOB_ID)
    stopped_clock.go_on(UPLOAD_SECONDS + 1)
    assert purger.purge("alice", JOB_ID)
    assert submission.files.deleted == [("alice", JOB_ID)] * 2
    assert submission.log.deleted == [("c", "i-0")] * 2
    assert list(submission.jobs.unpurged()) == []


def test_a_sweep_finishes_a_deletion_that_was_interrupted(
    stopped_clock: StoppedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    submission = make(a_job(status=JobStatus.FAILED))

    def interrupted(*_: str) -> int:
        raise ConnectionError("the function was ended")

    with monkeypatch.context() as patch:
        patch.setattr(MemoryJobFiles, "delete_job", interrupted)
        with pytest.raises(ConnectionError):
            submission.delete("alice", JOB_ID)
    purger = Purger(submission.jobs, submission.files, submission.log)
    assert purger.purge("alice", JOB_ID)
    assert submission.files.deleted == [("alice", JOB_ID)]
    assert not purger.purge("alice", JOB_ID), "once will do, until nothing can come any more"
    stopped_clock.go_on(UPLOAD_SECONDS + 1)
    assert purger.purge("alice", JOB_ID)
    assert list(submission.jobs.unpurged()) == []


@pytest.mark.parametrize("status", [JobStatus.QUEUED, JobStatus.LAUNCHING, JobStatus.RUNNING])
def test_a_job_that_has_not_ended_cannot_be_deleted(status: JobStatus) -> None:
    submission = make(a_job(status=status))
    with pytest.raises(NotReady, match="cancel it"):
        submission.delete("alice", JOB_ID)
    assert submission.get("alice", JOB_ID)
