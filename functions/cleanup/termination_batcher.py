"""Terminating machines when many end at once: those that EC2 has no call for yet are ended by somebody else's.

EC2 lets an account make five TerminateInstances calls a second, each for up to a thousand instances (EC2 developer
guide, "Request throttling"). So whoever is told to slow down writes down what it wants ended and looks again a little
later; the next call, whoever makes it, is for all that is written down. Nothing relies on it: what is forgotten here is
ended by Release.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from functions.execution.ports import Machines, MachineTable
from functions.jobs.errors import Throttled


@dataclass(frozen=True)
class TerminationBatcher:
    machine_table: MachineTable
    machines: Machines
    waits: Sequence[float]  # seconds between tries within one call
    sleep: Callable[[float], None]

    def end(self, instance_ids: Sequence[str]) -> Mapping[str, str]:
        """Asks for the machines' end; EC2's state for each that it answered for.

        Raises:
            Throttled: EC2 did not get to it.
        """
        try:
            return self.machines.terminate_all(instance_ids)
        except Throttled:
            self.machine_table.queue_ends(instance_ids)
        for wait in self.waits:
            self.sleep(wait)
            queued = self.machine_table.queued_ends()
            if not set(instance_ids) & set(queued):
                return dict.fromkeys(instance_ids, "shutting-down")  # another call was for these too
            try:
                states = self.machines.terminate_all(queued)
            except Throttled:
                continue
            self.machine_table.unqueue_ends(queued)
            return states
        raise Throttled(f"EC2 did not get to terminating {', '.join(instance_ids)}")
