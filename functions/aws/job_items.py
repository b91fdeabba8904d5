"""Jobs as items of the job table, there and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from types import NoneType
from typing import Any, TypeVar

from functions.aws.attribute_values import Item
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

_Record = TypeVar("_Record", Job, MachineReceipt)
_PLAIN: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "str | None": (str, NoneType),
    "int | None": (int, NoneType),
}

_KINDS = {
    kind: [(each.name, _PLAIN[str(each.type)]) for each in fields(kind) if str(each.type) in _PLAIN]
    for kind in (Job, MachineReceipt)
}
JOB_FIELDS = tuple(each.name for each in fields(Job))

# Name of the sparse index over the jobs that have not ended, of its hash key, and of that key's only value.
OPEN_INDEX = "open"


def to_item(job: Job, names: Sequence[str] = JOB_FIELDS) -> Item:
    """The attributes of some fields, by name; what is None has no attribute.

    With the status, a job that has not ended also has the attribute `open`, the hash key of the index that the sweeper
    reads.
    """
    values = {name: _stored(getattr(job, name)) for name in names}
    if "status" in names and not job.status.is_terminal:
        values[OPEN_INDEX] = OPEN_INDEX
    return {name: value for name, value in values.items() if value is not None}


def _stored(value: Any) -> Any:
    if isinstance(value, Overrides):
        return {name: each for name, each in vars(value).items() if each is not None} or None
    if isinstance(value, JobStatus):
        return value.value
    if isinstance(value, tuple):
        return [vars(each) for each in value]
    return vars(value) if is_dataclass(value) else value


def from_item(item: Item) -> Job:
    """Attributes that this version does not know are left aside; they stay in the table.

    Raises:
        AttributeError, KeyError, TypeError, ValueError: it is no job that this version can read.
    """
    values = _known(item, Job)
    values["status"] = JobStatus(values["status"])
    values["timeline"] = tuple(TimelineEvent(**_known(event, TimelineEvent)) for event in values["timeline"])
    # A job whose receipts are gone is carried on without them.
    values["machines"] = tuple(machine_from(machine) for machine in values.get("machines", ()))
    values["overrides"] = Overrides(**_known(values.get("overrides", {}), Overrides))
    if values.get("error"):
        values["error"] = JobError(**_known(values["error"], JobError))
    if values.get("program"):
        program = _known(values["program"], Program)
        values["program"] = Program(**program | {"command": tuple(program["command"])})
    if values.get("manifest"):
        values["manifest"] = StoredManifest(**_known(values["manifest"], StoredManifest))
    return _checked(Job(**values), ("created_at", "updated_at"))


def machine_from(attributes: Mapping[str, Any]) -> MachineReceipt:
    """A machine's record out of an item's map."""
    known = _known(attributes, MachineReceipt)
    record = MachineReceipt(**known | {"commands": tuple(known["commands"])})
    return _checked(record, ("launched_at", "terminated_at"))


def _checked(record: _Record, times: Sequence[str]) -> _Record:
    """The record, if its texts are texts, its numbers whole, and its times RFC 3339; else TypeError or ValueError."""
    for name, kinds in _KINDS[type(record)]:
        if not isinstance(getattr(record, name), kinds):
            raise TypeError(f"{name} is {getattr(record, name)!r}")
    for name in times:
        if getattr(record, name) is not None:
            datetime.fromisoformat(getattr(record, name))
    return record


def _known(attributes: Mapping[str, Any], kind: type[Any]) -> dict[str, Any]:
    """What this version has a field for: a newer one, that was rolled back, may have written more."""
    return {name: attributes[name] for name in kind.__dataclass_fields__ if name in attributes}
