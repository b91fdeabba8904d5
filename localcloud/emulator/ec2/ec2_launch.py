"""RunInstances, TerminateInstances, StopInstances and StartInstances, on machines that really run.

Upstream MiniStack ignores LaunchTemplate and ClientToken, and an instance there is only a record unless its image is
registered with a container. Here every image boots a machine.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from typing import Any
from xml.sax.saxutils import escape

from ministack.core.responses import get_account_id, get_region
from ministack.services import ec2, ssm

from localcloud.emulator.ec2 import ec2_records, spot_role, visibility
from localcloud.emulator.ec2.ec2_parameters import Ec2Error, Parameters, read_launch, read_market_options
from localcloud.emulator.ec2.ec2_records import (
    ARM_IMAGE_ID,
    Reservation,
    Response,
    create_record,
    forget_root_volumes,
    resolve_profile,
)
from localcloud.emulator.ec2.instance_registry import InstanceRegistry
from localcloud.emulator.ec2.machines import Machine
from localcloud.emulator.faults import Faults
from localcloud.emulator.settings import Scope

ARM_IMAGE_PARAMETER = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"


class Ec2Launcher:
    """The handlers, over one instance registry."""

    def __init__(self, instances: InstanceRegistry, faults: Faults) -> None:
        self._instances = instances
        self._faults = faults
        self._reservations: dict[tuple[str, str, str], Reservation] = {}

    def run_instances(self, params: Parameters) -> Response:
        token = ec2._p(params, "ClientToken")
        key = (get_account_id(), get_region(), token)
        fingerprint = _fingerprint(params)
        if token and key in self._reservations:
            earlier = self._reservations[key]
            if earlier.fingerprint != fingerprint:
                message = (
                    "Arguments on this idempotent request are inconsistent with arguments used in previous request(s)."
                )
                raise Ec2Error("IdempotentParameterMismatch", message)
            return earlier.answer()
        launch = read_launch(params)
        profile = resolve_profile(launch)
        if self._faults.take("insufficient_capacity"):
            raise _insufficient_capacity(launch.instance_type, launch.subnet["AvailabilityZone"])
        if launch.is_spot:
            spot_role.create()
        records = [create_record(launch, profile, token) for _ in range(launch.count)]
        scope = Scope(get_account_id(), get_region())
        for record in records:
            visibility.hide(record, self._faults.plan.invisible_for_s)
            self._instances.launch(record, scope)
        reservation = Reservation(fingerprint, f"r-{secrets.token_hex(9)[:17]}", records)
        if token:
            self._reservations[key] = reservation
        return reservation.answer()

    def terminate_instances(self, params: Parameters) -> Response:
        machines = self._machines(params)
        if self._faults.take("fail_terminate"):
            raise Ec2Error("InternalError", "An internal error has occurred", 500)

        def end(machine: Machine) -> None:
            machine.terminate("Client.UserInitiatedShutdown: User initiated shutdown")
            forget_root_volumes(machine.record)

        return _state_changes("TerminateInstancesResponse", machines, end)

    def stop_instances(self, params: Parameters) -> Response:
        reason = "Client.UserInitiatedShutdown: User initiated shutdown"
        return _state_changes("StopInstancesResponse", self._machines(params), lambda machine: machine.stop(reason))

    def start_instances(self, params: Parameters) -> Response:
        machines = self._machines(params)
        for machine in machines:
            if machine.state not in {"stopped", "pending", "running"}:
                message = f"The instance '{machine.id}' is not in a state from which it can be started."
                raise Ec2Error("IncorrectInstanceState", message)
        if self._faults.take("insufficient_capacity"):
            record = machines[0].record
            raise _insufficient_capacity(record["InstanceType"], record["Placement"]["AvailabilityZone"])

        def start(machine: Machine) -> None:
            if machine.state == "stopped":  # starting one that runs is no error, and changes nothing
                machine.start_again()

        return _state_changes("StartInstancesResponse", machines, start)

    def _machines(self, params: Parameters) -> list[Machine]:
        ids = ec2._parse_member_list(params, "InstanceId")
        visibility.check_known(ids)
        return [machine for machine in map(self._instances.get, ids) if machine is not None]


def install(instances: InstanceRegistry, faults: Faults) -> None:
    launcher = Ec2Launcher(instances, faults)
    handlers = {
        "RunInstances": launcher.run_instances,
        "TerminateInstances": launcher.terminate_instances,
        "StopInstances": launcher.stop_instances,
        "StartInstances": launcher.start_instances,
        "DescribeInstances": visibility.of_known(ec2._ACTION_MAP["DescribeInstances"], "InstanceId"),
        "CreateTags": visibility.of_known(ec2._ACTION_MAP["CreateTags"], "ResourceId"),
    }
    ec2._ACTION_MAP.update({action: _answering_errors(handler) for action, handler in handlers.items()})
    visibility.install()
    ec2._parse_lt_data = _with_market_options(ec2._parse_lt_data)
    ec2._instance_xml = ec2_records.with_lifecycle(ec2._instance_xml)
    ssm._PUBLIC_AMI_PARAMETERS.setdefault(ARM_IMAGE_PARAMETER, ARM_IMAGE_ID)


def _answering_errors(handler: Callable[[Parameters], Response]) -> Callable[[Parameters], Response]:
    def handle(params: Parameters) -> Response:
        try:
            return handler(params)
        except Ec2Error as error:
            answer: Response = ec2._error(error.code, escape(error.message), error.status)
            return answer

    return handle


def _with_market_options(parse: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def parse_data(params: Parameters, prefix: str = "LaunchTemplateData") -> dict[str, Any]:
        data = parse(params, prefix)
        market = read_market_options(params, prefix)
        return {**data, "InstanceMarketOptions": market} if market else data

    return parse_data


def _fingerprint(params: Parameters) -> str:
    ignored = {"Action", "Version", "ClientToken"}
    return json.dumps({key: value for key, value in params.items() if key not in ignored}, sort_keys=True)


def _insufficient_capacity(instance_type: str, zone: str) -> Ec2Error:
    message = (
        f"We currently do not have sufficient {instance_type} capacity in the Availability Zone you requested "
        f"({zone}). Our system will be working on provisioning additional capacity."
    )
    return Ec2Error("InsufficientInstanceCapacity", message, 500)


def _state_changes(root: str, machines: list[Machine], change: Callable[[Machine], None]) -> Response:
    items = ""
    for machine in machines:
        before = machine.record["State"]
        change(machine)
        after = machine.record["State"]
        items += (
            f"<item><instanceId>{machine.id}</instanceId>"
            f"<currentState><code>{after['Code']}</code><name>{after['Name']}</name></currentState>"
            f"<previousState><code>{before['Code']}</code><name>{before['Name']}</name></previousState></item>"
        )
    answer: Response = ec2._xml(200, root, f"<instancesSet>{items}</instancesSet>")
    return answer
