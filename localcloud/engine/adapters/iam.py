"""IAM roles, their policies, instance profiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localcloud.engine.adapters.adapter import Adapter, Created, carries
from localcloud.engine.policy_rules import IDENTITY, TRUST, checked_policy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localcloud.engine.aws import Aws
    from localcloud.engine.inputs import Desired


@carries("aws:iam/role:Role")
class Role(Adapter):
    """A role; policies are resources of their own (`inlinePolicies` and `managedPolicyArns` are refused)."""

    def create(self, aws: Aws, desired: Desired) -> Created:
        inputs, name = desired.inputs, desired.physical_name()
        inputs.get("forceDetachPolicies")  # about deletion only; the engine deletes attachments first
        role = aws.client("iam").create_role(
            RoleName=name,
            AssumeRolePolicyDocument=checked_policy(inputs["assumeRolePolicy"], TRUST),
            **inputs.pick("description", "path", "maxSessionDuration", "permissionsBoundary"),
            **({"Tags": desired.tag_list} if desired.tags else {}),
        )["Role"]
        return Created(name, {"name": name, "arn": role["Arn"], "uniqueId": role["RoleId"]})

    def delete(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        del state
        aws.client("iam").delete_role(RoleName=resource_id)


@carries("aws:iam/rolePolicy:RolePolicy")
class RolePolicy(Adapter):
    def create(self, aws: Aws, desired: Desired) -> Created:
        role, name = desired.inputs["role"], desired.physical_name()
        policy = checked_policy(desired.inputs["policy"], IDENTITY)
        aws.client("iam").put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=policy)
        return Created(f"{role}:{name}", {"name": name})

    def delete(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        del resource_id
        aws.client("iam").delete_role_policy(RoleName=state["role"], PolicyName=state["name"])


@carries("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
class RolePolicyAttachment(Adapter):
    def create(self, aws: Aws, desired: Desired) -> Created:
        role, policy = desired.inputs["role"], desired.inputs["policyArn"]
        aws.client("iam").attach_role_policy(RoleName=role, PolicyArn=policy)
        return Created(f"{role}/{policy}")

    def delete(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        del resource_id
        aws.client("iam").detach_role_policy(RoleName=state["role"], PolicyArn=state["policyArn"])


@carries("aws:iam/instanceProfile:InstanceProfile")
class InstanceProfile(Adapter):
    def create(self, aws: Aws, desired: Desired) -> Created:
        iam, name = aws.client("iam"), desired.physical_name()
        profile = iam.create_instance_profile(
            InstanceProfileName=name,
            **desired.inputs.pick("path"),
            **({"Tags": desired.tag_list} if desired.tags else {}),
        )["InstanceProfile"]
        role = desired.inputs.get("role")
        if role:
            iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=role)
        return Created(name, {"name": name, "arn": profile["Arn"], "uniqueId": profile["InstanceProfileId"]})

    def delete(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        iam = aws.client("iam")
        if state.get("role"):
            iam.remove_role_from_instance_profile(InstanceProfileName=resource_id, RoleName=state["role"])
        iam.delete_instance_profile(InstanceProfileName=resource_id)
