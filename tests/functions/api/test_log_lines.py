"""What the API's function writes into its log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from functions.api import handler
from tests.functions.fakes.job_table import JOB_ID
from tests.functions.orchestrator.lambda_context import CONTEXT
from tests.functions.written_lines import written_lines


@pytest.fixture
def line_of(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], dict[str, Any]]:
    """Sends a request of a path and answers the line that was written meanwhile."""

    def answer(_event: dict[str, Any], _context: Any) -> dict[str, Any]:
        handler.logger.info("in the middle")
        return {"statusCode": 200}

    monkeypatch.setattr(handler, "adapter", lambda: answer)
    lines = written_lines(monkeypatch, handler.logger)

    def line(path: str) -> dict[str, Any]:
        handler.handler({"rawPath": path}, CONTEXT)
        return lines()[-1]

    return line


@pytest.mark.parametrize("path", ["/api/jobs/{}", "/api/jobs/{}/log", "/api/uploads/{}/parts"])
def test_a_line_about_a_job_names_it_in_a_field(line_of: Callable[[str], dict[str, Any]], path: str) -> None:
    assert line_of(path.format(JOB_ID))["job_id"] == JOB_ID


@pytest.mark.parametrize("path", ["/api/jobs", "/api/health", "/api/jobs/not-an-id", f"/api/jobs/{JOB_ID}0"])
def test_no_other_line_does_and_none_keeps_the_job_of_the_one_before(
    line_of: Callable[[str], dict[str, Any]], path: str
) -> None:
    line_of(f"/api/jobs/{JOB_ID}")
    assert "job_id" not in line_of(path)
