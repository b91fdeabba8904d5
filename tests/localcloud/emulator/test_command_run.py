"""How a command ends: as amazon-ssm-agent was seen to have it (source of October 2024, docs/ssm-agent.md)."""

from __future__ import annotations

import pytest

from localcloud.emulator.subreaper import IS_LINUX
from tests.localcloud.emulator.harness import LEAVES_A_PROCESS, EmulatorHarness, is_running, wait_for

# Prints its id once it has a session of its own, and keeps its standard output.
SETSID_CHILD = (
    "python3 -c 'import os, time; os.setsid(); print(os.getpid(), flush=True); time.sleep(600)' 2>/dev/null &"
)
NO_SUCH_PROCESS = ("Failed", 1, "failed to run commands: no such process")


def first_lines(harness: EmulatorHarness, machine: str, command: str, count: int) -> list[str]:
    """Of a command that still runs."""
    show = f"cat $HOME/../ssm/{command}/stdout 2>/dev/null || true"

    def lines() -> list[str] | None:
        found = harness.run(machine, show)["StandardOutputContent"].splitlines()
        return found if len(found) >= count else None

    return wait_for(lines, f"{count} lines")


def end_of(harness: EmulatorHarness, command: str, machine: str) -> tuple[str, int, str]:
    found = harness.invocation(command, machine)
    return found["Status"], found["ResponseCode"], found["StandardErrorContent"]


def test_a_command_lasts_until_no_process_holds_its_output(harness: EmulatorHarness) -> None:
    """Seen: a child that keeps stdout; the command ends with it, and has its late line."""
    machine = harness.launch()
    late = "(until [ -e $HOME/go ]; do sleep 0.1; done; echo late) &"
    command = harness.send(machine, [late, "echo $$"])
    (shell,) = first_lines(harness, machine, command, 1)
    wait_for(lambda: not is_running(int(shell)), "the shell to end")
    assert harness.client("ssm").get_command_invocation(CommandId=command, InstanceId=machine)["Status"] == "InProgress"
    harness.run(machine, "touch $HOME/go")
    assert harness.invocation(command, machine)["StandardOutputContent"] == f"{shell}\nlate\n"
    assert harness.invocation(command, machine)["Status"] == "Success"


def test_a_child_whose_output_goes_elsewhere_does_not_hold_a_command_open(harness: EmulatorHarness) -> None:
    """Seen: the command ends at once, the child lives on."""
    result = harness.run(harness.launch(), LEAVES_A_PROCESS)
    assert result["Status"] == "Success"
    assert is_running(int(result["StandardOutputContent"]))


@pytest.mark.skipif(not IS_LINUX, reason="elsewhere what has left its session is out of reach")
def test_a_command_is_not_cancelled_where_only_a_child_that_left_the_group_holds_its_output(
    harness: EmulatorHarness,
) -> None:
    """Seen: Failed, 1, not Cancelled, as at the time limit; the child lives on (executers.go, kill(-pid))."""
    machine = harness.launch()
    command = harness.send(machine, [SETSID_CHILD, "echo $$"])
    pids = {int(line) for line in first_lines(harness, machine, command, 2)}
    wait_for(lambda: len([pid for pid in pids if is_running(pid)]) == 1, "the shell to end")
    harness.client("ssm").cancel_command(CommandId=command)
    assert end_of(harness, command, machine) == NO_SUCH_PROCESS
    assert len([pid for pid in pids if is_running(pid)]) == 1


def test_a_cancelled_command_keeps_what_it_has_printed_and_ends_what_it_started(harness: EmulatorHarness) -> None:
    """Seen: Cancelled, 137; nothing is added to stderr."""
    machine = harness.launch()
    command = harness.send(machine, ["echo $$", "sleep 600"])
    (shell,) = first_lines(harness, machine, command, 1)
    harness.client("ssm").cancel_command(CommandId=command)
    assert end_of(harness, command, machine) == ("Cancelled", 137, "")
    assert harness.invocation(command, machine)["StandardOutputContent"] == f"{shell}\n"
    wait_for(lambda: not is_running(int(shell)), "the shell to be gone")


@pytest.mark.parametrize(("number", "name"), [("SIGKILL", "killed"), ("SIGTERM", "terminated")])
def test_a_shell_ended_by_a_signal_has_the_code_minus_one(harness: EmulatorHarness, number: str, name: str) -> None:
    """Seen where `sh` is bash, which becomes the script's program; dash outlives it and says 128 and the number."""
    machine = harness.launch()
    kill_leader = f"import os, signal; os.kill(os.getpgrp(), signal.{number})"  # the shell, whichever it is
    command = harness.send(machine, [f"exec python3 -c '{kill_leader}'"])
    assert end_of(harness, command, machine) == ("Failed", -1, f"failed to run commands: signal: {name}")


def test_the_first_line_of_a_script_names_its_program(harness: EmulatorHarness) -> None:
    result = harness.run(harness.launch(), "#!/usr/bin/env python3", "import sys", "print(sys.argv[0])")
    assert result["StandardOutputContent"].endswith("/_script.sh\n")


def test_a_script_waits_for_its_agent(harness: EmulatorHarness) -> None:
    """Seen: 420,000 bytes a second on a real machine, while the script waits in write(2)."""
    harness.set_faults(agent_bytes_per_s=100_000)
    result = harness.run(
        harness.launch(), "began=$(date +%s)", "head -c 400000 /dev/zero", "echo $(($(date +%s) - began)) >&2"
    )
    assert result["Status"] == "Success"
    waited = int(result["StandardErrorContent"])
    assert waited >= 2  # all but the pipe's 64 KiB and a read's 32 KiB, at that speed, in whole seconds
