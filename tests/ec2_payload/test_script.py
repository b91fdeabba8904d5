"""The script's contract: how it is started, what it sees, how its end is reported, and that nothing of it survives."""

from __future__ import annotations

import hashlib
import json
import os
import pathlib
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from ec2_payload.wrapper.memory_shortage import chosen_first
from tests.ec2_payload.machine import JOB_ID, wait_until

if TYPE_CHECKING:
    from tests.ec2_payload.machine import Machine, Outcome


def test_a_failing_script_is_reported_with_its_exit_code_and_the_end_of_its_stderr(any_machine: Machine) -> None:
    command = any_machine.script(
        "import os, sys\n"
        "os.write(2, b'start' + b'\\xff\\xfe' * 15000 + 'é'.encode() * 3000 + b' the end')\n"
        "print('to stdout')\n"
        "sys.exit(7)\n",
        name="fails.py",
    )
    outcome = any_machine.run(any_machine.spec(command=command))
    assert outcome.code == 10
    assert outcome.report["stage"] == "script"
    assert (outcome.report["exit_code"], outcome.report["signal"], outcome.report["timed_out"]) == (7, None, False)
    assert outcome.report["message"] == "the script ended with exit code 7"
    assert outcome.report["stderr_tail"].endswith("ééé the end")
    assert len(outcome.stderr) <= 7500
    assert "start" + "\ufffd\ufffd" * 15000 + "é" * 3000 + " the end" in outcome.stdout.decode()
    assert b"to stdout\n" in outcome.stdout
    assert "output" not in any_machine.s3.objects


@pytest.mark.parametrize("letter", ["\x01", "🦋", "\\", '"', "?", "a"])
def test_the_report_fits_whatever_its_characters_become_in_json(machine: Machine, letter: str) -> None:
    command = machine.script(f"import sys\nsys.stderr.write({letter!r} * 9000)\nsys.exit(1)\n", "noisy.py")
    outcome = machine.run(machine.spec(command=command))
    assert outcome.code == 10
    assert len(outcome.stderr) <= 7500
    kept = outcome.report["stderr_tail"]
    assert set(kept) == {letter}
    assert len(kept) == 4000 or len(outcome.stderr) > 7480


@pytest.mark.parametrize(("end", "code"), [('printf done > "$3"', 0), ("exit 3", 10), ("", 12)])
def test_the_log_never_ends_with_the_scripts_blank_line(machine: Machine, end: str, code: int) -> None:
    """Alone in its second, at the very end, the agent cannot send one and ends the command a minute late.

    amazon-ssm-agent, cloudwatchlogsservice.go; seen, docs/ssm-agent.md.
    """
    outcome = machine.run(machine.spec(command=machine.script(f"#!/bin/sh\necho a\necho\necho\n{end}\n")))
    assert outcome.code == code
    assert outcome.stdout.endswith(f"[mayfly] {outcome.report['message']}\n".encode()), "not the wrapper's own code"


def test_a_script_killed_by_a_signal_is_reported_with_its_name(machine: Machine) -> None:
    outcome = machine.run(machine.spec(command=machine.script("#!/bin/sh\nkill -9 $$\n")))
    assert outcome.code == 10
    assert (outcome.report["exit_code"], outcome.report["signal"]) == (None, "SIGKILL")
    assert "memory" in outcome.report["message"]


# https://github.com/ros-infrastructure/ros_buildfarm/issues/586: the agent was ended in the job's place.
@pytest.mark.skipif(sys.platform != "linux", reason="Linux's own")
def test_a_script_is_ended_for_want_of_memory_before_wrapper_and_agent_are(machine: Machine) -> None:
    own = "/proc/self/oom_score_adj"
    before = int(pathlib.Path(own).read_text())
    with chosen_first():
        assert int(pathlib.Path(own).read_text()) == max(before, 500)
    assert int(pathlib.Path(own).read_text()) == before, "not the wrapper's"
    outcome = machine.run(machine.spec(command=machine.script(f'#!/bin/sh\nsh -c "cat {own}"\ncp "$1" "$3"\n')))
    assert numbers(outcome.stdout) == [max(before, 500)]


def test_a_script_that_ignores_sigterm_is_killed_at_its_timeout(machine: Machine) -> None:
    outcome = at_its_timeout(machine, "#!/bin/sh\ntrap '' TERM\necho $$\nwhile :; do sleep 1; done\n")
    assert outcome.code == 11
    assert outcome.report["timed_out"] is True
    assert (outcome.report["exit_code"], outcome.report["signal"]) == (None, "SIGKILL")
    assert_gone(numbers(outcome.stdout))


