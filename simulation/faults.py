"""What goes wrong in a simulation: a finite plan. Everything is counted from 0."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from simulation.storage_errors import Outage, StorageError


class CallFault(StrEnum):
    """What happens to one invocation of a function, at one of its calls to AWS; the last three are of the whole."""

    CRASH_BEFORE = "crash before"  # the process is gone before the call
    CRASH_AFTER = "crash after"  # the call has its effect, then the process is gone
    ERROR_BEFORE = "error before"  # the call fails without effect
    ERROR_AFTER = "error after"  # the call has its effect, its answer is lost
    THROTTLED = "throttled"
    SENT_TWICE = "sent twice"  # the SDK repeats a call whose answer was lost; not for EC2, see functions/aws/clients.py
    STALL = "stall"  # the call hangs for up to a minute and a half
    ANSWER_LOST = "answer lost"  # the function runs to its end, but its caller is told that it failed
    GIVEN_UP = "given up"  # its caller is told that it failed while it still runs
    BUSY = "busy"  # Lambda has no room for it: TooManyRequestsException, and nothing runs


OF_THE_WHOLE = {CallFault.ANSWER_LOST, CallFault.GIVEN_UP, CallFault.BUSY}


@dataclass(frozen=True)
class FunctionFault:
    """`invocation` is the function's, `call` the call within it; beyond the last one nothing happens.

    An error of a storage service hits the first call from there on that it applies to.
    """

    function: str
    invocation: int
    call: int
    call_fault: CallFault | StorageError


@dataclass(frozen=True)
class Congestion:
    """For some `seconds`, `begins` seconds after the beginning, Lambda has no room for a `function`, None is for any.

    That is when as many run as the account may have at once, or as are reserved for one function.
    """

    begins: float
    seconds: float
    function: str | None = None

    def covers(self, moment: float, function: str) -> bool:
        return self.begins <= moment < self.begins + self.seconds and self.function in {None, function}


class Delivery(StrEnum):
    """What becomes of one event or stream record on its way."""

    LOST = "lost"
    TWICE = "twice"
    LATE = "late"


class MachineFaultKind(StrEnum):
    """What is wrong with one machine."""

    DIES = "dies"
    DIES_AFTER_WARNING = "dies after warning"  # as spot machines do
    NEVER_ONLINE = "never online"  # its agent never reports
    TAKES_NO_COMMAND = "takes no command"  # its agent reports, and then no more


@dataclass(frozen=True)
class MachineFault:
    """`after` is seconds from its launch, for a machine that dies."""

    kind: MachineFaultKind
    after: float = 0.0


class Kind(StrEnum):
    """Which of a job's items."""

    RECORD = "record"
    RECEIPTS = "receipts"  # in the record
    TOMBSTONE = "tombstone"
    ENTRY = "queue entry"
    SLOT = "slot"
    MACHINE = "machine item"


class Damage(StrEnum):
    TOO_LARGE = "too large"  # above 400 KB with every write
    UNREADABLE = "unreadable"  # of a newer version, say
    HALF_DELETED = "half deleted"  # attributes are missing, the ones for indexes and conditions as well
    GONE = "gone"


@dataclass(frozen=True)
class ItemFault:
    """From `at` on (seconds), or from when there is one within ten minutes, an item of a job's latest run is damaged.

    `job` is its number.
    """

    job: int
    kind: Kind
    damage: Damage
    at: float


# An answer to RunInstances that is no error: fewer machines than asked for, or all of them.
PARTIAL, FINE = "partial", "fine"


@dataclass(frozen=True)
class Faults:
    """`launches` are the answers to the first calls of RunInstances: FINE, PARTIAL or an error code.

    `starts` are those to the first calls of StartInstances: FINE or an error code. `invisible_for` is how many seconds
    a new machine is unknown to EC2's other calls.
    """

    functions: tuple[FunctionFault, ...] = ()
    launches: tuple[str, ...] = ()
    starts: tuple[str, ...] = ()
    machines: Mapping[int, MachineFault] = field(default_factory=dict)
    records: Mapping[int, Delivery] = field(default_factory=dict)
    events: Mapping[int, Delivery] = field(default_factory=dict)
    outages: tuple[Outage, ...] = ()
    congestions: tuple[Congestion, ...] = ()
    items: tuple[ItemFault, ...] = ()
    invisible_for: float = 0.0


NO_FAULTS = Faults()
