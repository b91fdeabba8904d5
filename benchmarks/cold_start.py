"""Cold and warm times of the functions' bundles, against bundles that are made without care.

`python -m benchmarks.cold_start [--rounds 11] [--quick] [--json build/bench/cold_start.json]` prints one table and
writes one JSON.

The naive bundle has all of `functions/` and its lock file's packages whole, and no bytecode;
functions/api/quick_start.py does nothing there. A cold start is a process of awslambdaric, Lambda's own
runtime client, that imports the handler's module and answers a first event, whose first call to AWS is denied on
loopback: settings and clients are built by then. Its processor time is taken, less that of a handler which does
nothing: it is what a cold start is made of and what others on the machine disturb least. Sides take turns, so that a
change of the load meets all; medians are shown, and ratios are medians of the rounds' ratios.

A warm request is `GET /api/jobs/{id}` through Mangum and FastAPI, against a bare handler that parses the same event,
reads the same item and writes the same JSON. Both call boto3, whose request is answered in the process after a
millisecond, less than DynamoDB takes.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from benchmarks.figure import Figure, Goal, spread_of
from benchmarks.lambda_runtime import host_function
from benchmarks.program import ROOT, Program, parser
from infra.bundle import API, ORCHESTRATOR, Bundle
from infra.bundling.target import Target
from localcloud.engine.deployment import preview

STEPS, QUICK_STEPS = ("stream", "launch", "dispatch", "inspect_command", "record", "sweep"), ("launch",)
ROUNDS, QUICK_ROUNDS = 11, 5
API_GOAL, STEP_GOAL, WARM_GOAL = 0.40, 0.35, 1.5
API_ENTRY = "functions.api.handler"
NAIVE, OURS = "naive", "ours"
_AWS = {
    "AWS_ACCESS_KEY_ID": "benchmark",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_SECRET_ACCESS_KEY": "benchmark",
}
_QUIET = {"POWERTOOLS_LOG_LEVEL": "CRITICAL", "POWERTOOLS_METRICS_DISABLED": "true"}
# For every step, and a job's record for the stream's function; the sweeper is on its schedule.
_EVENT = {
    "owner": "anonymous",
    "job_id": "01926b3c-7f3e-7c2a-9d51-3f0a5b8c1e27",
    "run": 1,
    "attempt": 1,
    "retries": 0,
    "instance_id": "i-1",
    "command_id": "c-1",
    "stored_after": "",
    "online_at": "2026-01-31T09:15:20Z",
    "poll_seconds": 0,
    "asks": 0,
    "redrives": 0,
    "task_token": "t",
    "error": "e",
    "cause": "c",
    "Records": [
        {
            "eventName": "INSERT",
            "dynamodb": {
                "SequenceNumber": "1",
                "NewImage": {"owner": {"S": "a"}, "id": {"S": "b"}, "run": {"N": "1"}, "attempts": {"N": "0"}},
            },
        }
    ],
}
_HTTP = {"method": "GET", "path": "/api/jobs", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"}
_REQUEST = {
    "version": "2.0",
    "rawPath": "/api/jobs",
    "rawQueryString": "",
    "headers": {"host": "x"},
    "requestContext": {"http": _HTTP, "stage": "$default"},
    "isBase64Encoded": False,
}
_EMPTY = "def handler(event, context): return None\n"
_WARM = """
import json, statistics, sys, time
sys.path.insert(0, sys.argv[1])
import functions.api.handler as ours
import functions.aws.clients as clients
from botocore.awsrequest import AWSResponse
JOB = "01926b3c-7f3e-7c2a-9d51-3f0a5b8c1e27"
AT = "2026-01-31T09:15:02.345Z"
TEXT = dict(id=JOB, owner="anonymous", status="running", filename="a.txt", input_text="t", input_file_path="uploads/k",
            created_at=AT, updated_at=AT)
ITEM = {name: {"S": value} for name, value in TEXT.items()}
ITEM |= {name: {"N": "1"} for name in ("size", "run", "attempts", "revision")}
ITEM["timeline"] = {"L": [{"M": {"event": {"S": "launched"}, "at": {"S": AT}, "detail": {"S": "a machine"}}}] * 4}
ITEM["machines"] = {"L": []}
BODY = json.dumps({"Item": ITEM}).encode()
class Raw:
    def stream(self, *_, **__):
        yield BODY
    def read(self, *_):
        return BODY
