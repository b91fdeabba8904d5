from __future__ import annotations

import pytest

from functions.jobs.errors import InvalidRequest
from functions.jobs.s3_keys import MAX_FILENAME_BYTES, checked_filename, download_filename, input_key, object_key


@pytest.mark.parametrize(
    "name",
    [
        *("", " ", ".", "..", "../x", "../../etc/passwd", "..\\x", "/etc/passwd", "a/../b", "C:\\x", "./x", "x/"),
        *("a\nb", "a\r\nSet-Cookie: x", "a\x00b", "a\tb", "a\x1b[2Jb", "a\x7fb", "a\x85b", "a\u2028b", "a\u2029b"),
        *(
            "\u202egpj.exe",
            "a\u202db",
            "a\u202ab",
            "a\u202bb",
            "a\u202cb",
            "a\u2066b",
            "a\u2067b",
            "a\u2068b",
            "a\u2069b",
        ),
        *("x" * 256, "x" * 1000, "\N{PILE OF POO}" * 64, "\ud800", "${filename}", "a${filename}b"),
    ],
)
def test_a_name_that_could_be_taken_for_something_else_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        checked_filename(name)
    assert refused.value.field == "filename"


@pytest.mark.parametrize(
    "name",
    [
        *("$(touch x)", "`touch x`", "; rm -rf ~", "a|b", "a&&b", "'", '"', "-rf", "~", "*", "${IFS}", "%2e%2e%2f"),
        *("<img src=x onerror=alert(1)>.html", "a b", "....", ".hidden", "x" * 255, "\N{PILE OF POO}" * 63),
        *("\N{FAMILY}\u200d\N{BOY}.txt", "\u05e9\u05dc\u05d5\u05dd.txt", "\u0645\u0631\u062d\u0628\u0627.txt"),
    ],
)
def test_a_name_that_only_looks_bad_is_taken_as_it_is_and_its_key_stays_below_the_jobs_prefix(name: str) -> None:
    assert checked_filename(name) == name
    key = input_key("alice", "1", name)
    assert key == f"inputs/alice/1/{name}"
    assert len(key.encode()) < 1024, "the longest key of S3"
    assert object_key(f"bucket/{key}") == key


def test_the_length_is_that_of_the_composed_form() -> None:
    decomposed = "e\u0301" * (MAX_FILENAME_BYTES // 2)
    assert checked_filename(decomposed) == "\u00e9" * (MAX_FILENAME_BYTES // 2)


def test_the_length_is_in_bytes_as_file_systems_count_it() -> None:
    name = "\u30c6" * 80 + ".txt"  # 84 characters, 244 bytes
    assert checked_filename(name) == name
    with pytest.raises(InvalidRequest, match=r"has 259 bytes in UTF-8; at most 255"):
        checked_filename("\u30c6" * 85 + ".txt")


@pytest.mark.parametrize("name", [".bashrc", ".profile.txt", "NUL", "con.txt", "Com1.tar.gz", "LPT\u00b9", "aux .txt"])
def test_a_result_is_downloaded_as_no_hidden_file_and_no_device(name: str) -> None:
    assert download_filename(name) == f"_{name}"


@pytest.mark.parametrize("name", ["console.txt", "com.txt", "a.con", "x.bashrc", "COM10", "\u00fc b.txt"])
def test_other_names_are_downloaded_as_they_are(name: str) -> None:
    assert download_filename(name) == name
