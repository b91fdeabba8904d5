"""One large file through the whole pipeline in the local cloud: time, memory, and whether the result is right.

`python benchmarks/big_file.py [--size 64MiB 1GiB] [--quick] [--json build/bench/big_file.json]` prints one table and
writes one JSON; Linux only, since memory is read from /proc.

The file is sent as the page and the command line send it, in parts from 100 MB on; the result is fetched and its
SHA-256 compared with what it must be. Memory is the most that any one process ever had: of the functions, of the
machine (the wrapper and the script), and of the emulator, which holds every object it stores.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.figure import Figure, Goal  # noqa: E402  # found only by the line above when run by its path
from benchmarks.job_times import one_at_a_time, seconds_to_success, succeeded  # noqa: E402
from benchmarks.payload import check_room, readable, size_in_bytes  # noqa: E402
from benchmarks.processes import EMULATOR, FUNCTIONS, MACHINES, PARTS, PeakMemory  # noqa: E402
from benchmarks.program import RESULTS, Program, parser  # noqa: E402
from localcloud.cloud import LocalCloud  # noqa: E402
from mayfly.progress_reader import ignore_progress  # noqa: E402
from mayfly.upload import upload_file  # noqa: E402
from operations.job_client import JobClient  # noqa: E402

SIZES, QUICK_SIZES = ("64MiB", "1GiB"), ("64MiB",)
MIB = 1 << 20
TEXT = "the text"
MEMORY_GOAL = 1.1
WATCHED = (FUNCTIONS, MACHINES)


@dataclass(frozen=True)
class Row:
    size: int
    upload_s: float
    job_s: float  # queued → succeeded
    download_s: float
    peak_mib: dict[str, float]  # by part

    @property
    def name(self) -> str:
        return f"big file {readable(self.size)}"


def made(file: Path, size: int) -> str:
    """Fills the file and returns the SHA-256 that its job has to yield: a line break, which it lacks, and the text."""
    block, expected = os.urandom(MIB - 1) + b".", hashlib.sha256()
    with file.open("wb") as opened:
        for start in range(0, size, MIB):
            opened.write(block[-(size - start) :])
            expected.update(block[-(size - start) :])
    expected.update(f"\n{TEXT}".encode())
    return expected.hexdigest()


def play(cloud: LocalCloud, client: JobClient, size: int, folder: Path) -> Row:
    """One job.

    Raises:
        SystemExit: it failed, or its result is wrong.
    """
    check_room(size, folder)
    file = folder / "big.bin"
    expected = made(file, size)
    with PeakMemory(cloud.pid) as memory:
        began = time.monotonic()
        job_id = upload_file(client, file, size, client.limits()["multipart_from_bytes"], ignore_progress)
        uploaded = time.monotonic()
        client.create(job_id, TEXT)
        job = succeeded(client, job_id, 1.0)
        fetching, digest = time.monotonic(), hashlib.sha256()
        with client.open_output(job_id) as response:
            for chunk in response.iter_bytes(MIB):
                digest.update(chunk)
        fetched = time.monotonic()
    if digest.hexdigest() != expected:
        raise SystemExit(f"the result of {readable(size)} is wrong")
    client.delete(job_id)
    file.unlink()
    return Row(size, uploaded - began, seconds_to_success(job), fetched - fetching, dict(memory.mib))


def figures_of(rows: Sequence[Row]) -> list[Figure]:
    """Memory of functions and machine against that for the smallest file: it must not grow."""
    return [figure for row in rows for figure in (time_of(row), *(memory_of(row, part, rows[0]) for part in WATCHED))]


def time_of(row: Row) -> Figure:
    note = "the upload before and the download after not reader"
    return Figure(f"{row.name}: queued to succeeded", row.job_s, "s", note=note, spread=0.15)


def memory_of(row: Row, part: str, smallest: Row) -> Figure:
    name, value = f"{row.name}: peak memory of the {part}", row.peak_mib[part]
    if row is smallest:
        return Figure(name, value, "MiB", note="of one process", spread=0.05)
    note = f"of one process; against {readable(smallest.size)}"
    return Figure(name, value, "MiB", smallest.peak_mib[part], Goal(MEMORY_GOAL), note, spread=0.05)


def table(rows: Sequence[Row]) -> str:
    lines = [f"{'':20}{'upload s':>10}{'job s':>10}{'download s':>12}   peak MiB: {', '.join(PARTS)}"]
    for row in rows:
        peaks = ", ".join(f"{row.peak_mib[part]:,.0f}" for part in (EMULATOR, FUNCTIONS, MACHINES))
        lines.append(f"{row.name:20}{row.upload_s:>10.1f}{row.job_s:>10.1f}{row.download_s:>12.1f}   {peaks}")
    return "\n".join(lines)


def main() -> None:
    arguments = parser("big_file", __doc__)
    arguments.add_argument("--size", type=size_in_bytes, nargs="+")
    options = arguments.parse_args()
    sizes = options.size or list(map(size_in_bytes, QUICK_SIZES if options.quick else SIZES))
    program = Program("big_file")
    largest = max(1024, *(-(-size // MIB) for size in sizes))
    program.say("starting the local cloud")
    RESULTS.mkdir(parents=True, exist_ok=True)
    rows = []
    with (
        tempfile.TemporaryDirectory(dir=RESULTS) as name,
        LocalCloud.start(config={"mayfly:maxUploadMib": str(largest)}) as cloud,
        JobClient(cloud.url, user="alice") as client,
    ):
        one_at_a_time(client, 1)
        for size in sizes:
            program.say(readable(size))
            rows.append(play(cloud, client, size, Path(name)))
    print(table(rows))
    program.publish(options.json, figures_of(rows), rows=[asdict(row) for row in rows])


if __name__ == "__main__":
    main()
