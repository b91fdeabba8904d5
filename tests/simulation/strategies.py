"""Random schedules. Whatever is drawn is finite, so that everything comes to rest in the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

from hypothesis import strategies as st

from simulation.damage import POSSIBLE
from simulation.faults import (
    FINE,
    PARTIAL,
    CallFault,
    Congestion,
    Delivery,
    Faults,
    FunctionFault,
    ItemFault,
    Kind,
    MachineFault,
    MachineFaultKind,
)
from simulation.handlers import FUNCTIONS
from simulation.payload import Script
from simulation.stack import Stack
from simulation.storage_errors import DENIED, SERVER_FAILED, STORAGE_ERRORS, THROTTLED, Outage
from simulation.world import OWNER
from tests.simulation.schedule import Action, PlannedJob, Schedule

_REFUSALS = ("InsufficientInstanceCapacity", "VcpuLimitExceeded", "RequestLimitExceeded")
# One less than the tries that every step of the workflow has, or a crash too many would be a job's end.
_MOST_FUNCTION_FAULTS = 5


def _seconds(most: int) -> st.SearchStrategy[float]:
    """Whole seconds, early ones more often: that is when much happens at once."""
    return (st.integers(0, 5) | st.integers(0, most)).map(float)


_SCRIPTS = st.builds(
    Script,
    seconds=st.integers(1, 200).map(float),
    fails=st.sampled_from([False, False, False, False, True]),
    expiries=st.sampled_from([0, 0, 0, 0, 1, 2, 9]),
)
_JOBS = st.builds(
    PlannedJob,
    at=_seconds(120),
    body=st.sampled_from([b"", b"line", b"line\n", bytes(range(256))]),
    text=st.sampled_from(["text", "Zoë\n"]),
    script=_SCRIPTS,
    requested_type=st.sampled_from([None, None, *Stack().allowed_types]),
    owner=st.sampled_from([OWNER, OWNER, "bob", "carol"]),
)


_FUNCTION_FAULTS = st.builds(
    FunctionFault,
    function=st.sampled_from(["launch", "launch", "launch", "dispatch", "terminate", *FUNCTIONS, "api"]),
    invocation=st.integers(0, 8),
    call=st.integers(0, 14),
    call_fault=st.sampled_from(CallFault) | st.sampled_from(STORAGE_ERRORS),
)


def _first_call(functions: Sequence[str], call_fault: CallFault) -> st.SearchStrategy[FunctionFault]:
    return st.builds(
        FunctionFault,
        function=st.sampled_from(functions),
        invocation=st.integers(0, 8),
        call=st.just(0),
        call_fault=st.just(call_fault),
    )


# While a call goes on that its workflow has given up, the step's next try is under way.
GIVEN_UP_LAUNCHES = _first_call(["launch"], CallFault.GIVEN_UP)
BUSY_FUNCTIONS = _first_call(tuple(FUNCTIONS), CallFault.BUSY)
# Of a refusal's kinds that last; what a call has written all the same is for single calls.
_OUTAGES = st.builds(
    Outage,
    error=st.sampled_from([error for error in (*THROTTLED, *SERVER_FAILED, *DENIED) if not error.has_effect]),
    begins=_seconds(300),
    seconds=st.sampled_from([3.0, 20.0, 60.0, 300.0]),
    function=st.sampled_from([None, "launch", "record", "release", "sweep", *FUNCTIONS, "api"]),
)
_CONGESTIONS = st.builds(
    Congestion,
    begins=_seconds(300),
    seconds=st.sampled_from([3.0, 20.0, 50.0, 200.0]),
    function=st.sampled_from([None, None, *FUNCTIONS]),
)
_CONGESTED = st.lists(_CONGESTIONS, min_size=1, max_size=2).map(tuple)
# While it boots, before and after it has its command, while it works, when it may have ended already.
_DEATHS = st.sampled_from([0.0, 3.0, 10.0, 15.0, 20.0, 25.0, 30.0, 40.0, 60.0, 90.0, 150.0, 250.0])
_MACHINE_FAULTS = st.builds(MachineFault, kind=st.sampled_from(MachineFaultKind), after=_DEATHS)
_DELIVERIES = st.dictionaries(st.integers(0, 12), st.sampled_from(Delivery), max_size=5)


def _faults(functions: st.SearchStrategy[FunctionFault], busy: st.SearchStrategy[bool]) -> st.SearchStrategy[Faults]:
    return st.builds(
        Faults,
        functions=st.lists(functions, max_size=_MOST_FUNCTION_FAULTS).map(tuple),
        launches=st.lists(st.sampled_from([FINE, FINE, PARTIAL, *_REFUSALS]), max_size=6).map(tuple)
        | st.sampled_from([(FINE, "UnauthorizedOperation"), ("RequestLimitExceeded",) * 12]),
        starts=st.lists(st.sampled_from([FINE, FINE, *_REFUSALS, "IncorrectInstanceState"]), max_size=4).map(tuple),
        machines=st.dictionaries(st.integers(0, 8), _MACHINE_FAULTS, max_size=4),
        records=_DELIVERIES,
        events=_DELIVERIES | st.just(dict.fromkeys(range(300), Delivery.LOST)),
        outages=st.just(()) | st.just(()) | st.lists(_OUTAGES, min_size=1, max_size=2).map(tuple),
        congestions=busy.flatmap(lambda is_busy: _CONGESTED if is_busy else st.just(())),
        invisible_for=st.sampled_from([0.0, 0.0, 3.0, 20.0, 90.0]),
    )


@st.composite
def item_faults(draw: st.DrawFn, jobs: int) -> tuple[ItemFault, ...]:
    """Of one job, which has up to three items damaged."""
    job = draw(st.integers(0, jobs - 1))
    kinds = draw(st.lists(st.sampled_from(Kind), min_size=1, max_size=3, unique=True))
    return tuple(
        ItemFault(job, kind, draw(st.sampled_from(POSSIBLE[kind])), draw(_seconds(30) | _seconds(300)))
        for kind in kinds
    )


# With room for one machine of the stack's types until its deadline, for two of them, and for one of the dearest type;
# micro-USD.
OWNER_CAPS = (100_000, 190_000, 330_000)
# What a user does to a job, one thing after the other.
_COURSES = (
    ("cancel",),
    ("cancel", "retry"),
    ("cancel", "retry", "cancel"),
    ("cancel", "delete"),
    ("retry",),
    ("abort",),
    ("abort", "retry"),
    ("abort", "retry", "abort"),
)


_SOMETIMES = st.sampled_from([False, False, True])


def _deeds(job: int, at: float, course: tuple[str, ...], between: float) -> list[Action]:
    return [Action(at + number * between, job, what) for number, what in enumerate(course)]


@st.composite
def schedules(
    draw: st.DrawFn,
    pool_sizes: Sequence[int] = (0, 0, 1, 2, 3),
    owner_caps: Sequence[int] = (0, 0, *OWNER_CAPS),
    damaged: st.SearchStrategy[bool] = _SOMETIMES,
    functions: st.SearchStrategy[FunctionFault] = _FUNCTION_FAULTS | GIVEN_UP_LAUNCHES,
    busy: st.SearchStrategy[bool] = _SOMETIMES,
    slownesses: Sequence[float] = (1.0, 1.0, 5.0, 20.0),
) -> Schedule:
    jobs = draw(st.lists(_JOBS, min_size=1, max_size=8).map(tuple))
    doings = st.builds(
        _deeds,
        st.integers(0, len(jobs) - 1),
        _seconds(30) | _seconds(600),
        st.sampled_from(_COURSES),
        st.sampled_from([0.1, 3.0, 60.0, 400.0]),
    )
    room = draw(st.sampled_from([None, None, None, 0, 1, 2]))
    scarce = draw(st.sampled_from([frozenset[str](), frozenset(), frozenset({Stack().allowed_types[0]})]))
    # An account without any room, or with nothing of what a job requests, is only for those who do not wait for ever.
    timeout = 10 if room == 0 or scarce else draw(st.sampled_from([240, 240, 240, 10]))
    owner_cap = draw(st.sampled_from(owner_caps))
    pool_size = draw(st.sampled_from(pool_sizes))
    faults = draw(_faults(functions, busy))
    return Schedule(
        jobs=jobs,
        actions=tuple(chain.from_iterable(draw(st.lists(doings, max_size=3)))),
        faults=replace(faults, items=draw(item_faults(len(jobs)))) if draw(damaged) else faults,
        max_concurrent=draw(st.integers(1, 4)),
        max_attempts=draw(st.integers(1, 3)),
        room=room,
        owner_cap=owner_cap,
        pool_size=pool_size,
        pool_head_start=draw(st.sampled_from([400.0, 400.0, 60.0, 0.0])) if pool_size else 0.0,
        scarce=scarce,
        slowness=draw(st.sampled_from(slownesses)),
        queue_timeout_minutes=timeout,
        seed=draw(st.integers(0, 2**32)),
    )
