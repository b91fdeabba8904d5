"""What is known of a stack before anything of it exists: its configuration, and where it is."""

from __future__ import annotations

from dataclasses import dataclass

from infra.config import StackConfig


@dataclass(frozen=True)
class Stack:
    config: StackConfig
    region: str
    account_id: str

    @property
    def state_machine_name(self) -> str:
        return f"{self.config.prefix}-jobs"

    @property
    def state_machine_arn(self) -> str:
        """The state machine's steps, which it needs, need it, and nothing else has to wait for it."""
        return self.arn("states", f"stateMachine:{self.state_machine_name}")

    def arn(self, service: str, resource: str) -> str:
        return f"arn:aws:{service}:{self.region}:{self.account_id}:{resource}"