def test_a_script_can_end_in_order_at_its_timeout(machine: Machine) -> None:
    machine.change("script_process.py", "GRACE_S = 2.0", "GRACE_S = 120.0")
    text = "#!/bin/sh\ntrap 'echo bye >&2; exit 3' TERM\necho $$\nwhile :; do sleep 0.05; done\n"
    outcome = at_its_timeout(machine, text)
    assert (outcome.code, outcome.report["exit_code"], outcome.report["signal"]) == (11, 3, None)
    assert outcome.report["stderr_tail"].endswith("bye\n")


def test_child_processes_do_not_survive_the_script(machine: Machine) -> None:
    command = machine.script('#!/bin/sh\nsleep 600 & echo $!\n(sleep 600 & echo $!)\ncp "$1" "$3"\n')
    outcome = machine.run(machine.spec(command=command))
    assert outcome.code == 0, outcome
    children = numbers(outcome.stdout)
    assert len(children) == 2
    assert_gone(children)


# Leaves the script's group, session and parent, as daemons do, then prints and writes into the output.
DAEMON = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        print(os.getpid(), flush=True)
        ends = time.monotonic() + 30
        while time.monotonic() < ends:
            try:
                open(sys.argv[3], "a").write("late")
                os.write(1, b"still here\\n")
            except OSError:
                pass
            time.sleep(0.001)
    os._exit(0)
os.wait()
while not os.path.exists(sys.argv[3]):
    time.sleep(0.001)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="nothing else has child subreapers (prctl(2))")
def test_daemons_are_gone_before_the_output_is_hashed(any_machine: Machine) -> None:
    outcome = any_machine.run(any_machine.spec(command=any_machine.script(DAEMON, "daemon.py")))
    assert (outcome.code, outcome.report["stage"]) == (0, "done"), outcome
    daemons = numbers(outcome.stdout)
    assert daemons
    assert not any(map(alive, daemons)), "dead when the wrapper has ended, not some time later"
    stored = any_machine.s3.objects["output"]
    assert outcome.report["output"] == {"size": len(stored), "sha256": hashlib.sha256(stored).hexdigest()}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="nothing else has child subreapers (prctl(2))")
@pytest.mark.parametrize("prefix", ["setsid", "setsid nohup"])
def test_children_in_a_session_of_their_own_end_with_a_script_that_is_stopped(machine: Machine, prefix: str) -> None:
    child = "trap : TERM HUP; echo $$; sleep 600 & echo $!; wait; wait"
    outcome = at_its_timeout(machine, f"#!/bin/sh\n{prefix} sh -c '{child}' &\nsleep 600\n", printed=2)
    assert outcome.code == 11
    children = numbers(outcome.stdout)
    assert len(children) == 2
    assert not any(map(alive, children))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="nothing else has child subreapers (prctl(2))")
def test_orphans_that_end_while_the_script_runs_are_taken_in(machine: Machine) -> None:
    command = machine.script(
        "import os, pathlib, sys, time\n"
        "for _ in range(50):\n"
        "    if os.fork() == 0:\n"
        "        os.fork()\n"
        "        os._exit(0)\n"
        "    os.wait()\n"
        "def zombies():\n"
        "    found = 0\n"
        "    for stat in pathlib.Path('/proc').glob('[0-9]*/stat'):\n"
        "        try:\n"
        "            found += stat.read_text().rpartition(')')[2].split()[:2] == ['Z', str(os.getppid())]\n"
        "        except OSError:\n"
        "            pass\n"
        "    return found\n"
        "while zombies():\n"
        "    time.sleep(0.01)\n"
        "open(sys.argv[3], 'w').close()\n",
        "orphans.py",
    )
    assert machine.run(machine.spec(command=command)).code == 0


def test_output_still_being_written_when_the_script_ends_is_not_lost(machine: Machine) -> None:
    machine.change("script_process.py", "SETTLE_S = 0.5", "SETTLE_S = 120.0")
    command = machine.script('#!/bin/sh\n(while kill -0 $$; do sleep 0.01; done; echo late) 2>/dev/null &\n: >"$3"\n')
    assert b"late\n" in machine.run(machine.spec(command=command)).stdout


