"""EC2 instances as process groups on this computer.

A machine boots (`pending`, then `running`), runs its user data, gets its agent online, and ends: terminated, stopped,
or lost. It carries its EC2 record with it, so what DescribeInstances says is what the machine is.
"""

from __future__ import annotations

import base64
import binascii
import logging
import threading
import time
from datetime import UTC, datetime
from functools import partial
from typing import Any

from localcloud.emulator import events
from localcloud.emulator.ec2.imds import MetadataService, documents_of
from localcloud.emulator.ec2.init_requests import Init
from localcloud.emulator.ec2.machine_files import MachineFiles
from localcloud.emulator.ec2.machine_processes import MachineEndedError, MachineProcesses
from localcloud.emulator.ec2.user_data import BootScript, UnknownUserDataError, read_user_data
from localcloud.emulator.faults import Faults
from localcloud.emulator.iam import agent_permissions
from localcloud.emulator.iam.roles import role_of_profile
from localcloud.emulator.settings import Scope, Settings

log = logging.getLogger("localcloud.machines")

# EC2 shows a terminated instance for about an hour (EC2 API reference, TerminateInstances); MiniStack forgets it a
# minute after the time that its record names.
REMEMBERED_SECONDS = 3600 - 60
_LOOK_SECONDS = 0.2  # how often a machine whose agent is delayed looks whether it still is
STATE_CODES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}


