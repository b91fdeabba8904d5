"""Why a script cannot be started, for its author: the system's own messages name the wrong file, or none."""

from __future__ import annotations

import errno
import pathlib
import shlex

ELF = b"\x7fELF"
LINE_BYTES = 256
"""Linux reads as many of a #! line (BINPRM_BUF_SIZE)."""


def why_not_started(program: str, error: OSError) -> str:
    """Plain words for what `execve` answered.

    Args:
        program: the first word of the command line.
        error: what starting it raised.
    """
    file = pathlib.Path(program)
    if not file.is_file():
        return f"{file.name} is not on this machine" if error.errno == errno.ENOENT else str(error.strerror)
    if error.errno == errno.EACCES:
        return f"{file.name} is not executable (chmod +x)"
    begins = _beginning(file)
    if begins.startswith(b"#!"):
        return _about_interpreter(file.name, begins) if error.errno == errno.ENOENT else str(error.strerror)
    if error.errno == errno.ENOEXEC:
        kind = "for another processor" if begins.startswith(ELF) else "no program, and has no #! line"
        return f"{file.name} is {kind}"
    return str(error.strerror)


def _about_interpreter(name: str, begins: bytes) -> str:
    line, newline, _ = begins[2:].partition(b"\n")
    if newline and line.endswith(b"\r"):
        return f"the first line of {name} ends with a carriage return: save the file with Unix line endings (LF)"
    words = line.split()
    interpreter = words[0].decode("utf-8", "replace") if words else ""
    return f"the first line of {name} asks for {shlex.quote(interpreter)}, which is not on this machine"


def _beginning(file: pathlib.Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(LINE_BYTES)
    except OSError:
        return b""
