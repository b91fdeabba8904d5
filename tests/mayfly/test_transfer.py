"""Files on their way up, in one request or in parts, and results on their way down."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import pytest

from mayfly.client import JobClient
from mayfly.download import download
from mayfly.errors import JobApiError, UsageProblem
from mayfly.upload import ROUNDS_WITHOUT_PROGRESS, upload_file
from tests.mayfly.fake_stack import BUCKET, URL, FakeStack, is_form, is_output, part_number

CONTENT = b"abcdefghij"  # two parts and a half
MORE = len(CONTENT) + 1


@pytest.fixture
def client(stack: FakeStack) -> Iterator[JobClient]:
    with JobClient(URL, transport=stack.transport) as opened:
        yield opened


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "large.bin"
    path.write_bytes(CONTENT)
    return path


def cut(request: httpx.Request) -> httpx.Response:
    raise httpx.WriteError("connection reset", request=request)


def test_a_large_file_goes_in_parts_that_add_up(stack: FakeStack, client: JobClient, large: Path) -> None:
    told: list[int] = []
    job_id = upload_file(client, large, len(CONTENT), len(CONTENT), told.append)
    assert stack.files == {"large.bin": CONTENT}
    parts = [(part_number(each), each.content) for each in stack.requests if part_number(each)]
    assert sorted(parts) == [(1, b"abcd"), (2, b"efgh"), (3, b"ij")]
    assert sum(told) == len(CONTENT)
    assert client.create(job_id, "x")["id"] == job_id


def test_a_smaller_one_goes_in_one_request(stack: FakeStack, client: JobClient, large: Path) -> None:
    told: list[int] = []
    upload_file(client, large, len(CONTENT), MORE, told.append)
    assert (stack.files, stack.s3.uploads) == ({"large.bin": CONTENT}, {})
    assert sum(told) == len(CONTENT)


def test_after_a_network_error_only_the_missing_parts_are_sent(
    stack: FakeStack, client: JobClient, large: Path
) -> None:
    tries: Counter[int] = Counter()

    def trouble(request: httpx.Request) -> httpx.Response | None:
        tries[part_number(request)] += 1
        if part_number(request) == 2 and tries[2] < 3:
            return cut(request) if tries[2] == 1 else httpx.Response(403, text="<Message>Expired</Message>")
        return None

    stack.trouble.append(trouble)
    told: list[int] = []
    upload_file(client, large, len(CONTENT), 1, told.append)
    assert stack.files == {"large.bin": CONTENT}
    assert (tries[1], tries[2], tries[3]) == (1, 3, 1)
    assert sum(told) == len(CONTENT), "what has to go again is not reader twice"


def test_parts_that_are_never_taken_end_the_upload_and_free_what_is_stored(
    stack: FakeStack, client: JobClient, large: Path
) -> None:
    stack.trouble.append(lambda request: cut(request) if request.url.host in BUCKET else None)
    with pytest.raises(httpx.WriteError):
        upload_file(client, large, len(CONTENT), 1, lambda _: None)
    assert sum(call.endswith("/parts") for call in stack.calls) == ROUNDS_WITHOUT_PROGRESS - 1
    assert stack.calls[-1].endswith("/abort")


def test_an_upload_that_is_no_longer_there_is_told(stack: FakeStack, client: JobClient, large: Path) -> None:
    def gone(request: httpx.Request) -> httpx.Response | None:
        if part_number(request):
            return httpx.Response(404, text="<Message>The upload is gone.</Message>")
        is_lost = request.url.path.endswith("/parts")
        return httpx.Response(404, json={"code": "upload_missing", "detail": "Gone."}) if is_lost else None

    stack.trouble.append(gone)
    with pytest.raises(JobApiError, match="upload_missing Gone"):
        upload_file(client, large, len(CONTENT), 1, lambda _: None)


def test_a_file_that_shrinks_meanwhile_is_named(stack: FakeStack, client: JobClient, large: Path) -> None:
    with pytest.raises(UsageProblem, match=r"large\.bin was changed while it was uploaded"):
        upload_file(client, large, len(CONTENT) + 5, 1, lambda _: None)
    assert stack.calls[-1].endswith("/abort")


def test_a_form_is_sent_again_after_a_network_error(stack: FakeStack, client: JobClient, large: Path) -> None:
    failures = iter([cut, cut])
    stack.trouble.append(lambda request: next(failures, lambda _: None)(request) if is_form(request) else None)
    told: list[int] = []
    upload_file(client, large, len(CONTENT), MORE, told.append)
    assert stack.files == {"large.bin": CONTENT}
    assert (sum(map(is_form, stack.requests)), sum(told)) == (3, len(CONTENT))


def test_creating_a_job_is_repeated_when_the_answer_is_lost(stack: FakeStack, client: JobClient, large: Path) -> None:
    job_id = upload_file(client, large, len(CONTENT), MORE, lambda _: None)

    def lose(request: httpx.Request) -> httpx.Response | None:
        tried = stack.calls.count("POST /api/jobs")
        if tried == 1:
            stack.answered(request)
            return cut(request)
        return httpx.Response(502) if tried == 2 else None

    stack.trouble.append(lose)
    assert client.create(job_id, "x")["id"] == job_id
    assert stack.calls.count("POST /api/jobs") == 3


def test_what_must_not_be_done_twice_is_sent_once(stack: FakeStack, client: JobClient) -> None:
    job = stack.add("failed")
    stack.trouble.append(cut)
    for change in (client.retry, client.delete):
        with pytest.raises(httpx.WriteError):
            change(job.id)
    assert len(stack.calls) == 2


class _Breaking(httpx.SyncByteStream):
    """The first bytes of a result, and then nothing."""

    def __iter__(self) -> Iterator[bytes]:
        yield b"the "
        raise httpx.ReadError("connection reset")


def test_a_download_goes_on_where_it_was_cut(stack: FakeStack, client: JobClient, tmp_path: Path) -> None:
    breaks = iter([httpx.Response(200, stream=_Breaking())])
    stack.trouble.append(lambda request: next(breaks, None) if is_output(request) else None)
    told: list[int] = []
    download(client, stack.add().record, tmp_path / "result", told.append)
    assert (tmp_path / "result").read_bytes() == b"the result"
    assert stack.requests[-1].headers["range"] == "bytes=4-"
    assert sum(told) == len(b"the result")


def test_a_download_begins_again_where_a_store_sends_all_of_it(
    stack: FakeStack, client: JobClient, tmp_path: Path
) -> None:
    answers = iter([httpx.Response(200, stream=_Breaking()), httpx.Response(200, content=b"the result")])
    stack.trouble.append(lambda request: next(answers) if is_output(request) else None)
    download(client, stack.add().record, tmp_path / "result", lambda _: None)
    assert (tmp_path / "result").read_bytes() == b"the result"


def test_a_download_that_fails_leaves_what_was_there(stack: FakeStack, client: JobClient, tmp_path: Path) -> None:
    (tmp_path / "result").write_bytes(b"before")
    stack.trouble.append(lambda request: httpx.Response(403) if is_output(request) else None)
    with pytest.raises(JobApiError):
        download(client, stack.add().record, tmp_path / "result", lambda _: None)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("result", b"before")]
