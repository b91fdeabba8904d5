"""The page signs people in, keeps them signed in and signs them out. In a real browser, against the fake cloud."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, Response, expect

from tests.cloud.steps import until
from tests.frontend.conftest import Watch
from tests.frontend.fake_cloud import FakeCloud, serve
from tests.frontend.job_page import JobPage
from tests.frontend.test_accessibility import assert_fine
from tests.functions.fakes.users import MemoryUsers
from tests.stack.user_pool import UserPool

pytestmark = pytest.mark.browser

KEPT = "() => JSON.stringify([Object.entries(localStorage), document.cookie, Object.entries(sessionStorage)])"
# Once it holds its lock, another tab asks it for the sign-in.
LETS_TABS_IN = "async () => (await navigator.locks.query()).held.some(({name}) => name === 'mayfly.signed-in')"
BOB = "c3f4a8d2-1081-70aa-8a51-3f0a5b8c1e28"
CAROL = "d3f4a8d2-1081-70aa-8a51-3f0a5b8c1e29"


@pytest.fixture
def fake_cloud() -> Iterator[FakeCloud]:
    with serve(FakeCloud(UserPool())) as cloud:
        yield cloud


@pytest.fixture
def pool(fake_cloud: FakeCloud) -> UserPool:
    assert fake_cloud.pool
    return fake_cloud.pool


def sign_in(form: JobPage, fragment: str = "") -> None:
    form.page.goto(f"{form.url}/{fragment}")
    form.sign_in_button.click()
    expect(form.page.get_by_role("heading", name="Your jobs")).to_be_visible()


def until_tabs_are_let_in(form: JobPage) -> None:
    """`wait_for_function` takes a promise for true (microsoft/playwright#29132)."""
    until(lambda: bool(form.page.evaluate(LETS_TABS_IN)))


def let_expire(pool: UserPool) -> None:
    """As when the day is over that a refresh token lives: neither it nor an access token does any more."""
    pool.valid.clear()
    pool.refresh_tokens.clear()


def let_expire_while_away(form: JobPage, pool: UserPool) -> None:
    """No request is under way then, whose refusal the page would notice before it is left."""
    form.page.goto("about:blank")
    let_expire(pool)
    form.page.goto(form.url)


def expect_expired(form: JobPage, *kept: str) -> None:
    expect(form.session_notice).to_contain_text("Your sign-in has expired.")
    for words in kept:
        expect(form.session_notice).to_contain_text(words)


def try_it_out(page: Page) -> Response:
    """The answer to a request from the API's documentation."""
    page.get_by_text("List machines").click()
    page.get_by_role("button", name="Try it out").click()
    with page.expect_response(re.compile("/api/machines$")) as waiting:
        page.get_by_role("button", name="Execute").click()
    return waiting.value


def test_nothing_is_asked_before_sign_in_and_who_signs_in_is_named_and_runs_a_job(
    form: JobPage, fake_cloud: FakeCloud, document: Path
) -> None:
    form.page.goto(form.url)
    expect(form.sign_in_button).to_be_visible()
    for part in (form.text, form.page.get_by_role("heading", name="Your jobs"), form.sign_out_button):
        expect(part).to_be_hidden()
    assert fake_cloud.calls == []
    form.sign_in_button.click()
    expect(form.page.locator("#account")).to_contain_text("alice@example.com")
    assert form.page.url == f"{form.url}/"
    expect(form.sign_in_button).to_be_hidden()
    form.submit("the text", document)
    form.expect_status("Succeeded")
    assert form.download() == document.read_bytes() + b"\nthe text"


def test_a_sign_in_is_of_this_tab_alone_leads_to_its_link_and_outlasts_a_reload(
    form: JobPage, fake_cloud: FakeCloud, pool: UserPool
) -> None:
    job_id = fake_cloud.add_finished_job("an earlier one.txt")
    sign_in(form, f"#/jobs/{job_id}")
    assert form.shown_job_id("an earlier one.txt") == job_id
    assert form.page.url == f"{form.url}/#/jobs/{job_id}"
    expect(form.machine_count).to_have_text("Machines alive now: 0")
    expect(form.page.get_by_label("Jobs of another user")).to_have_count(0)
    local, cookies, session = json.loads(form.page.evaluate(KEPT))
    assert (local, cookies) == ([], "")
    kept = json.dumps(session)
    assert next(iter(pool.refresh_tokens)) in kept
    assert [token for token in pool.valid if token in kept] == []
    assert "verifier" not in kept
    for move in (form.page.reload, form.page.go_back, form.page.go_forward):
        move()
        expect(form.page.locator("#account")).to_contain_text("alice@example.com")
        expect(form.rows).to_have_count(1)
        assert form.page.url.startswith(f"{form.url}/#")
    first, then, *_ = pool.calls
    assert (first, then) == ("POST /oauth2/token authorization_code", "POST /oauth2/token refresh_token")
    assert pool.calls.count(first) == 1


def test_a_new_tab_takes_over_the_sign_in_of_an_open_one_and_of_no_closed_one(
    form: JobPage, fake_cloud: FakeCloud, pool: UserPool, context: BrowserContext
) -> None:
    job_id = fake_cloud.add_finished_job("one.txt")
    sign_in(form)
    expect(form.rows).to_have_count(1)
    until_tabs_are_let_in(form)
    with context.expect_page() as opened:
        form.rows.first.get_by_role("link").click(button="middle")
    new = JobPage(opened.value, form.url)
    assert new.shown_job_id("one.txt") == job_id
    expect(new.page.locator("#account")).to_contain_text("alice@example.com")
    assert len(pool.refresh_tokens) == 1
    for page in (new.page, form.page):
        page.close()
    last = JobPage(context.new_page(), form.url)
    last.page.goto(form.url)
    expect(last.sign_in_button).to_be_visible()


def test_a_new_tab_waits_for_an_open_one_that_still_loads_what_shares_its_sign_in(
    form: JobPage, context: BrowserContext
) -> None:
    held = form.hold("**/open-tabs.js")
    with form.page.expect_request("**/open-tabs.js"):
        sign_in(form)
    until_tabs_are_let_in(form)
    new = JobPage(context.new_page(), form.url)
    new.page.clock.install()
    new.page.clock.pause_at(datetime.now(UTC) + timedelta(hours=1))  # else it waits for a few seconds only
    with new.page.expect_response("**/open-tabs.js"):
        new.page.goto(form.url)
    held[0].continue_()
    account = new.page.locator("#account")

    def is_let_in() -> bool:
        new.page.clock.run_for(200)
        with suppress(AssertionError):
            expect(account).to_contain_text("alice@example.com", timeout=1000)
            return True
        return False

    assert any(is_let_in() for _ in range(20))
    expect(new.sign_in_button).to_be_hidden()


def test_a_refresh_token_that_one_tab_renews_is_the_others_too(
    form: JobPage, pool: UserPool, context: BrowserContext, watch: Watch
) -> None:
    watch.allow("401")
    pool.rotates = True
    sign_in(form)
    expect(form.machine_count).to_have_text("Machines alive now: 0")
    until_tabs_are_let_in(form)
    (first,) = pool.refresh_tokens
    other = JobPage(context.new_page(), form.url)
    other.open()
    expect(other.machine_count).to_have_text("Machines alive now: 0")
    (second,) = pool.refresh_tokens
    assert second != first
    form.page.wait_for_function("token => sessionStorage.getItem('mayfly.session').includes(token)", arg=second)
    pool.valid.clear()
    form.page.reload()
    expect(form.machine_count).to_have_text("Machines alive now: 0")
    expect(form.session_notice).to_be_hidden()


def test_a_sign_in_that_was_not_started_in_this_tab_is_refused(form: JobPage, pool: UserPool) -> None:
    alert = form.page.get_by_role("alert")
    pool.state = "of-another-tab"
    form.page.goto(form.url)
    form.sign_in_button.click()
    expect(alert).to_contain_text("not started in this tab")
    assert form.page.url == f"{form.url}/"
    for query in ("code=of-another-tab&state=x", "error=server_error&error_description=Call+this+number&state=x"):
        form.page.goto(f"{form.url}/?{query}")
        expect(alert).to_contain_text("not started in this tab")
        expect(form.page.locator("body")).not_to_contain_text("Call this number")
    assert pool.calls == []
    pool.state = None
    sign_in(form)
    form.page.goto(f"{form.url}/?code=of-another-tab&state=x")
    expect(form.page.locator("#account")).to_contain_text("alice@example.com")
    assert pool.calls.count("POST /oauth2/token authorization_code") == 1


def test_an_access_token_is_renewed_before_it_is_over(form: JobPage, pool: UserPool, document: Path) -> None:
    form.page.clock.install()
    sign_in(form)
    expect(form.machine_count).to_have_text("Machines alive now: 0")
    form.page.clock.fast_forward("14:30")
    pool.valid.clear()
    form.submit("the text", document)
    form.expect_status("Succeeded")
    assert pool.calls == ["POST /oauth2/token authorization_code", "POST /oauth2/token refresh_token"]


def test_a_token_that_the_api_refuses_is_renewed_once_and_an_outage_of_the_sign_in_ends_nothing(
    form: JobPage, watch: Watch, pool: UserPool, document: Path
) -> None:
    watch.allow("401|503")
    sign_in(form)
    expect(form.machine_count).to_have_text("Machines alive now: 0")
    pool.valid.clear()
    pool.outage = True
    form.send("the text", document)
    expect(form.page.locator("#form-error")).to_contain_text("Signing in is not possible now")
    expect(form.session_notice).to_be_hidden()
    pool.outage = False
    pool.calls.clear()
    form.submit_button.click()
    form.expect_status("Succeeded")
    assert pool.calls == ["POST /oauth2/token refresh_token"]


def expect_loaded(form: JobPage) -> None:
    """No request of the first look is under way any more, so that none meets the end of the sign-in."""
    expect(form.machine_count).to_have_text("Machines alive now: 0")
    expect(form.page.locator("#jobs-note")).to_contain_text("No jobs yet.")
    expect(form.page.locator("#file-limits")).to_contain_text("Up to")


def test_an_expired_sign_in_keeps_the_text_and_the_files(
    form: JobPage, watch: Watch, fake_cloud: FakeCloud, pool: UserPool, document: Path
) -> None:
    watch.allow("400|401")
    sign_in(form)
    expect_loaded(form)
    let_expire(pool)
    form.fill("the text", document)
    expect(form.page.locator("#kept-note")).to_be_visible()
    form.submit_button.click()
    expect_expired(form, "Your text is kept.", "Your files are kept, too.")
    expect(form.page.locator("#form-error")).to_contain_text("Sign in again.")
    expect(form.text).to_have_value("the text")
    form.session_notice.get_by_role("button", name="Sign in again").click()
    expect(form.text).to_have_value("the text")
    expect(form.file_rows).to_contain_text(document.name)
    form.submit_button.click()
    form.expect_status("Succeeded")
    assert len(fake_cloud.jobs) == 1


def test_an_expired_sign_in_says_so_where_the_browser_keeps_no_files(
    form: JobPage, watch: Watch, pool: UserPool, document: Path
) -> None:
    watch.allow("400|401")
    form.page.add_init_script("Object.defineProperty(globalThis, 'indexedDB', {value: undefined})")
    sign_in(form)
    expect_loaded(form)
    let_expire(pool)
    form.fill("the text", document)
    expect(form.file_rows).to_have_count(1)
    expect(form.page.locator("#kept-note")).to_be_hidden()
    form.submit_button.click()
    expect_expired(form, "Your text is kept.", "The file has to be chosen again.")


def test_a_sign_in_that_expires_during_the_upload_does_not_lose_it(
    form: JobPage, watch: Watch, fake_cloud: FakeCloud, pool: UserPool, document: Path
) -> None:
    watch.allow("400|401")
    sign_in(form)
    expect(form.machine_count).to_have_text("Machines alive now: 0")
    fake_cloud.uploads_may_end.clear()
    form.send("the text", document)
    expect(form.file_rows).to_contain_text("of 25 bytes")  # so it has its address
    let_expire(pool)
    fake_cloud.uploads_may_end.set()
    expect_expired(form, "Your file is uploaded")
    form.session_notice.get_by_role("button", name="Sign in again").click()
    form.shown_job_id(document.name)
    form.expect_status("Succeeded")
    expect(form.text).to_have_value("")
    assert fake_cloud.calls.count("POST s3") == 1


def test_nothing_is_asked_any_more_once_the_sign_in_has_expired(
    form: JobPage, watch: Watch, fake_cloud: FakeCloud, pool: UserPool
) -> None:
    watch.allow("400|401")
    fake_cloud.stop_after = "script_started"
    job_id = fake_cloud.add_job("one.txt", "a text", b"").id
    form.page.clock.install()
    sign_in(form, f"#/jobs/{job_id}")
    form.expect_event("The script is running")
    let_expire(pool)
    form.after("00:10", lambda ms: expect(form.session_notice).to_contain_text("has expired.", timeout=ms))
    asked = watch.count_sent("/api/")
    form.page.clock.fast_forward("01:00:00")
    form.page.evaluate("dispatchEvent(new Event('online'))")
    form.page.evaluate("fetch('/favicon.svg').then(() => null)")  # what was asked before is sent by then
    assert watch.count_sent("/api/") == asked
    form.session_notice.get_by_role("button", name="Sign in again").click()
    fake_cloud.stop_after = None
    form.expect_status("Succeeded")


def test_a_tab_whose_sign_in_has_expired_does_not_become_another_users(
    form: JobPage, watch: Watch, pool: UserPool, context: BrowserContext
) -> None:
    watch.allow("400|401")
    sign_in(form)
    expect_loaded(form)
    form.text.fill("of alice")
    let_expire(pool)
    form.page.evaluate("dispatchEvent(new Event('online'))")
    expect_expired(form, "Your text is kept.")
    pool.email, pool.owner = "bob@example.com", BOB
    other = JobPage(context.new_page(), form.url)
    sign_in(other)
    expect(other.page.locator("#account")).to_contain_text("bob@example.com")
    expect_loaded(other)
    form.page.on("dialog", lambda dialog: dialog.accept())
    form.page.reload()
    expect(form.sign_in_button).to_be_visible()
    expect(form.page.locator("#account")).not_to_contain_text("bob@example.com")


def test_an_expired_sign_in_is_said_again_after_a_reload_and_another_user_finds_nothing_of_it(
    form: JobPage, watch: Watch, pool: UserPool
) -> None:
    watch.allow("400|401")
    sign_in(form)
    form.text.fill("of alice")
    let_expire_while_away(form, pool)
    expect_expired(form)
    form.page.reload()
    gate = form.page.locator("#gate")
    expect(gate).to_contain_text("Your sign-in has expired. Sign in again.")
    form.sign_in_button.click()
    expect(form.text).to_have_value("of alice")
    expect(gate).to_be_hidden()
    let_expire_while_away(form, pool)
    expect_expired(form)
    pool.email, pool.owner = "bob@example.com", BOB
    form.session_notice.get_by_role("button", name="Sign in again").click()
    expect(form.page.locator("#account")).to_contain_text("bob@example.com")
    expect(form.text).to_have_value("")


def test_an_administrator_sees_another_users_jobs_and_submits_none_as_them(
    form: JobPage, fake_cloud: FakeCloud, pool: UserPool, watch: Watch
) -> None:
    pool.groups = ("admin",)
    fake_cloud.configure(users=MemoryUsers(**{BOB: "bob@example.com", CAROL: "carol@example.com"}))
    job_id = fake_cloud.add_finished_job("bobs.txt", owner=BOB)
    sign_in(form)
    expect(form.page.locator("#jobs-note")).to_contain_text("No jobs yet.")
    others = form.page.locator("#owner-choice > summary")
    others.click()
    recent = form.page.get_by_role("list", name="Users with machines since yesterday")
    expect(recent.get_by_role("listitem")).to_have_text(["bob@example.com $0.0019 since yesterday"])
    recent.get_by_role("link", name="bob@example.com").click()
    expect(form.page.locator("#jobs")).to_contain_text("You see what belongs to bob@example.com.")
    expect(form.page).to_have_url(f"{form.url}/?owner={BOB}")
    expect(form.page.locator("#machines-note")).to_have_text("None of this user's jobs has a machine.")
    expect(form.text).to_be_hidden()
    expect(form.page.get_by_text("Choose one of the jobs")).to_be_visible()
    form.rows.filter(has_text="bobs.txt").get_by_role("link").click()
    form.shown_job_id("bobs.txt")
    expect(form.job.get_by_role("region", name="Beginning of the result")).to_contain_text("content")
    form.job.get_by_role("button", name="Edit and run…").click()
    expect(form.page.get_by_role("dialog")).to_contain_text("Creates a new job of your own with the same file.")
    form.page.keyboard.press("Escape")
    asked = [line for line in watch.requests if "/api/jobs" in line and "owner=" not in line]
    assert [line for line in asked[-20:] if job_id in line] == []
    form.expect_to_fit_each(320, 1280)
    assert_fine(form)
    form.page.get_by_role("link", name="Show your own jobs").click()
    expect(form.page.locator("#jobs-note")).to_contain_text("No jobs yet.")
    expect(form.text).to_be_visible()
    others.click()
    another = form.page.get_by_role("textbox", name="Jobs of another user")
    watch.allow("404")
    another.fill("eve@example.com")
    form.page.get_by_role("button", name="Show", exact=True).click()
    expect(form.page.locator("#owner-problem")).to_have_text("No user has this ID or e-mail address.")
    expect(another).to_be_focused()
    another.fill("carol@example.com")
    another.press("Enter")
    expect(form.page.locator("#jobs-note")).to_have_text("This user has no jobs.")
    expect(form.page.get_by_text("Choose one of the jobs")).to_be_hidden()
    others.click()
    another.fill("bob@example.com")
    another.press("Enter")
    expect(form.rows).to_contain_text("bobs.txt")


def test_signing_out_revokes_the_token_and_leaves_nothing_in_any_tab(
    form: JobPage, fake_cloud: FakeCloud, pool: UserPool, context: BrowserContext
) -> None:
    fake_cloud.add_finished_job("private.txt")
    sign_in(form)
    until_tabs_are_let_in(form)
    other = JobPage(context.new_page(), form.url)
    other.open()
    for page in (form, other):
        expect(page.rows).to_have_count(1)
    form.text.fill("private")
    with form.page.expect_event("load"):  # back from the pool's own sign-out
        form.sign_out_button.click()
    for page in (form, other):
        expect(page.sign_in_button).to_be_visible()
        expect(page.page.locator("body")).not_to_contain_text("private.txt")
        # Over a reload as well, which the other tab does by itself.
        page.page.wait_for_function("() => !localStorage.length && !document.cookie && !sessionStorage.length")
    assert form.page.url == f"{form.url}/"
    until(lambda: not pool.refresh_tokens)
    form.page.go_back()
    expect(form.page.locator("body")).not_to_contain_text("private.txt")


def test_signing_out_waits_for_no_module_and_for_no_answer(form: JobPage) -> None:
    held, asked = form.hold("**/open-tabs.js"), form.hold("**/api/**")
    sign_in(form)
    until(lambda: bool(form.page.title()) and len(asked) == 3)  # the limits, the jobs and the machines
    form.sign_out_button.click()
    expect(form.text).to_have_count(0)
    expect(form.sign_in_button).to_be_visible()
    for route in asked:
        with form.page.expect_event("requestfinished"):
            route.continue_()
    with form.page.expect_event("load"):  # back from the pool's own sign-out
        held[-1].continue_()
    expect(form.sign_in_button).to_be_visible()


def test_without_the_stacks_settings_the_page_says_so_and_tries_again(form: JobPage, watch: Watch, page: Page) -> None:
    watch.allow("ERR_FAILED")
    page.route("**/config.json", lambda route: route.abort())
    page.goto(form.url)
    expect(form.session_notice).to_contain_text("The page cannot start.")
    page.unroute("**/config.json")
    form.session_notice.get_by_role("button", name="Try again").click()
    expect(form.sign_in_button).to_be_visible()


def test_the_api_documentation_takes_a_token_by_hand_and_uses_the_tabs_sign_in(
    form: JobPage, fake_cloud: FakeCloud, pool: UserPool, page: Page
) -> None:
    pool.valid.add("by-hand")
    page.goto(f"{fake_cloud.url}/api/docs")
    page.get_by_text("Submit Job").click()
    expect(page.get_by_role("button", name="Try it out")).to_be_visible()
    expect(page.locator("#docs")).to_contain_text("input_text")
    page.get_by_text("Submit Job").click()
    page.get_by_role("button", name="Authorize").first.click()
    dialog = page.locator(".dialog-ux")
    dialog.get_by_role("textbox").fill("by-hand")
    dialog.get_by_role("button", name="Apply credentials").click()
    dialog.get_by_role("button", name="Close").first.click()
    assert try_it_out(page).status == 200
    pool.valid.clear()
    sign_in(form)
    page.get_by_role("link", name="API documentation").click()
    assert try_it_out(page).status == 200


def test_every_view_is_accessible_and_fits_and_a_refusal_is_told_in_plain_words(
    form: JobPage, watch: Watch, pool: UserPool
) -> None:
    def expect_fine() -> None:
        for width in (320, 1280):
            form.expect_to_fit_each(width)
            assert_fine(form)

    watch.allow("400|401")
    pool.email = "person.with-a-long-name@department.example.com"
    form.page.goto(form.url)
    expect(form.sign_in_button).to_be_visible()
    expect_fine()
    refusal = f"<b>User</b> is not confirmed. {'w' * 100}"
    pool.error = {"error": "access_denied", "error_description": refusal}
    form.sign_in_button.click()
    words = f"The sign-in was refused. The sign-in page says: {refusal}"
    expect(form.page.get_by_role("alert")).to_have_text(words)
    assert form.page.url == f"{form.url}/"
    expect_fine()
    pool.error = None
    form.sign_in_button.click()
    expect(form.text).to_be_visible()
    expect_fine()
    let_expire_while_away(form, pool)
    expect_expired(form)
    expect_fine()
