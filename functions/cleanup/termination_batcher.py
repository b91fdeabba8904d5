"""Batches terminations when many machines end at once: throttled requests share later calls.

EC2 lets an account make five TerminateInstances calls a second, each for up to a thousand instances (EC2 developer
guide, "Request throttling"). So a throttled invocation queues its instances and tries again a little
later; the next call, by any invocation, terminates all queued instances. Nothing relies on the queue: Release ends
instances that were lost here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from functions.execution.ports import Machines, MachineTable
from functions.jobs.errors import Throttled

# TerminateInstances gets five calls a second back.
THROTTLE_WAITS = (0.4, 0.8, 1.6)
# What one call may name (EC2 API reference, TerminateInstances).
_MOST_AT_ONCE = 1_000


@dataclass(frozen=True)
class TerminationBatcher:
    machine_table: MachineTable
    machines: Machines
    waits: Sequence[float]  # seconds between tries within one call
    sleep: Callable[[float], None]

    def end(self, instance_ids: Sequence[str]) -> Mapping[str, str]:
        """Terminates the machines; EC2's state for each that it knows.

        Raises:
            Throttled: EC2 accepted no call in time.
        """
        try:
            return self.machines.terminate_all(instance_ids)
        except Throttled:
            self.machine_table.queue_ends(instance_ids)
        for wait in self.waits:
            self.sleep(wait)
            queued = self.machine_table.queued_ends()
            own = [one for one in instance_ids if one in queued]
            if not own:
                return dict.fromkeys(instance_ids, "shutting-down")  # another call has terminated these
            batch = [*own, *(one for one in queued if one not in own)][:_MOST_AT_ONCE]
            try:
                states = self.machines.terminate_all(batch)
            except Throttled:
                continue
            self.machine_table.unqueue_ends(batch)
            return states
        raise Throttled(f"EC2 did not accept the termination of {', '.join(instance_ids)}")
