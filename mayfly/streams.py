"""The three standard streams, whatever state the command was started with."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import BinaryIO, TextIO

from mayfly.errors import UsageProblem

PIPE_CLOSED = 141  # the exit code: 128 + SIGPIPE, which Python turns into an exception


def prepare() -> None:
    """Makes every stream one that text can be written to.

    A closed descriptor is opened on the null device: the next file or connection would get its number otherwise, and
    with it whatever is printed. A character that the stream's encoding does not have is substituted.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:  # noqa: PLR2004 - standard error's
        pass
    os.close(descriptor)
    sys.stdout = _usable(sys.stdout, 1)
    sys.stderr = _usable(sys.stderr, 2)


def check_stdout() -> None:
    """Raises UsageProblem where the command was started without standard output: a result would be lost."""
    if sys.__stdout__ is None:
        raise UsageProblem("Standard output is closed. Name a file with -o.")


def binary_stdin() -> BinaryIO:
    """Raises UsageProblem where the command was started without standard input."""
    if sys.stdin is None:
        raise UsageProblem("Standard input is closed. Name a file instead of -.")
    return sys.stdin.buffer


def width_of(stream: TextIO) -> int | None:
    """In columns; None where it is no terminal, or one that tells no size."""
    if not stream.isatty():
        return None
    try:
        return os.get_terminal_size(stream.fileno()).columns or None
    except (OSError, ValueError):
        return None


def wrapped(text: str, stream: TextIO, hang: int = 0) -> str:
    """A line broken at words where the stream is a terminal, which would cut them; `hang` indents all but the first."""
    columns = width_of(stream)
    if columns is None:
        return text
    import textwrap  # noqa: PLC0415 - only for terminals

    hang = hang or len(text) - len(text.lstrip(" "))
    if not text[hang:].strip():  # textwrap drops the indent of no words, which may be a title
        return text
    return textwrap.fill(
        text[hang:],
        columns,
        initial_indent=text[:hang],
        subsequent_indent=" " * hang,
        break_long_words=False,
        break_on_hyphens=False,
    )


def say_error(text: str) -> None:
    """A line on standard error, where that can be written."""
    with suppress(OSError, ValueError):
        sys.stderr.write(f"{wrapped(text, sys.stderr)}\n")
        sys.stderr.flush()


def abandon() -> None:
    """Lets what is still buffered go nowhere: the interpreter would fail on it once more at its end."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, stream.fileno())
            os.close(null)


def _usable(stream: TextIO | None, descriptor: int) -> TextIO:
    if stream is None:
        return open(descriptor, "w", encoding="utf-8", errors="replace", closefd=False)
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="replace")
    return stream
