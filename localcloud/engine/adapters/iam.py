"""IAM roles, their policies, instance profiles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localcloud.engine.adapters.adapter import ID, Adapter, Created, carries, deletes
from localcloud.engine.aws import Aws
from localcloud.engine.inputs import Desired
from localcloud.engine.policy_rules import IDENTITY, TRUST, checked_policy


@carries("aws:iam/role:Role")
class Role(Adapter):
    """A role; policies are resources of their own (`inlinePolicies` and `managedPolicyArns` are refused)."""

    replaced_by = ("name",)  # iam/role.go
    longest_name = 64  # user guide, "IAM and AWS STS quotas"
    delete = deletes("iam", "delete_role", RoleName=ID)

    def create(self, aws: Aws, desired: Desired) -> Created:
        inputs, name = desired.inputs, desired.physical_name()
        role = aws.client("iam").create_role(
            RoleName=name,
            AssumeRolePolicyDocument=checked_policy(inputs["assumeRolePolicy"], TRUST),
            **inputs.take("description", "permissionsBoundary"),
            Tags=desired.tags,
        )["Role"]
        return Created(name, {"name": name, "arn": role["Arn"], "uniqueId": role["RoleId"]})

    def update(self, aws: Aws, resource_id: str, desired: Desired, state: Mapping[str, Any]) -> dict[str, Any]:
        iam, inputs = aws.client("iam"), desired.inputs
        policy = checked_policy(inputs["assumeRolePolicy"], TRUST)
        iam.update_assume_role_policy(RoleName=resource_id, PolicyDocument=policy)
        iam.update_role(RoleName=resource_id, **inputs.take("description"))
        boundary = inputs.get("permissionsBoundary")
        if boundary:
            iam.put_role_permissions_boundary(RoleName=resource_id, PermissionsBoundary=boundary)
        elif state.get("permissionsBoundary"):
            iam.delete_role_permissions_boundary(RoleName=resource_id)
        return {}

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        role = aws.client("iam").get_role(RoleName=resource_id)["Role"]
        boundary = role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
        policy = role["AssumeRolePolicyDocument"]
        return self.live({**role, "AssumeRolePolicy": policy, "PermissionsBoundary": boundary})


@carries("aws:iam/rolePolicy:RolePolicy")
class RolePolicy(Adapter):
    replaced_by = ("role", "name")  # iam/role_policy.go
    longest_name = 128  # API reference, PutRolePolicy
    is_put = True
    delete = deletes("iam", "delete_role_policy", RoleName="role", PolicyName="name")

    def create(self, aws: Aws, desired: Desired) -> Created:
        role, name = desired.inputs["role"], desired.physical_name()
        policy = checked_policy(desired.inputs["policy"], IDENTITY)
        aws.client("iam").put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=policy)
        return Created(f"{role}:{name}", {"name": name})

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        answer = aws.client("iam").get_role_policy(RoleName=state["role"], PolicyName=state["name"])
        return self.live({"Policy": answer["PolicyDocument"]})


@carries("aws:iam/instanceProfile:InstanceProfile")
class InstanceProfile(Adapter):
    replaced_by = ("name",)  # iam/instance_profile.go
    longest_name = 128  # user guide, "IAM and AWS STS quotas"
    changeable = ()

    def create(self, aws: Aws, desired: Desired) -> Created:
        iam, name = aws.client("iam"), desired.physical_name()
        profile = iam.create_instance_profile(InstanceProfileName=name, Tags=desired.tags)["InstanceProfile"]
        role = desired.inputs.get("role")
        if role:
            iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=role)
        return Created(name, {"name": name, "arn": profile["Arn"], "uniqueId": profile["InstanceProfileId"]})

    def delete(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> None:
        iam = aws.client("iam")
        if state.get("role"):
            iam.remove_role_from_instance_profile(InstanceProfileName=resource_id, RoleName=state["role"])
        iam.delete_instance_profile(InstanceProfileName=resource_id)

    def read(self, aws: Aws, resource_id: str, state: Mapping[str, Any]) -> dict[str, Any]:
        profile = aws.client("iam").get_instance_profile(InstanceProfileName=resource_id)["InstanceProfile"]
        return {"role": next((role["RoleName"] for role in profile["Roles"]), None)}
