"""Names, texts and log lines that would be markup elsewhere. In a real browser, against the fake cloud."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.frontend.conftest import Watch
from tests.frontend.fake_cloud import FakeCloud
from tests.frontend.job_page import JobPage
from tests.stack.fake_job import FAILING_WAY

pytestmark = pytest.mark.browser

# Each of them sets a global variable once anything of it is executed.
HARM = [
    '<svg onload="pwned=1">',
    '<img src=x onerror="pwned=1">',
    "<script>pwned=1<.script>",
    '"><iframe srcdoc="<script>parent.pwned=1<.script>">',
    "javascript:pwned=1",
    "{{constructor.constructor('pwned=1')()}}",
]
# Elements that the page itself never has.
STRANGE = (
    "iframe, svg[onload], img[onerror], img[src='x'], [onclick], [onerror], [onload], body script, a[href^=javascript]"
)


def is_harmless(page: Page) -> bool:
    return page.locator(STRANGE).count() == 0 and page.evaluate("globalThis.pwned") is None


def test_these_words_do_harm_where_they_are_markup(context: BrowserContext) -> None:
    page = context.new_page()
    page.set_content(HARM[0])
    page.wait_for_function("() => globalThis.pwned === 1")
    assert not is_harmless(page)


def test_names_and_texts_of_markup_are_shown_as_they_are(form: JobPage, fake_cloud: FakeCloud, tmp_path: Path) -> None:
    for words in HARM:
        file = tmp_path / f"{words}.txt"
        file.write_bytes(b"content")
        form.submit(words, file)
        form.expect_status("Succeeded")
        expect(form.job.get_by_role("heading", name=file.name)).to_have_text(file.name)
        expect(form.job).to_contain_text(words)
        assert is_harmless(form.page)
        assert form.download() == b"content\n" + words.encode()
    form.page.reload()
    expect(form.job.get_by_role("heading", name=f"{HARM[-1]}.txt")).to_have_text(f"{HARM[-1]}.txt")
    expect(form.rows.locator(".name")).to_have_text([f"{words}.txt" for words in reversed(HARM)])
    assert is_harmless(form.page)


def test_what_a_script_prints_and_why_it_failed_are_shown_as_they_are(
    form: JobPage, fake_cloud: FakeCloud, document: Path
) -> None:
    (words, *_) = HARM
    fake_cloud.way = (*FAILING_WAY[:4], ("output", words), *FAILING_WAY[4:])
    fake_cloud.error = replace(fake_cloud.error, message=f"{words}\n{words}")
    form.submit("text", document)
    form.expect_status("Failed")
    expect(form.job.locator(".notice .message")).to_have_text(words)
    expect(form.job.get_by_label("End of the error output")).to_have_text(words)
    assert is_harmless(form.page)


def test_an_address_of_markup_or_of_an_unknown_job_is_answered_in_words(form: JobPage, watch: Watch) -> None:
    for fragment in ("#/jobs/<img src=x onerror=pwned=1>", "#/jobs/../../api/docs", "#javascript:alert(1)"):
        form.page.goto(f"{form.url}/{fragment}")
        expect(form.page.get_by_role("heading", name="New job")).to_be_visible()
        assert is_harmless(form.page)
    watch.allow("404")
    form.open("#/jobs/018f0000-0000-7000-8000-000000000000")
    expect(form.job).to_contain_text("There is no job '018f0000-0000-7000-8000-000000000000'.")