@pytest.mark.parametrize("text", ["#!/bin/sh\n", '#!/bin/sh\nmkdir "$3"\n'])
def test_a_script_without_an_output_file_is_a_failure(machine: Machine, text: str) -> None:
    outcome = machine.run(machine.spec(command=machine.script(text)))
    assert (outcome.code, outcome.report["exit_code"], outcome.report["output"]) == (12, 0, None)


def test_the_script_sees_a_minimal_environment_and_an_empty_folder(any_machine: Machine) -> None:
    command = any_machine.script(
        "import json, os, sys\n"
        "seen = {'environment': dict(os.environ), 'files': os.listdir('.'), 'stdin': sys.stdin.read(),\n"
        "        'home': os.listdir(os.environ['HOME']), 'tmp': os.listdir(os.environ['TMPDIR']),\n"
        "        'group': os.getpgrp() == os.getpid(), 'version': list(sys.version_info[:2])}\n"
        "json.dump(seen, open(sys.argv[3], 'w'))\n",
        name="look.py",
        mode=0o644,
    )
    assert any_machine.run(any_machine.spec(attempt=2, command=command)).code == 0
    seen = json.loads(any_machine.s3.objects["output"])
    environment = seen.pop("environment")
    version = seen.pop("version")
    assert seen == {"files": [], "stdin": "", "home": [], "tmp": [], "group": True}
    assert f"python{version[0]}.{version[1]}" in os.path.realpath(any_machine.python)
    environment.pop("LC_CTYPE", None)  # set by Python itself in some locales
    environment.pop("__CF_USER_TEXT_ENCODING", None)  # set by macOS in every process
    assert sorted(environment) == [
        *("HOME", "LANG", "MAYFLY_ATTEMPT", "MAYFLY_FILENAME", "MAYFLY_JOB_ID", "PATH", "PYTHONUNBUFFERED", "TMPDIR"),
    ]
    assert environment["LANG"] == "C.UTF-8"
    assert (environment["MAYFLY_JOB_ID"], environment["MAYFLY_ATTEMPT"]) == (JOB_ID, "2")
    assert pathlib.Path(environment["HOME"]).is_relative_to(any_machine.folder.resolve())


@pytest.mark.parametrize(
    ("name", "text", "mode", "command"),
    [
        ("run.sh", '#!/bin/sh\ncp "$1" "$3"\n', 0o755, ["./run.sh"]),
        ("run", '#!/bin/sh\ncp "$2" "$4"\n', 0o755, ["run", "--flag"]),
        ("run.py", "#!/usr/bin/env python3\nimport shutil, sys\nshutil.copy(*sys.argv[1:4:2])\n", 0o755, ["run.py"]),
        ("run.py", "import shutil, sys\nshutil.copy(*sys.argv[1:4:2])\n", 0o755, ["./run.py"]),
        ("other", "", 0o644, ["sh", "-c", 'cp "$1" "$3"', "sh"]),
        ("other", "", 0o644, ["/bin/sh", "-c", 'cp "$1" "$3"', "sh"]),
    ],
)
def test_any_executable_can_be_the_command(
    machine: Machine, name: str, text: str, mode: int, command: list[str]
) -> None:
    machine.script(text, name, mode)
    outcome = machine.run(machine.spec(b"as it is", command=command))
    assert outcome.code == 0, outcome
    assert machine.s3.objects["output"] == b"as it is"


@pytest.mark.parametrize(
    ("command", "mode", "text", "why"),
    [
        (["./missing"], 0o755, "", "missing is not on this machine"),
        (["no-such-program"], 0o755, "", "no-such-program is not on this machine"),
        (["./x.sh"], 0o644, "#!/bin/sh\n", "x.sh is not executable (chmod +x)"),
        (["./x.sh"], 0o755, "#!/bin/sh\r\nexit 0\r\n", "first line of x.sh ends with a carriage return: save the file"),
        (
            ["./x.sh"],
            0o755,
            "#!/opt/no/python3.14 -u\n",
            "first line of x.sh asks for /opt/no/python3.14, which is not",
        ),
        (["./x.sh"], 0o755, "echo 1\n", "x.sh is no program, and has no #! line"),
        (["./x.sh"], 0o755, "\x7fELF\x02\x01\x01", "x.sh is for another processor"),
    ],
)
def test_a_command_that_cannot_be_started_says_why(
    machine: Machine, command: list[str], mode: int, text: str, why: str
) -> None:
    (machine.payload / "x.sh").write_bytes(text.encode())
    (machine.payload / "x.sh").chmod(mode)
    outcome = machine.run(machine.spec(command=command))
    assert (outcome.code, outcome.report["stage"], outcome.report["exit_code"]) == (14, "script", None)
    assert "the script cannot be started: " in outcome.report["message"]
    assert why in outcome.report["message"]


