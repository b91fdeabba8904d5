"""What a first visit waits for until it shows "Sign in": two round trips, and no more files than that needs.

benchmarks/first_visit.py has the time.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator

import pytest
from playwright.sync_api import Request, Response, expect

from tests.frontend.fake_cloud import FakeCloud, serve
from tests.frontend.job_page import JobPage
from tests.stack.user_pool import UserPool

pytestmark = pytest.mark.browser

FILES = ("config.json", "dom.js", "favicon.svg", "main.js", "sign-in/session.js", "sign-in/user-pool.js", "styles.css")
NEEDED = {"/", *(f"/{name}" for name in FILES)}
# With the headers of eight answers, which are not counted here, far below what the page may take: 45 kB.
COMPRESSED_BYTES = 25_000


@pytest.fixture
def fake_cloud() -> Iterator[FakeCloud]:
    with serve(FakeCloud(UserPool())) as cloud:
        yield cloud


def test_sign_in_is_shown_before_anything_is_fetched_that_it_does_not_need(form: JobPage) -> None:
    sent: list[Request] = []
    answers: list[Response] = []
    form.page.on("request", lambda request: sent.append(request))  # noqa: PLW0108 - playwright sets an attribute of it
    form.page.on("response", lambda answer: answers.append(answer))  # noqa: PLW0108 - playwright sets an attribute of it
    form.page.goto(form.url)
    expect(form.sign_in_button).to_be_visible()
    expect(form.page.locator("link[href='/app.js']")).to_be_attached()
    form.page.wait_for_load_state("networkidle")
    paths = [request.url.removeprefix(form.url) for request in sent]
    assert len(set(paths)) == len(paths), "nothing is fetched twice, such as what is preloaded in another way than used"
    assert set(paths[: len(NEEDED)]) == NEEDED
    sizes = {answer.url.removeprefix(form.url): len(gzip.compress(answer.body())) for answer in answers}
    assert sum(sizes[path] for path in NEEDED) <= COMPRESSED_BYTES, sizes


def test_all_that_sign_in_needs_is_named_by_the_document_itself(form: JobPage) -> None:
    """So that there is no third round trip: nothing is found in what came with the second."""
    html = form.page.request.get(form.url).text()
    head = html[: html.index("<template")]
    named = {path for path in NEEDED if f'"{path}"' in head}
    assert named == NEEDED - {"/"}
