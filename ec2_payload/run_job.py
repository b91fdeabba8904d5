"""Runs one attempt of a job: input down, script, output up, and a report as the one line on standard error.

`python3 -m ec2_payload.run_job SPEC_URL SPEC_SHA256 [--upload-only]`, or called by bootstrap.py. The spec, the script's
contract, the report and the exit codes are described in README.md. Standard library only, Python 3.9 or newer.
"""

from __future__ import annotations

import errno
import hashlib
import pathlib
import signal
import sys
from typing import TYPE_CHECKING, Callable

from ec2_payload.wrapper.http_call import TransferError
from ec2_payload.wrapper.log import Log
from ec2_payload.wrapper.report import ExitCode, JobError, Report
from ec2_payload.wrapper.script_process import ScriptResult, run_script
from ec2_payload.wrapper.sizes import readable_size
from ec2_payload.wrapper.spec import MAX_SPEC_BYTES, Spec, SpecError, is_url
from ec2_payload.wrapper.start_failure import why_not_started
from ec2_payload.wrapper.stop import Stopped, StopSignals, stop_signals
from ec2_payload.wrapper.transfer import MAX_PUT_BYTES, download, fetch, upload
from ec2_payload.wrapper.work_folder import WorkFolder

if TYPE_CHECKING:
    from collections.abc import Sequence

PAYLOAD = pathlib.Path(__file__).resolve().parent
UPLOAD_ONLY = "--upload-only"
NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
SIGNAL_EXIT = 128


def main(arguments: Sequence[str]) -> int:
    """Runs the attempt, writes the report, returns the exit code."""
    report, log = Report(), Log()
    with stop_signals() as stop:
        code = _ending(lambda: Attempt(report, log, stop).run(arguments), report)
        stop.ignore()
        log.say(report.fields["message"])
        sys.stderr.write(report.line())
        sys.stderr.flush()
    return code


class Attempt:
    """The steps, in order; each leaves its traces in the report."""

    def __init__(self, report: Report, log: Log, stop: StopSignals) -> None:
        self._report = report
        self._log = log
        self._stop = stop

    def run(self, arguments: Sequence[str]) -> None:
        upload_only = UPLOAD_ONLY in arguments
        spec = _read_spec(*[word for word in arguments if word != UPLOAD_ONLY])
        folder = WorkFolder(spec)
        keep = False
        try:
            if upload_only:
                self._take_up(folder)
            else:
                self._download(spec, folder)
                self._run_script(spec, folder)
            self._upload(spec, folder)
        except JobError as failure:
            keep = failure.code == ExitCode.UPLOAD_URL_EXPIRED
            if keep:
                folder.keep(self._report.fields)
            raise
        finally:
            self._stop.ignore()  # the outcome stands; only the clean-up is left
            if not keep:
                self._remove(folder)

    def _download(self, spec: Spec, folder: WorkFolder) -> None:
        self._report.fields["stage"] = "download"
        folder.create()
        size = readable_size(spec.input_size)
        free = folder.free_bytes()
        if free < spec.input_size:
            message = f"the disk is too small: the input takes {size}, {readable_size(free)} are free"
            raise JobError(ExitCode.DISK_FULL, message)
        self._log.say(f"downloading the input ({size})")
        try:
            sha256 = download(spec.input_url, folder.input, spec.input_size, self._progress("downloaded"))
        except TransferError as error:
            raise JobError(ExitCode.INPUT_UNAVAILABLE, f"the input cannot be fetched: {error}") from error
        folder.text.write_bytes(spec.text)
        self._report.fields["input"] = {"size": spec.input_size, "sha256": sha256}
        self._report.event("input_downloaded")

    def _run_script(self, spec: Spec, folder: WorkFolder) -> None:
        self._report.fields["stage"] = "script"
        argv = folder.argv(PAYLOAD, sys.executable)
        self._log.say(f"running {' '.join(spec.command)} (at most {spec.timeout_s:g} s)")
        self._report.event("script_started")
        try:
            result = run_script(argv, folder, spec.timeout_s, self._log, self._stop)
        except OSError as error:
            if error.errno in NO_SPACE:
                raise
            message = f"the script cannot be started: {why_not_started(argv[0], error)}"
            raise JobError(ExitCode.SCRIPT_NOT_STARTED, message) from error
        self._report.event("script_finished")
        self._report.fields.update(
            exit_code=result.exit_code,
            signal=result.signal,
            timed_out=result.timed_out,
            stderr_tail=result.stderr_tail,
        )
        _check_result(result, spec, folder)

    def _take_up(self, folder: WorkFolder) -> None:
        self._report.fields["stage"] = "upload"
        kept = folder.kept()
        if kept is None:
            message = "this machine keeps no output of this job and attempt"
            raise JobError(ExitCode.OUTPUT_NOT_UPLOADED, message)
        self._report.fields.update(kept, message="")

    def _upload(self, spec: Spec, folder: WorkFolder) -> None:
        self._report.fields["stage"] = "upload"
        self._log.say(f"uploading the output ({readable_size(folder.output.stat().st_size)})")
        try:
            size, sha256 = upload(spec.output_url, folder.output, self._progress("uploaded"))
        except TransferError as error:
            if error.expired:
                message = f"the upload was refused because its URL has expired; the output is kept: {error}"
                raise JobError(ExitCode.UPLOAD_URL_EXPIRED, message) from error
            raise JobError(ExitCode.OUTPUT_NOT_UPLOADED, f"the output cannot be uploaded: {error}") from error
        self._report.event("output_uploaded")
        self._report.fields.update(stage="done", message="done", output={"size": size, "sha256": sha256})

    def _progress(self, verb: str) -> Callable[[int, int], None]:
        return lambda done, total: self._log.say(f"{verb} {readable_size(done)} of {readable_size(total)}")

    def _remove(self, folder: WorkFolder) -> None:
        try:
            folder.remove()
        except OSError as error:  # the machine's end removes it anyway; the job's outcome must not change
            self._log.say(f"the work folder could not be removed: {error}")


