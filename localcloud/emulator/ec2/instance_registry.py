"""Every machine ever launched, kept after EC2 has forgotten it."""

from __future__ import annotations

import threading
from typing import Any

from localcloud.emulator.ec2.machines import Machine
from localcloud.emulator.faults import Faults
from localcloud.emulator.settings import Scope, Settings


class InstanceRegistry:
    """Launches machines and finds them again; safe to use from any thread."""

    def __init__(self, settings: Settings, faults: Faults) -> None:
        self._settings = settings
        self._faults = faults
        self._lock = threading.Lock()
        self._machines: dict[str, Machine] = {}

    def launch(self, record: dict[str, Any], scope: Scope) -> Machine:
        """Boots a machine for a new EC2 record."""
        machine = Machine(record, scope, self._settings, self._faults)
        with self._lock:
            self._machines[machine.id] = machine
        machine.boot()
        return machine

    def get(self, instance_id: str) -> Machine | None:
        return self._machines.get(instance_id)

    def all(self) -> list[Machine]:
        """In launch order."""
        with self._lock:
            return list(self._machines.values())

    def close(self) -> None:
        for machine in self.all():
            machine.processes.close()
        for machine in self.all():
            machine.close()
