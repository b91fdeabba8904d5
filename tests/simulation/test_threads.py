from __future__ import annotations

import pytest

from simulation.calls import Crash
from simulation.process import pause
from simulation.threads import Threads
from tests.simulation.bench import Bench


def test_threads_work_at_the_same_time_and_are_waited_for() -> None:
    done: list[int] = []

    def each(number: int) -> None:
        pause(10.0)
        done.append(number)

    def work() -> float:
        with Threads(2) as threads:
            threads.map(each, range(4))
        return bench.clock.seconds

    bench = Bench(work)
    answer = bench.answer()
    assert done == [0, 1, 2, 3]
    assert 20 <= answer.payload < 22, "two rounds of two"


def test_after_an_error_nothing_further_is_begun_and_what_has_begun_comes_to_its_end() -> None:
    done: list[int] = []

    def each(number: int) -> None:
        pause(float(number))
        if number == 1:
            raise LookupError("gone")
        done.append(number)

    def work() -> None:
        with Threads(2) as threads:
            threads.map(each, [1, 2, 3])

    assert Bench(work).answer().error == "LookupError"
    assert done == [2]


@pytest.mark.parametrize("timeout", [60.0, 5.0], ids=["a crash", "a time-out"])
def test_the_end_of_the_process_is_the_end_of_its_threads(timeout: float) -> None:
    done: list[int] = []

    def each(number: int) -> None:
        pause(float(number))
        if number == 6:
            raise Crash
        done.append(number)

    def work() -> None:
        with Threads(3) as threads:
            threads.map(each, [1, 6, 7])

    assert Bench(work, timeout=timeout).answer().error in {"Runtime.ExitError", "Sandbox.Timedout"}
    assert done == [1]