def _read_spec(url: str = "", sha256: str = "", *unknown: str) -> Spec:
    if unknown or not sha256 or not is_url(url):
        raise JobError(ExitCode.SPEC_UNUSABLE, f"usage: run_job SPEC_URL SPEC_SHA256 [{UPLOAD_ONLY}]")
    try:
        document = fetch(url, MAX_SPEC_BYTES)
    except TransferError as error:
        raise JobError(ExitCode.SPEC_UNUSABLE, f"the spec cannot be fetched: {error}") from error
    if hashlib.sha256(document).hexdigest() != sha256.lower():
        raise JobError(ExitCode.SPEC_UNUSABLE, "the spec does not have the expected SHA-256")
    try:
        return Spec.from_json(document)
    except SpecError as error:
        raise JobError(ExitCode.SPEC_UNUSABLE, f"the spec cannot be used: {error}") from error


def _check_result(result: ScriptResult, spec: Spec, folder: WorkFolder) -> None:
    if result.survivors:  # they could still change the output
        message = f"processes that the script left do not end: {', '.join(map(str, result.survivors))}"
        raise JobError(ExitCode.SCRIPT_FAILED, message)
    if result.timed_out:
        message = f"the script was stopped after {spec.timeout_s:g} s, its time limit"
        raise JobError(ExitCode.SCRIPT_TIMED_OUT, message)
    if result.signal:
        hint = " (the kernel does this when memory runs out)" if result.signal == "SIGKILL" else ""
        raise JobError(ExitCode.SCRIPT_FAILED, f"the script was ended by {result.signal}{hint}")
    if result.exit_code:
        raise JobError(ExitCode.SCRIPT_FAILED, f"the script ended with exit code {result.exit_code}")
    if not folder.output.is_file():
        raise JobError(ExitCode.NO_OUTPUT, "the script ended with exit code 0 but left no output file")
    size = folder.output.stat().st_size
    if size > MAX_PUT_BYTES:
        message = f"the output has {size} bytes; at most {MAX_PUT_BYTES} ({readable_size(MAX_PUT_BYTES)}) can be stored"
        raise JobError(ExitCode.OUTPUT_TOO_LARGE, message)


def _ending(run: Callable[[], None], report: Report) -> int:
    """Runs and turns every way it can end into an exit code and the report's message."""
    code: int
    try:
        run()
    except JobError as failure:
        code, message = failure.code, str(failure)
    except Stopped as stopped:
        code = SIGNAL_EXIT + stopped.signal_number
        message = f"the wrapper was stopped by {signal.Signals(stopped.signal_number).name}"
    except Exception as error:  # noqa: BLE001 - the report must be written whatever happens
        full = isinstance(error, OSError) and error.errno in NO_SPACE
        code = ExitCode.DISK_FULL if full else ExitCode.INTERNAL
        message = "the disk is full" if full else f"internal error: {type(error).__name__}: {error}"
    else:
        return ExitCode.SUCCESS
    report.fields["message"] = message
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
