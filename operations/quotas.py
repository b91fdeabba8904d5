"""The quotas of an account that a stack can run into, by the codes that Service Quotas knows them by."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Quota:
    """`service` and `code` as Service Quotas has them; `name` as its console shows it."""

    service: str
    code: str
    name: str

    @property
    def request(self) -> str:
        """The command that asks for more."""
        return (
            "aws service-quotas request-service-quota-increase"
            f" --service-code {self.service} --quota-code {self.code} --desired-value ..."
        )


LAMBDA_CONCURRENCY = Quota("lambda", "L-B99A9384", "Concurrent executions")
VPCS = Quota("vpc", "L-F678F1CE", "VPCs per Region")

_STANDARD = ("a", "c", "d", "h", "i", "m", "r", "t", "z")
# Letters that a machine type begins with → codes on demand and spot (EC2 user guide, "On-Demand Instance quotas" and
# "Spot Instance quotas"). All count vCPUs.
_MACHINES: dict[tuple[str, ...], tuple[str, str, str]] = {
    _STANDARD: ("Standard (A, C, D, H, I, M, R, T, Z)", "L-1216C47A", "L-34B43A08"),
    ("dl",): ("DL", "L-6E869C2A", "L-85EED4F7"),
    ("f",): ("F", "L-74FC7D96", "L-88CF9481"),
    ("g", "gr", "vt"): ("G and VT", "L-DB2E81BA", "L-3819A6DF"),
    ("inf",): ("Inf", "L-1945791B", "L-B5D1601B"),
    ("p",): ("P", "L-417A185B", "L-7212CCBC"),
    ("trn",): ("Trn", "L-2C3B7624", "L-6B0D517C"),
    ("x",): ("X", "L-7295265B", "L-E3A00192"),
}
# Storage and accelerator families whose names have two letters count as Standard.
_STANDARD_TOO = ("im", "is")


def machine_quota(instance_type: str, market: str) -> Quota | None:
    """The quota of vCPUs that a type counts towards; None for families that are not listed above."""
    letters = re.match(r"[a-z]+", instance_type)
    family = letters[0] if letters else ""
    for families, (name, on_demand, spot) in _MACHINES.items():
        if family in families or (families is _STANDARD and family in _STANDARD_TOO):
            if market == "spot":
                return Quota("ec2", spot, f"All {name} Spot Instance Requests")
            return Quota("ec2", on_demand, f"Running On-Demand {name} instances")
    return None