def test_what_a_python_program_prints_is_not_held_back(machine: Machine) -> None:
    command = machine.script("#!/usr/bin/env python3\nprint('seen')\nimport time; time.sleep(600)\n", "waits.py")
    process = machine.start(*machine.arguments(machine.spec(command=command)))
    assert process.stdout
    while (line := process.stdout.readline()) != b"seen\n":
        assert line, "it has ended without a line of the script's"
    process.terminate()
    assert machine.finish(process).code == 143


def test_an_output_larger_than_one_put_takes_is_the_scripts_failure(machine: Machine) -> None:
    command = machine.script('#!/bin/sh\ntruncate -s 5368709121 "$3"\n')
    outcome = machine.run(machine.spec(command=command))
    assert (outcome.code, outcome.report["stage"]) == (13, "script")
    assert outcome.report["message"] == "the output has 5368709121 bytes; at most 5368709120 (5.0 GiB) can be stored"
    assert list(machine.folder.iterdir()) == []


def test_the_output_has_the_suffix_that_the_spec_names_for_it(machine: Machine) -> None:
    command = machine.script('#!/bin/sh\necho "${1##*/} ${3##*/}"\n: >"$3"\n')
    output = {"url": machine.s3.url("output"), "suffix": ".html"}
    outcome = machine.run(machine.spec(command=command, output=output))
    assert (outcome.code, b"input.txt output.html\n" in outcome.stdout) == (0, True)


def test_a_signal_to_the_wrapper_kills_the_script_and_cleans_up(any_machine: Machine) -> None:
    number = signal.SIGTERM
    command = any_machine.script("#!/bin/sh\ntrap '' INT\nsleep 600 & echo $!\necho $$\nwait\n")
    process = any_machine.start(*any_machine.arguments(any_machine.spec(command=command)))
    assert process.stdout
    lines: list[bytes] = []
    while sum(line.strip().isdigit() for line in lines) < 2:
        lines.append(process.stdout.readline())
        assert lines[-1]
    process.send_signal(number)
    outcome = any_machine.finish(process)
    assert outcome.code == 128 + number
    assert outcome.report["message"] == f"the wrapper was stopped by {number.name}"
    assert_gone(numbers(b"".join(lines)))
    assert list(any_machine.folder.iterdir()) == []


def test_progress_lines_stay_on_lines_of_their_own(machine: Machine) -> None:
    command = machine.script('#!/bin/sh\nprintf unfinished; : >"$3"\n')
    lines = machine.run(machine.spec(command=command)).stdout.decode().splitlines()
    assert lines == [
        "[mayfly] downloading the input (6 bytes)",
        "[mayfly] running ./my_script.sh (at most 600 s)",
        "unfinished",
        "[mayfly] uploading the output (0 bytes)",
        "[mayfly] done",
    ]


def test_a_reader_of_the_log_that_goes_away_does_not_end_the_job(machine: Machine) -> None:
    command = machine.script('#!/bin/sh\nread -r line <"$1"; echo "$line"; echo more; : >"$3"\n')
    process = machine.start(*machine.arguments(machine.spec(command=command)))
    assert process.stdout
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr
    with process.stderr:
        assert json.loads(process.stderr.read())["stage"] == "done"
    assert process.wait(120) == 0


def at_its_timeout(machine: Machine, text: str, printed: int = 1) -> Outcome:
    """Of a script that has printed so many numbers by then, however long a slow computer takes to start it."""
    command = machine.script(text)
    for timeout_s in (1, 10, 100):
        outcome = machine.run(machine.spec(command=command, timeout_s=timeout_s))
        if len(numbers(outcome.stdout)) == printed:
            break
    return outcome


def numbers(stdout: bytes) -> list[int]:
    return [int(line) for line in stdout.splitlines() if line.isdigit()]


def assert_gone(processes: list[int]) -> None:
    assert processes
    wait_until(lambda: not any(map(alive, processes)))


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    status = pathlib.Path(f"/proc/{process}/stat")  # an orphan that is not reaped stays as a zombie in some containers
    return not (status.exists() and status.read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z")
