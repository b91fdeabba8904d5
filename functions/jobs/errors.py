"""Everything that can go wrong, in one tree.

MayflyError
├── RequestError                 the caller can fix it; functions/api/problems.py maps it to HTTP
│   ├── InvalidRequest           a field is wrong                                    400
│   ├── JobNotFound              no such job, or another owner's                     404
│   ├── UploadNotFound           no such upload in parts, or another owner's         404
│   ├── UploadMissing            no file was uploaded for this job                   409
│   ├── UploadIncomplete         parts of the upload are not stored                  409
│   ├── JobConflict              the job exists with other content                   409
│   ├── OverrideNotAllowed       the stack does not allow this for a job             400
│   ├── NotReady                 the job's state does not allow this now             409
│   ├── TooManyRuns              the job was run as often as a job may be            409
│   ├── TooManyOpenJobs          as many of the owner's jobs have not ended as may be 409
│   ├── UploadQuota              the owner has uploaded today what an owner may      403
│   ├── SpendingCap              the day's machines have cost what they may          403
│   └── FileTooLarge             larger than this stack allows                       413
├── StepError                    a workflow step failed; the class name is the error name that
│   │                            workflow.asl.json retries or catches
│   ├── RetryableStep            trying again can help
│   │   ├── MachineBooting       the machine's agent is not expected online yet
│   │   ├── AgentNotOnline       the machine's agent should be online, and takes no command yet
│   │   ├── CapacityUnavailable  no candidate has room
│   │   ├── QuotaExceeded        the account's limit is reached
│   │   ├── Throttled            AWS asked to slow down
│   │   ├── CapacityAvailable    a slot is free: its waiting task is failed with this, and asks again
│   │   ├── NotFinished          Finish leaves the job to the states after it
│   │   ├── MachineLost          the machine was gone before it had its command
│   │   └── MachineStillAlive    termination is under way but not confirmed
│   └── FinalStep                trying again cannot help
│       ├── LaunchRefused        AWS refused the launch for good (permission, image, parameter)
│       ├── QueueTimeout         no machine within the stack's queue time-out
│       ├── SpendingCapReached   the day's machines have cost what they may
│       ├── JobCostCap           with another machine the job might cost more than a job may
│       └── JobEnded             the run is over already (cancelled, or ended by the sweeper)
├── LeaseLost                    another run holds the launch lease by now
├── JobUnreadable                this version cannot read the job's record
├── RecordRefused                the table does not take a job's record: it is too large, say
├── IllegalTransition            a status change that the table in job.py does not allow
└── ConcurrentChange             a record kept changing under an update
"""

from __future__ import annotations


class MayflyError(Exception):
    """Base of all errors raised on purpose."""


class RequestError(MayflyError):
    """A request that cannot be carried out as it is. `code` is stable, `field` names the field."""

    code = "request_error"

    def __init__(self, message: str, *, field: str) -> None:
        super().__init__(message)
        self.field = field


class InvalidRequest(RequestError):
    code = "invalid_request"


class JobNotFound(RequestError):
    code = "job_not_found"


class UploadNotFound(RequestError):
    code = "upload_not_found"


class UploadMissing(RequestError):
    code = "upload_missing"


class UploadIncomplete(RequestError):
    code = "upload_incomplete"


class JobConflict(RequestError):
    code = "job_conflict"


class OverrideNotAllowed(RequestError):
    code = "override_not_allowed"


class NotReady(RequestError):
    code = "not_ready"


class TooManyRuns(RequestError):
    code = "too_many_runs"


class TooManyOpenJobs(RequestError):
    code = "too_many_open_jobs"


class UploadQuota(RequestError):
    code = "upload_quota"


class SpendingCap(RequestError):
    code = "spending_cap"


class FileTooLarge(RequestError):
    code = "file_too_large"


class StepError(MayflyError):
    """A workflow step failed; Step Functions sees the class name as the error name."""


class RetryableStep(StepError):
    pass


class AgentNotOnline(RetryableStep):
    pass


class MachineBooting(RetryableStep):
    pass


class CapacityUnavailable(RetryableStep):
    pass


class QuotaExceeded(RetryableStep):
    pass


class Throttled(RetryableStep):
    pass


class CapacityAvailable(RetryableStep):
    pass


class NotFinished(RetryableStep):
    pass


class MachineLost(RetryableStep):
    pass


class MachineStillAlive(RetryableStep):
    pass


class FinalStep(StepError):
    pass


class LaunchRefused(FinalStep):
    pass


class QueueTimeout(FinalStep):
    pass


class SpendingCapReached(FinalStep):
    pass


class JobCostCap(FinalStep):
    pass


class JobEnded(FinalStep):
    pass


class LeaseLost(MayflyError):
    pass


class JobUnreadable(MayflyError):
    pass


class RecordRefused(MayflyError):
    pass


class IllegalTransition(MayflyError):
    pass


class ConcurrentChange(MayflyError):
    pass
