"""Jobs as DynamoDB items, there and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from types import NoneType
from typing import Any, TypeVar

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from functions.jobs.job import (
    Job,
    JobError,
    JobStatus,
    MachineReceipt,
    Overrides,
    Program,
    StoredManifest,
    TimelineEvent,
)

_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize

Item = dict[str, Any]
_Record = TypeVar("_Record", Job, MachineReceipt)
_PLAIN: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "str | None": (str, NoneType),
    "int | None": (int, NoneType),
}

# Name of the sparse index over the jobs that have not ended, of its hash key, and of that key's only value.
OPEN_INDEX = "open"


def to_item(job: Job) -> Item:
    """Attributes by name; what is None has no attribute.

    A job that has not ended also has the attribute `open`, the hash key of the index that the sweeper reads.
    """
    values = asdict(job) | {
        "timeline": [asdict(event) for event in job.timeline],
        "machines": [asdict(machine) for machine in job.machines],
        "status": job.status.value,
        "overrides": {name: value for name, value in asdict(job.overrides).items() if value is not None} or None,
    }
    if not job.status.is_terminal:
        values[OPEN_INDEX] = OPEN_INDEX
    return {name: _serialize(value) for name, value in values.items() if value is not None}


def from_item(item: Item) -> Job:
    """Attributes that this version does not know are left aside; they stay in the table.

    Raises:
        AttributeError, KeyError, TypeError, ValueError: it is no job that this version can read.
    """
    values = {name: _plain(_deserialize(value)) for name, value in _known(item, Job).items()}
    values["status"] = JobStatus(values["status"])
    values["timeline"] = tuple(TimelineEvent(**_known(event, TimelineEvent)) for event in values.get("timeline", ()))
    values["machines"] = tuple(machine_from(machine) for machine in values.get("machines", ()))
    overrides = _known(values.get("overrides", {}), Overrides)
    values["overrides"] = Overrides(**{name: _plain(value) for name, value in overrides.items()})
    if values.get("error"):
        values["error"] = JobError(**_known(values["error"], JobError))
    if values.get("program"):
        program = _known(values["program"], Program)
        values["program"] = Program(**program | {"command": tuple(program["command"])})
    if values.get("manifest"):
        values["manifest"] = StoredManifest(**_known(values["manifest"], StoredManifest))
    return _checked(Job(**values), ("created_at", "updated_at"))


def machine_from(attributes: Mapping[str, Any]) -> MachineReceipt:
    """A machine's record out of the map of a deserialized item."""
    known = {name: _plain(value) for name, value in _known(attributes, MachineReceipt).items()}
    record = MachineReceipt(**known | {"commands": tuple(known.get("commands", ()))})
    return _checked(record, ("launched_at", "terminated_at"))


def _checked(record: _Record, times: Sequence[str]) -> _Record:
    """The record, if its texts are texts, its numbers whole, and its times RFC 3339; else TypeError or ValueError."""
    for each in fields(record):
        kinds, value = _PLAIN.get(str(each.type)), getattr(record, each.name)
        if kinds is not None and not isinstance(value, kinds):
            raise TypeError(f"{each.name} is {value!r}")
    for name in times:
        if getattr(record, name) is not None:
            datetime.fromisoformat(getattr(record, name))
    return record


def _known(attributes: Mapping[str, Any], kind: type[Any]) -> dict[str, Any]:
    """What this version has a field for: a newer one, that was rolled back, may have written more."""
    return {field.name: attributes[field.name] for field in fields(kind) if field.name in attributes}


def _plain(value: Any) -> Any:
    """DynamoDB's numbers come as Decimal; all of ours are whole."""
    return int(value) if type(value).__name__ == "Decimal" else value
