"""What can be done with a job and its result. In a real browser, against the fake cloud."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Response, Route, expect

from tests.cloud.steps import until
from tests.frontend.conftest import Watch
from tests.frontend.fake_cloud import FakeCloud
from tests.frontend.job_page import HIDE, JobPage

pytestmark = pytest.mark.browser


def test_a_reload_finds_the_log_as_it_was_left(form: JobPage, fake_cloud: FakeCloud) -> None:
    form.open(f"#/jobs/{fake_cloud.add_finished_job('report.txt')}")
    log = form.open_log()
    expect(log).to_be_visible()
    form.page.reload()
    expect(log).to_be_visible()
    form.job.locator("details.log > summary").click()
    form.page.wait_for_function("() => history.state.isLogOpen === false")  # browsers report the change a task later
    expect(log).to_be_hidden()
    form.page.reload()
    form.expect_status("Succeeded")
    expect(log).to_be_hidden()


def test_a_log_that_two_looks_ask_for_at_once_is_shown_once(form: JobPage, fake_cloud: FakeCloud) -> None:
    held = form.hold("**/log")
    job_id = fake_cloud.add_finished_job("report.txt")
    form.open(f"#/jobs/{job_id}")
    summary = form.job.locator("details.log > summary")
    with form.page.expect_request("**/log"):
        summary.click()
    summary.click()
    with form.page.expect_request("**/log"):
        summary.click()
    until(
        lambda: bool(form.page.title()) and len(held) == 2
    )  # asked for the title, the browser hands over its requests
    held[0].continue_()
    line = form.job.locator(".log .line")
    expect(line).to_have_count(1)
    fake_cloud.jobs[job_id].print("another line")
    asked = fake_cloud.calls.count("GET /api/jobs/{id}/log")
    held[1].continue_()
    # The third is asked for when the held one has been drawn.
    until(lambda: bool(form.page.title()) and fake_cloud.calls.count("GET /api/jobs/{id}/log") >= asked + 3)
    expect(line).to_have_count(2)


def test_the_log_is_followed_live_until_the_reader_scrolls_up(
    form: JobPage, watch: Watch, fake_cloud: FakeCloud
) -> None:
    fake_cloud.stop_after = "script_started"
    job = fake_cloud.add_job("one.txt", "a text", b"")
    form.page.clock.install()
    form.open(f"#/jobs/{job.record['id']}")
    log = form.job.get_by_role("region", name="Log")  # open by itself, as the job runs
    expect(log).to_contain_text("appending")
    job.print(*(f"line {number}" for number in range(100)))
    form.after("00:02", lambda ms: expect(log).to_contain_text("line 99", timeout=ms))
    at_end = "pre => pre.scrollTop + pre.clientHeight >= pre.scrollHeight - 4"
    assert log.evaluate(at_end)
    log.evaluate("pre => pre.scrollTop = 0")
    to_end = form.job.get_by_role("button", name="Jump to the end")
    expect(to_end).to_be_visible()
    job.print("line 100")
    form.after("00:02", lambda ms: expect(log).to_contain_text("line 100", timeout=ms))
    assert log.evaluate("pre => pre.scrollTop") == 0
    to_end.press("Enter")
    assert log.evaluate(at_end)
    expect(log).to_be_focused()
    form.page.evaluate(HIDE, True)
    asked = watch.count_sent("/log")
    form.page.clock.fast_forward("10:00")
    form.page.evaluate("fetch('/favicon.svg').then(() => null)")  # what was asked before is sent by then
    assert watch.count_sent("/log") == asked
    fake_cloud.stop_after = None
    job.print("the last line")
    form.page.evaluate(HIDE, False)
    expect(log).to_contain_text("the last line")
    form.expect_status("Succeeded")


def test_the_beginning_of_a_result_is_shown_as_text_or_said_to_be_binary(form: JobPage, fake_cloud: FakeCloud) -> None:
    results = {
        "page.html": (b"<b>not bold</b>\n", "<b>not bold</b>", "16 bytes"),
        "long.txt": (b"x" + "é".encode() * 3000, "x" + "é" * 2047, "First 4 KiB of 5.9 KiB"),
        "picture.png": (b"\x89PNG\r\n\x1a\n\0\0", None, "10 bytes, binary. Download the file to view it."),
        "empty.txt": (b"", None, "The result is empty."),
    }
    preview = form.job.get_by_role("region", name="Beginning of the result")
    form.open()
    for name, (content, shown, note) in results.items():
        job = fake_cloud.jobs[fake_cloud.add_finished_job(name)]
        job.output = content
        job.change(output_size=len(content))
        form.page.goto(f"{form.url}/#/jobs/{job.record['id']}")
        expect(form.page.locator("#preview-note")).to_have_text(note)
        if shown is None:
            expect(preview).to_be_hidden()
        else:
            expect(preview).to_have_text(shown, use_inner_text=False)
            expect(preview.locator("*")).to_have_count(0)


def test_a_job_runs_again_with_another_text_and_its_link_can_be_copied(
    form: JobPage, watch: Watch, fake_cloud: FakeCloud, context: BrowserContext
) -> None:
    watch.allow("409|503")
    fake_cloud.failing = {"POST /api/jobs/{id}/copy": [409], "POST /api/jobs": [503]}
    first = fake_cloud.add_finished_job("report.txt")
    form.open(f"#/jobs/{first}")
    form.job.get_by_role("button", name="Edit and run…").press("Enter")
    dialog = form.page.get_by_role("dialog", name="Edit and run “report.txt”")
    text = dialog.get_by_label("Text")
    expect(text).to_be_focused()
    expect(text).to_have_value("a text")
    assert text.evaluate("text => [text.selectionStart, text.selectionEnd]") == [6, 6]
    text.fill("another text")
    dialog.get_by_role("button", name="Run job").click()
    expect(dialog.get_by_role("alert")).to_contain_text("not available right now")
    dialog.get_by_role("button", name="Run job").click()
    expect(dialog).to_have_count(0)
    expect(form.rows).to_have_count(2)
    form.expect_status("Succeeded")
    second = form.shown_job_id("report.txt")
    assert second != first
    assert fake_cloud.jobs[second].output == b"content\nanother text"
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    form.job.get_by_role("button", name="Copy link").click()
    expect(form.announcer).to_have_text("Link copied.")
    assert form.page.evaluate("navigator.clipboard.readText()") == f"{form.url}/#/jobs/{second}"


def expect_whole(form: JobPage) -> None:
    """Nothing of a succeeded job is still asked for, which a job that is deleted does not have."""
    expect(form.job.locator(".preview pre")).to_have_text("content\na text")
    expect(form.job.locator(".manifest dl")).to_have_count(1)


def test_a_job_is_deleted_by_keyboard_after_a_question_and_that_is_announced_wherever_one_is_by_then(
    form: JobPage, fake_cloud: FakeCloud
) -> None:
    kept, *doomed = (fake_cloud.add_finished_job(name) for name in ("kept.txt", "1.txt", "2.txt", "3.txt"))
    dialog, delete = form.page.get_by_role("dialog"), form.job.get_by_role("button", name="Delete…")
    form.open("#/")

    def look_at(job_id: str) -> None:
        form.page.goto(f"{form.url}/#/jobs/{job_id}")
        expect_whole(form)

    look_at(doomed[0])
    delete.press("Enter")
    expect(dialog).to_have_accessible_name("Delete “1.txt”?")
    expect(dialog.get_by_role("button", name="Keep it")).to_be_focused()
    form.page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(delete).to_be_focused()
    delete.press("Enter")
    form.page.keyboard.press("Tab")
    form.page.keyboard.press("Enter")
    expect(form.rows).to_have_count(3)
    expect(form.job).to_be_hidden()
    expect(form.announcer).to_have_text("1.txt is deleted.")
    expect(form.page.get_by_role("heading", name="New job")).to_be_focused()
    held: list[Route] = []
    form.page.route(
        "**/api/jobs/*", lambda route: held.append(route) if route.request.method == "DELETE" else route.continue_()
    )
    for left, job_id in zip(("job", "dialog"), doomed[1:], strict=True):
        look_at(job_id)
        delete.press("Enter")
        with form.page.expect_request(lambda request: request.method == "DELETE"):
            dialog.get_by_role("button", name="Delete").click()
        if left == "job":
            form.page.go_back()
            expect(form.job).to_be_hidden()
        else:
            form.page.keyboard.press("Escape")
            expect(dialog).to_have_count(0)
        until(lambda: bool(form.page.title() and held))
        held.pop().continue_()
        expect(form.announcer).to_have_text(f"{2 if left == 'job' else 3}.txt is deleted.")
    expect(form.rows).to_have_count(1)
    assert list(fake_cloud.jobs) == [kept]


def test_being_offline_is_said_and_survived(
    form: JobPage, watch: Watch, fake_cloud: FakeCloud, context: BrowserContext, document: Path
) -> None:
    watch.allow("ERR_INTERNET_DISCONNECTED")
    notice = form.page.locator("#offline")
    form.fill("the text", document)
    expect(form.file_rows).to_have_count(1)  # the part of the page that keeps it is loaded
    expect(form.machine_count).to_have_text("Machines alive now: 0")
    context.set_offline(True)
    expect(notice).to_contain_text("You are offline. Your text and files are kept")
    form.submit_button.click()
    expect(form.file_rows).to_contain_text("You are offline. The upload resumes when the connection is back.")
    context.set_offline(False)
    expect(notice).to_be_empty()
    form.expect_status("Succeeded")


def test_the_first_load_is_small_and_comes_from_one_host(form: JobPage, watch: Watch) -> None:
    answers: list[Response] = []
    form.page.on("response", lambda answer: answers.append(answer))  # noqa: PLW0108 - playwright sets an attribute of it
    form.open()
    expect(form.page.locator("#jobs-note")).to_contain_text("No jobs yet.")
    files = {answer.url.removeprefix(form.url): answer for answer in answers if "/api/" not in answer.url}
    assert {"/", "/main.js", "/styles.css", "/favicon.svg"} < set(files)
    sizes = {path: len(gzip.compress(answer.body())) for path, answer in files.items()}
    assert sum(sizes.values()) <= 60_000, sizes
    assert {answer.url.split("/")[2] for answer in answers} == {form.url.split("/")[2]}
    # One round trip for all modules, not one for each that imports another.
    modules = {path for path in files if path.endswith(".js")}
    announced = form.page.locator("script[type=module], link[rel=modulepreload]")
    assert modules == set(announced.evaluate_all("all => all.map(each => new URL(each.src ?? each.href).pathname)"))
