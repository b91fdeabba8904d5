"""The example is run as users run it: as a script, by the machine's Python, and behind the wrapper."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import tarfile
from pathlib import Path
from types import ModuleType

import pytest

from infra.payload import build_archive
from infra.payload_files import payload_files
from tests.ec2_payload.machine import Machine, interpreters
from tests.ec2_payload.s3_double import S3Double

FOLDER = Path(__file__).parents[2] / "examples" / "word_statistics"
TEXT = "The cat, the DOG and the cat's tail.\nCan't 42 caf\N{LATIN SMALL LETTER E WITH ACUTE} well-known\n"


@pytest.fixture(scope="module")
def report() -> ModuleType:
    spec = importlib.util.spec_from_file_location("report", FOLDER / "report.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def numbers(page: str) -> dict[str, str]:
    return dict(re.findall(r"<th scope=row>([\w ]+)<td>([^<]+)", page))


@pytest.mark.parametrize("python", interpreters())
def test_the_words_are_counted_and_shown(python: str, tmp_path: Path) -> None:
    source, text, target = (tmp_path / name for name in ("input.txt", "text.txt", "output.txt"))
    source.write_text(TEXT, encoding="utf-8")
    text.write_text("A <b>title</b> & more\n", encoding="utf-8")
    done = subprocess.run([python, str(FOLDER / "report.py"), source, text, target], check=True, capture_output=True)
    assert done.stdout == b"11 words in 2 lines\n"
    page = target.read_text(encoding="utf-8")
    assert numbers(page) == {
        "Bytes": f"{len(TEXT.encode()):,}",
        "Lines": "2",
        "Characters": f"{len(TEXT):,}",
        "Words": "11",
        "Different words": "9",
    }
    assert "<h1>A &lt;b&gt;title&lt;/b&gt; &amp; more</h1>" in page
    assert re.search(r">the</text><rect [^>]*width=\"420\"[^>]*/><text [^>]*>3</text>", page)
    assert "well-known" in page


def test_a_word_that_two_pieces_share_is_one(
    report: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "input"
    source.write_text(TEXT, encoding="utf-8")
    whole = report.Statistics(source)
    for size in range(1, 9):
        monkeypatch.setattr(report, "PIECE", size)
        pieces = report.Statistics(source)
        assert pieces.tally.counts == whole.tally.counts
        assert (pieces.lines, pieces.characters) == (whole.lines, whole.characters)


def test_however_many_words_there_are_few_are_kept_and_the_frequent_ones_among_them(report: ModuleType) -> None:
    tally = report.Tally(most=50)
    most_kept = 0
    for number in range(5_000):
        letters = "".join(chr(ord("a") + int(digit)) for digit in str(number))
        tally.add(f"often rare{letters} often")
        most_kept = max(most_kept, len(tally.counts))
    assert most_kept <= 100
    (word, count), *_ = tally.top(1)
    assert word == "often"
    assert 10_000 - tally.missed <= count <= 10_000
    assert tally.missed <= tally.words / 50
    assert tally.words == 15_000


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", 0),
        (b"\x00\xff\xfe\x80", 0),
        (b"x" * 5_000, 0),
        ("\ufeffone two".encode("utf-16"), 2),
        (b"\xef\xbb\xbfone", 1),
    ],
)
def test_any_file_will_do(report: ModuleType, tmp_path: Path, content: bytes, words: int) -> None:
    source = tmp_path / "input"
    source.write_bytes(content)
    facts = report.Statistics(source)
    assert facts.tally.words == words
    assert facts.lines == (1 if content else 0)
    page = report.page("\x00\x1b[31m</title><script>", facts)
    assert "<script>" not in page
    assert "\x00" not in page
    assert "\x1b" not in page


def test_it_runs_behind_the_wrapper_from_the_archive_that_is_deployed(tmp_path: Path) -> None:
    archive = build_archive(payload_files(FOLDER, ["./report.py"]))
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path / "payload", filter="data")
    with S3Double() as s3:
        oldest = interpreters()[:2][-1]
        machine = Machine(tmp_path, s3, oldest, tmp_path / "payload")
        outcome = machine.run(machine.spec(TEXT.encode(), "Of the cat", command=["./report.py"]))
        assert outcome.code == 0, outcome
        page = s3.objects["output"].decode()
    assert "<h1>Of the cat</h1>" in page
    assert b"11 words in 2 lines" in outcome.stdout