def answer(request, **_):
    time.sleep(0.001)
    return AWSResponse(request.url, 200, {"content-type": "application/x-amz-json-1.0"}, Raw())
clients._session().register("before-send", answer)
ours.adapter.cache_clear()
dynamodb = clients.Clients().dynamodb
EVENT = {
    "version": "2.0", "routeKey": "$default", "rawPath": f"/api/jobs/{JOB}", "rawQueryString": "",
    "headers": {"host": "x", "accept": "application/json"},
    "requestContext": {"http": {"method": "GET", "path": f"/api/jobs/{JOB}", "protocol": "HTTP/1.1",
                                "sourceIp": "192.0.2.1", "userAgent": "x"},
                       "domainName": "x", "stage": "$default", "requestId": "r"},
    "isBase64Encoded": False,
}
class Context:
    function_name, memory_limit_in_mb, invoked_function_arn, aws_request_id = "api", 1024, "arn", "r"
from functions.aws.attribute_values import deserialize_item
from functions.aws.job_items import from_item
def bare(event, context):
    job_id = event["rawPath"].rpartition("/")[2]
    key = {"owner": {"S": "anonymous"}, "id": {"S": job_id}}
    item = dynamodb.get_item(TableName="jobs", Key=key, ConsistentRead=True)["Item"]
    job = from_item(deserialize_item(item))
    document = {name: getattr(job, name, value) if name not in NESTED else value for name, value in SHAPE.items()}
    document["machines"], document["error"] = [vars(one) for one in job.machines], job.error
    document["timeline"] = [vars(one) for one in job.timeline]
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(document)}
def timed(handler):
    begun = time.perf_counter()
    answered = handler(EVENT, Context)
    taken = time.perf_counter() - begun
    assert answered["statusCode"] == 200, answered
    return taken, json.loads(answered["body"])
# The bare handler is given what the API works out from the item, such as the job's cost.
SHAPE = timed(ours.handler)[1]
NESTED = [name for name, value in SHAPE.items() if isinstance(value, (dict, list))]
assert timed(bare)[1] == SHAPE
for _ in range(50):
    timed(ours.handler), timed(bare)
