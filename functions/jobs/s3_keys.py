"""Where a job's objects live, and which file names are accepted."""

from __future__ import annotations

import unicodedata

from functions.jobs.errors import InvalidRequest

MAX_FILENAME_BYTES = 255  # of UTF-8: what a name may have on ext4, APFS, NTFS (there 255 UTF-16 units, never more)
# S3 replaces this sequence in a presigned POST's key with the browser's own file name, which would change the key.
_S3_SUBSTITUTION = "${filename}"
# Unicode's explicit formatting characters: with one, "fdp.exe" can be shown as "exe.pdf".
_DIRECTION_CHANGES = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})

# What Windows takes for a device, whatever comes after the first dot (Win32, "Naming Files, Paths, and Namespaces").
_DEVICES = frozenset(
    {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"}
    | {f"{port}{n}" for port in ("COM", "LPT") for n in "0123456789¹²³"}
)


def checked_filename(filename: str) -> str:
    """The file name in Unicode NFC, if it can be the last part of an object key.

    Raises:
        InvalidRequest: empty, too long, a path, or with characters that no file system or log shows.
    """
    name = unicodedata.normalize("NFC", filename)
    problem = None
    if not name.strip():
        problem = "is empty; give the file a name"
    elif (size := len(name.encode(errors="surrogatepass"))) > MAX_FILENAME_BYTES:
        problem = f"has {size} bytes in UTF-8; at most {MAX_FILENAME_BYTES} are allowed"
    elif name in {".", ".."} or "/" in name or "\\" in name:
        problem = "must be a plain name without folders"
    elif any(unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} for character in name):
        problem = "has control characters; rename the file"
    elif any(unicodedata.bidirectional(character) in _DIRECTION_CHANGES for character in name):
        problem = "has characters that turn the direction of what follows, which hides its ending; rename the file"
    elif _S3_SUBSTITUTION in name:
        problem = f"must not contain {_S3_SUBSTITUTION}; rename the file"
    if problem:
        raise InvalidRequest(f"The file name {problem}.", field="filename")
    return name


def download_filename(filename: str) -> str:
    """What a result is called on people's computers: never a hidden file, such as .bashrc, nor a device of Windows."""
    stem = filename.partition(".")[0].rstrip(" ").upper()
    return f"_{filename}" if not stem or stem in _DEVICES else filename


def input_prefix(owner: str, job_id: str) -> str:
    return f"inputs/{owner}/{job_id}/"


def input_key(owner: str, job_id: str, filename: str) -> str:
    return input_prefix(owner, job_id) + filename


def output_prefix(owner: str, job_id: str) -> str:
    return f"outputs/{owner}/{job_id}/"


def output_key(owner: str, job_id: str, attempt: int, filename: str) -> str:
    """Each attempt has its own key: a machine that comes back late cannot overwrite another attempt's output."""
    return f"{output_prefix(owner, job_id)}{attempt}/{filename}"


def manifest_prefix(owner: str, job_id: str) -> str:
    return f"manifests/{owner}/{job_id}/"


def manifest_key(owner: str, job_id: str, attempt: int) -> str:
    """Apart from the outputs: no address that a machine is given, and no name of a file, can be a manifest's."""
    return f"{manifest_prefix(owner, job_id)}{attempt}.json"


def spec_prefix(owner: str, job_id: str) -> str:
    return f"specs/{owner}/{job_id}/"


def spec_key(owner: str, job_id: str, attempt: int) -> str:
    return f"{spec_prefix(owner, job_id)}{attempt}.json"


def object_key(path: str) -> str:
    """The key part of a `bucket/key` path."""
    return path.partition("/")[2]
