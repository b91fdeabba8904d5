from __future__ import annotations

import pytest

from functions.jobs.errors import JobNotFound
from functions.jobs.run_guard import is_over, open_job
from tests.functions.fakes.job_table import RUN, MemoryJobTable


def test_a_run_of_a_job_that_is_gone_is_over() -> None:
    assert is_over(None, RUN)
    with pytest.raises(JobNotFound):
        open_job(MemoryJobTable(), RUN)