pairs = [(timed(ours.handler)[0], timed(bare)[0]) for _ in range(400)]
print(*[statistics.median(side) for side in zip(*pairs)])
"""


@dataclass(frozen=True)
class Cold:
    function: str
    side: str
    bundle_bytes: int
    import_ms: float
    ready_ms: float  # imported, and a first event answered
    import_ratio: float  # to naive
    ready_ratio: float
    goal: float
    spread: float  # of the ready ratio


@dataclass(frozen=True)
class Side:
    """Where a handler is imported from, and the size of its zip."""

    folder: Path
    bundle_bytes: int


def sides_of(bundle: Bundle, scratch: Path) -> dict[str, Side]:
    archive, ours = bundle.build(Target("", "", host=True)), scratch / bundle.handlers
    if not ours.exists():
        shutil.unpack_archive(archive, ours)
    return {NAIVE: naive_side(bundle, scratch), OURS: Side(ours, archive.stat().st_size)}


def naive_side(bundle: Bundle, scratch: Path) -> Side:
    """A folder with everything and no bytecode, made once for each lock file."""
    lock = ROOT / bundle.requirements
    folder = scratch / f"naive-{lock.parent.name}"
    if not folder.exists():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
        command += ["--no-deps", "--target", str(folder), "--require-hashes", "-r", str(lock)]
        subprocess.run(command, check=True, capture_output=True)
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "functions", folder / "functions", ignore=ignored)
        (folder / "functions/api/quick_start.py").write_text("def finish() -> None: ...\n")
        (folder / "ec2_payload").mkdir()
        shutil.copy(ROOT / "ec2_payload" / "bootstrap.py", folder / "ec2_payload")
    packed = shutil.make_archive(str(scratch / "packed"), "zip", folder)
    return Side(folder, Path(packed).stat().st_size)


@cache
def settings() -> dict[str, str]:
    """The environment that the program gives its functions, that of all of them together."""
    recorded = preview(ROOT, config={"mayfly:auth": "none", "mayfly:bundleFor": "host"})
    functions = recorded.of_type("aws:lambda/function:Function")
    return {key: value for each in functions for key, value in each.inputs["environment"]["variables"].items()}


def python(code: str, *arguments: str) -> list[float]:
    """The numbers that a fresh interpreter prints; it has nothing but the standard library and the bundle."""
    finished = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", code, *arguments],
        env={"PATH": os.environ["PATH"], **settings(), **_AWS, **_QUIET},
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode:
        raise SystemExit(finished.stderr)
    return [float(word) for word in finished.stdout.split()]


def started(entry: str, folder: Path, scratch: Path) -> tuple[float, float]:
    """Processor seconds until a function waits for its first event, and until it has answered that."""
    event = _REQUEST if entry == API_ENTRY else _EVENT
    with host_function(f"{entry}.handler", [folder], {**settings(), **_QUIET}, scratch / "log") as function:
        answer = function.invoke(event)
        return function.init_cpu_seconds, answer.cpu_seconds


def cold(entry: str, sides: Mapping[str, Side], rounds: int, goal: float) -> list[Cold]:
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in sides}
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        (scratch / "empty.py").write_text(_EMPTY)
        for number in range(rounds + 1):
            empty = started("empty", scratch, scratch)
            for name, side in sorted(sides.items(), reverse=number % 2 == 1):
                taken = started(entry, side.folder, scratch)
                if number:  # the first time fills the disk cache
                    times[name].append((taken[0] - empty[0], taken[1] - empty[1]))

    def median(name: str, which: int) -> float:
        return 1_000 * statistics.median(each[which] for each in times[name])

    def ratios(name: str, which: int) -> list[float]:
        pairs = zip(times[name], times[NAIVE], strict=True)
        return [one[which] / naive[which] for one, naive in pairs]

    return [
        Cold(
            function=entry.removeprefix("functions.").replace(".", "-"),
            side=name,
            bundle_bytes=side.bundle_bytes,
            import_ms=median(name, 0),
            ready_ms=median(name, 1),
            import_ratio=statistics.median(ratios(name, 0)),
            ready_ratio=statistics.median(ratios(name, 1)),
            goal=goal,
            spread=spread_of(ratios(name, 1)),
        )
        for name, side in sides.items()
    ]


def figures_of(rows: Sequence[Cold], warm: tuple[float, float]) -> list[Figure]:
    naive = {row.function: row for row in rows if row.side == NAIVE}
    found = []
    for row in (row for row in rows if row.side == OURS):
        other = naive[row.function]
        found += [
            Figure(
                f"cold start {row.function}: ready",
                row.ready_ms,
                "ms",
                baseline=other.ready_ms,
                goal=Goal(row.goal),
                note="processor time, a first event included; against a bundle with everything and no bytecode",
                spread=row.spread,
                paired_ratio=row.ready_ratio,
            ),
            Figure(
                f"cold start {row.function}: bundle",
                row.bundle_bytes / 2**20,
                "MiB",
                baseline=other.bundle_bytes / 2**20,
                note="zip",
            ),
        ]
    ours, bare = (1_000 * seconds for seconds in warm)
    found.append(
        Figure(
            "warm request",
            ours,
            "ms",
            baseline=bare,
            goal=Goal(WARM_GOAL),
            note="GET /api/jobs/{id}; against a bare handler that reads the same item",
            spread=0.05,
        )
    )
    return found


def main() -> None:
    arguments = parser("cold_start", __doc__)
    arguments.add_argument("--rounds", type=int)
    arguments.add_argument("--steps", nargs="*")
    options = arguments.parse_args()
    program = Program("cold_start")
    rounds = options.rounds or (QUICK_ROUNDS if options.quick else ROUNDS)
    steps = options.steps or (QUICK_STEPS if options.quick else STEPS)
    goals = {API_ENTRY: API_GOAL} | {f"functions.orchestrator.{step}": STEP_GOAL for step in steps}
    rows: list[Cold] = []
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        for entry, goal in goals.items():
            program.say(f"{entry}: building")
            sides = sides_of(API if entry == API_ENTRY else ORCHESTRATOR, scratch)
            program.say(f"{entry}: {rounds} rounds")
            rows += cold(entry, sides, rounds, goal)
        program.say("warm requests")
        ours, bare = python(_WARM, str(scratch / API.handlers))
    details = {"rounds": rounds, "rows": [asdict(row) for row in rows], "warm_s": {"ours": ours, "bare": bare}}
    program.publish(options.json, figures_of(rows, (ours, bare)), **details)


if __name__ == "__main__":
    main()
