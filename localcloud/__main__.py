"""`python -m localcloud up` serves the form; `python -m localcloud demo` runs one job."""

from __future__ import annotations

import argparse
import contextlib
import json
import shlex
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from localcloud.cloud import DEFAULT_PORT, LocalCloud
from localcloud.demo import run_demo
from localcloud.emulator.process import EmulatorError
from localcloud.engine.deployment import DeploymentError, Resource

SAMPLE = Path(__file__).with_name("sample") / "letter.txt"


def main(argv: Sequence[str]) -> int:
    """Exit code 0, or 1 after a message on standard error."""
    options = _parser().parse_args(argv)
    _end_on_signals()
    try:
        return int(options.run(options))
    except KeyboardInterrupt:
        if options.command != "up":
            return 130
        echo = "\n" if sys.stderr.isatty() else ""  # the terminal has shown ^C on this line
        _note(f"{echo}The local cloud is down, and everything in it is gone.")
        return 0
    except (EmulatorError, DeploymentError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m localcloud", description="Mayfly on this computer.")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="serve the form until interrupted")
    up.add_argument("--port", type=int, default=DEFAULT_PORT, help="of the form (default: %(default)s; 0: any)")
    up.set_defaults(run=_up)
    demo = commands.add_parser("demo", help="run one job and show what happened")
    demo.add_argument("file", nargs="?", type=Path, default=SAMPLE, metavar="FILE", help="the input file")
    demo.add_argument("--text", default="Processed by a machine that lived only for this file.")
    demo.add_argument("--output", type=Path, metavar="PATH", help="where to save the output")
    demo.add_argument("--port", type=int, default=0)
    demo.set_defaults(run=_demo)
    for command in (up, demo):
        command.add_argument(
            "--engine",
            choices=("local", "pulumi"),
            default="local",
            help="what deploys: this process, or the Pulumi CLI (make pulumi builds it; default: %(default)s)",
        )
        command.add_argument("--boot-seconds", type=float, default=0.0, help="how long a machine takes to boot")
        command.add_argument("--payload-folder", metavar="PATH", help="the folder with your own script")
        command.add_argument(
            "--script", type=shlex.split, metavar="COMMAND", help='what runs in it, such as "./report.py --all"'
        )
        command.add_argument(
            "--config", action="append", default=[], metavar="KEY=VALUE", help="a configuration value; can be repeated"
        )
    return parser


def _up(options: argparse.Namespace) -> int:
    with _started(options) as cloud:
        _note("Sign in on the page as one of these; the passwords are new at each start:")
        for user in cloud.users.values():
            _note(f"  {user['username']:20} {user['password']}")
        _note("Ctrl-C ends it.")
        print(f"READY {cloud.url}", flush=True)
        cloud.wait()
        print(f"error: the emulator ended by itself; see {cloud.log_path}", file=sys.stderr)
        return 1


def _demo(options: argparse.Namespace) -> int:
    if not options.file.is_file():
        print(f"error: {options.file} is not a file", file=sys.stderr)
        return 1
    with _started(options) as cloud:
        succeeded = run_demo(cloud, options.file, options.text, options.output)
    return 0 if succeeded else 1


@contextlib.contextmanager
def _started(options: argparse.Namespace) -> Iterator[LocalCloud]:
    _note("Starting the local cloud and deploying the program to it …")
    created: list[Resource] = []

    def progress(resource: Resource) -> None:
        created.append(resource)
        if sys.stderr.isatty():
            print(f"\r  {len(created)} resources", end="", file=sys.stderr, flush=True)

    with LocalCloud.start(
        port=options.port,
        boot_seconds=options.boot_seconds,
        config=_config(options),
        on_progress=progress,
        with_cli=options.engine == "pulumi",
    ) as cloud:
        cloud.warm_up()
        if sys.stderr.isatty():
            print(file=sys.stderr)
        took = f"{cloud.deployment.seconds:.1f} s"
        _note(f"{len(cloud.deployment.resources)} resources in {took}. Form: {cloud.url}  API: {cloud.url}/api/docs")
        yield cloud


def _config(options: argparse.Namespace) -> dict[str, str]:
    """The configuration that the command line asks for; a path in it begins where the command is given."""
    config = dict(pair.partition("=")[::2] for pair in options.config)
    if options.payload_folder is not None:
        config["mayfly:payloadFolder"] = str(Path(options.payload_folder).resolve())
    if options.script is not None:
        config["mayfly:script"] = json.dumps(options.script)
    return config


def _note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _end_on_signals() -> None:
    """Turns SIGTERM into KeyboardInterrupt, so that both end the cloud on the way out; a second one waits for that."""

    def interrupt(_number: int, _frame: Any) -> None:
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, interrupt)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