class Machine:
    """One instance. `record` is MiniStack's own; it stays valid after MiniStack has forgotten the instance."""

    def __init__(self, record: dict[str, Any], scope: Scope, settings: Settings, faults: Faults) -> None:
        self.record = record
        self.scope = scope
        self.launched_at = datetime.now(UTC)
        self.terminated_at: datetime | None = None
        self.files = MachineFiles(settings.scratch / "machines" / record["InstanceId"])
        self.role_arn = role_of_profile(scope, (record.get("IamInstanceProfile") or {}).get("Arn", ""))
        self._settings = settings
        self._faults = faults
        self._lock = threading.RLock()
        self._ending = threading.Event()
        self._online = threading.Event()
        self.is_registered = False  # whether its agent was ever online
        self._metadata = MetadataService(documents_of(record, scope, self.role_arn))
        self._init: Init | None = None
        endpoints = {
            "AWS_ENDPOINT_URL": settings.aws_endpoint,
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": self._metadata.url,
        }
        self.processes = MachineProcesses(self.files.environment(endpoints))

    @property
    def id(self) -> str:
        return str(self.record["InstanceId"])

    @property
    def state(self) -> str:
        return str(self.record["State"]["Name"])

    @property
    def tags(self) -> dict[str, str]:
        return {tag["Key"]: tag["Value"] for tag in self.record.get("_tags", [])}

    @property
    def is_ending(self) -> bool:
        """True from the moment that the machine's end begins: what its processes do then means nothing."""
        return self._ending.is_set()

    def takes_commands_later(self) -> bool:
        """Whether Systems Manager keeps commands for it although its agent is not online now."""
        return self.is_registered and self.state in {"pending", "running", "stopping", "stopped"}

    def wait_until_online(self, seconds: float) -> bool:
        return self._online.wait(seconds)

    def boot(self) -> None:
        """Begins the boot in the background; the record is `pending` when this returns."""
        self._enter("pending")
        self._start_thread(self._first_boot)

    def start_again(self) -> None:
        """Starts a stopped machine; user data runs again only if it is of the kind that runs at every boot."""
        self._ending.clear()
        self.launched_at = datetime.now(UTC)
        self.record["LaunchTime"] = self.launched_at.strftime("%Y-%m-%dT%H:%M:%S.000Z")
        self.processes.reopen()
        self._enter("pending")
        self._start_thread(partial(self._boot, self._settings.restart_seconds, is_first=False))

    def terminate(self, reason: str) -> None:
        """Begins the end in the background, unless it has begun; the record is `shutting-down` when this returns.

        Args:
            reason: EC2's state reason, "Code: message".
        """
        with self._lock:
            if self.state in {"shutting-down", "terminated"}:
                return
            self._begin_end(reason, "shutting-down")
        self._start_thread(self._finish_termination)

    def stop(self, reason: str) -> None:
        """Begins to stop a running machine in the background; its disk is kept."""
        with self._lock:
            if self.state not in {"pending", "running"}:
                return
            self._begin_end(reason, "stopping")
        self._start_thread(self._finish_stop)

    def close(self) -> None:
        """Ends everything without ceremony, when the emulator itself ends."""
        self._ending.set()
        self.processes.kill_all()
        self.files.remove()

    def _first_boot(self) -> None:
        self.files.create()
        if self._ending.is_set():  # ended while its folder was being made
            self.files.remove()
            return
        self._metadata.start()
        self._init = Init(self.files.initctl, self.id, self._power_off)
        self._init.start()
        self._boot(self._settings.boot_seconds, is_first=True)

    def _boot(self, seconds: float, *, is_first: bool) -> None:
        if self._ending.wait(seconds) or not self._enter("running", unless_ending=True):
            return
        self._run_user_data(is_first_boot=is_first)
        self._bring_agent_online()

    def _run_user_data(self, *, is_first_boot: bool) -> None:
        try:
            scripts = read_user_data(base64.b64decode(self.record.get("UserData") or "", validate=False))
        except (binascii.Error, UnknownUserDataError) as error:
            log.warning("%s: %s", self.id, error)
            return
        for script in scripts:
            if is_first_boot or script.every_boot:
                self._run_script(script)

    def _run_script(self, script: BootScript) -> None:
        program = self.files.root / "user-data"
        try:
            with (self.files.logs / "cloud-init-output.log").open("ab") as output:
                process = self.processes.start(
                    [str(program)],
                    folder=self.files.home,
                    stdout=output.fileno(),
                    stderr=output.fileno(),
                    script=(program, script.body),
                )
            code = process.wait()
        except (OSError, MachineEndedError) as error:
            log.warning("%s: %s of the user data did not start: %s", self.id, script.name, error)
            return
        if code and not self.is_ending:
            log.warning("%s: %s of the user data ended with exit code %d", self.id, script.name, code)

    def _bring_agent_online(self) -> None:
        with self._lock:  # the end of a machine begins under it: one that is ending takes no fault from the next
            if self._ending.is_set():
                return
            is_silent = self._faults.take("agent_never_online")
        if is_silent:
            log.info("%s: the agent stays offline (fault agent_never_online)", self.id)
            return
        booted = time.monotonic()
        while (left := booted + self._faults.plan.agent_delay_s - time.monotonic()) > 0:
            if self._ending.wait(min(left, _LOOK_SECONDS)):
                return
        missing = agent_permissions.missing_to_come_online(
            self.scope, self.role_arn, is_old=self._faults.plan.old_agent
        )
        if missing:
            # The real agent then sleeps for minutes before it tries again; a job replaces the machine before that.
            log.warning("%s: the agent stays offline, its role lacks %s", self.id, ", ".join(missing))
            return
        with self._lock:
            if not self._ending.is_set():
                self.record["_ssm_managed"] = True
                self.is_registered = True
                self._online.set()

    def _take_agent_offline(self) -> None:
        with self._lock:
            self._online.clear()
            self.record["_ssm_managed"] = False

    def _power_off(self) -> None:
        reason = "Client.InstanceInitiatedShutdown: Instance initiated shutdown"
        if self.record.get("_shutdown_behavior") == "terminate":
            self.terminate(reason)
        else:
            self.stop(reason)

    def _begin_end(self, reason: str, state: str) -> None:
        self._ending.set()
        self._take_agent_offline()
        self.record["_state_reason"] = reason
        self._enter(state)

    def _finish_termination(self) -> None:
        self.processes.kill_all()
        self.files.remove()
        self.terminated_at = datetime.now(UTC)
        self.record["_terminated_at"] = time.time() + REMEMBERED_SECONDS
        self._enter("terminated")
        if self._init is not None:
            self._init.stop()
            self._metadata.stop()

    def _finish_stop(self) -> None:
        self.processes.kill_all()
        if self._init is not None:
            self._init.cancel()  # what was scheduled is gone with its memory
        self._enter("stopped")

    def _enter(self, state: str, *, unless_ending: bool = False) -> bool:
        with self._lock:
            if unless_ending and self._ending.is_set():
                return False
            self.record["State"] = {"Code": STATE_CODES[state], "Name": state}
        log.info("%s: %s", self.id, state)
        events.instance_state_changed(self.scope, self.id, state)
        return True

    def _start_thread(self, work: Any) -> None:
        threading.Thread(target=work, name=f"machine-{self.id}", daemon=True).start()
