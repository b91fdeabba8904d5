"""What a stack will want of the AWS account and region that it is deployed to; only asks, changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from infra.config import DEFAULT_ROOT_DEVICE, StackConfig
from infra.network import FEWEST_ZONES, MOST_ZONES
from operations.finding import Finding, Verdict
from operations.quotas import LAMBDA_CONCURRENCY, VPCS, Quota, machine_quota

# Service → a boto3 client in the stack's region.
Clients = Callable[[str], Any]
Check = Callable[[Clients, StackConfig], Iterator[Finding]]

# With a lower limit, a burst of jobs during normal use of the page is throttled and retried all the time.
ENOUGH_FUNCTIONS = 100
# What has to stay for functions without a reservation (Lambda API reference, PutFunctionConcurrency). Accounts whose
# limit is below it have got errors with other numbers, 10 and 50, and could reserve nothing either.
UNRESERVED_FUNCTIONS = 100
_SETTINGS = "mayfly:instanceTypes and mayfly:allowedInstanceTypes"
_SPOT_ROLE = "AWSServiceRoleForEC2Spot"
_NOT_ENABLED = {"AuthFailure", "OptInRequired", "UnrecognizedClientException"}
_NO_ENTITY = {"NoSuchEntity"}


def check_account(
    clients: Clients, config: StackConfig, region: str, refusal: Callable[[str], str | None] = lambda _: None
) -> Iterator[Finding]:
    """Looks at everything; at nothing further where credentials do not work or the region is not enabled.

    `refusal` says why nothing is to be deployed to an account, if it is not.
    """
    first = next(_credentials(clients, refusal))
    yield first
    if first.verdict is Verdict.FAIL:
        return
    found = list(_answered("region", _region(clients, region)))
    yield from found
    if any(finding.verdict is Verdict.FAIL for finding in found):
        return
    for subject, check in _CHECKS.items():
        yield from _answered(subject, check(clients, config))


def _answered(subject: str, findings: Iterator[Finding]) -> Iterator[Finding]:
    """The findings; if AWS refuses a call, a finding about that replaces the remaining ones."""
    try:
        yield from findings
    except ClientError as error:
        seen = f"{error.operation_name} is refused: {error.response['Error']['Code']}"
        yield Finding(
            subject, Verdict.WARN, seen, "Run this with credentials that allow the call, or look in the console."
        )
    except BotoCoreError as error:
        yield Finding(subject, Verdict.WARN, str(error), "See that AWS can be reached from here.")


def _credentials(clients: Clients, refusal: Callable[[str], str | None]) -> Iterator[Finding]:
    try:
        caller = clients("sts").get_caller_identity()
    except (ClientError, BotoCoreError) as error:
        yield Finding("credentials", Verdict.FAIL, str(error), "Sign in to AWS again; `aws sts get-caller-identity`.")
        return
    if why := refusal(caller["Account"]):
        remedy = "Sign in to another account, or set another aws:profile or aws:assumeRoles."
        yield Finding("credentials", Verdict.FAIL, why, remedy)
    else:
        yield Finding("credentials", Verdict.OK, f"account {caller['Account']} as {caller['Arn']}")


def _region(clients: Clients, region: str) -> Iterator[Finding]:
    remedy = "Enable it for the account (Account, AWS Regions), or set another: pulumi config set aws:region ..."
    answer = _unless(_NOT_ENABLED, clients("ec2").describe_regions, RegionNames=[region], AllRegions=True)
    if answer is None:
        yield Finding("region", Verdict.FAIL, f"{region} does not take these credentials", remedy)
    elif answer["Regions"][0]["OptInStatus"] == "not-opted-in":
        yield Finding("region", Verdict.FAIL, f"{region} is not enabled", remedy)
    else:
        yield Finding("region", Verdict.OK, region)


def _zones(clients: Clients, config: StackConfig) -> Iterator[Finding]:
    """Zones, and in which of them the machine types are offered."""
    ec2 = clients("ec2")
    listed = ec2.describe_availability_zones(
        Filters=[
            {"Name": "state", "Values": ["available"]},
            {"Name": "opt-in-status", "Values": ["opt-in-not-required"]},
        ]
    )["AvailabilityZones"]
    zones = sorted(zone["ZoneName"] for zone in listed)[:MOST_ZONES]
    if len(zones) < FEWEST_ZONES:
        seen = f"{len(zones)} of them; a stack wants {FEWEST_ZONES}"
        yield Finding("zones", Verdict.FAIL, seen, "Choose another region: pulumi config set aws:region ...")
        return
    offers: dict[str, set[str]] = {each: set() for each in config.launchable_types}
    pages = ec2.get_paginator("describe_instance_type_offerings").paginate(
        LocationType="availability-zone",
        Filters=[
            {"Name": "instance-type", "Values": list(config.launchable_types)},
            {"Name": "location", "Values": zones},
        ],
    )
    for page in pages:
        for offer in page["InstanceTypeOfferings"]:
            offers[offer["InstanceType"]].add(offer["Location"])
    nowhere = not any(offers[machine] for machine in config.instance_types)
    for machine, places in offers.items():
        seen = f"{machine} in {', '.join(sorted(places)) or 'none'} of {', '.join(zones)}"
        if places:
            yield Finding("zones", Verdict.OK, seen)
        else:
            remedy = f"Take it out of {_SETTINGS}, or choose another region."
            yield Finding("zones", Verdict.FAIL if nowhere else Verdict.WARN, seen, remedy)


def _machines(clients: Clients, config: StackConfig) -> Iterator[Finding]:
    """Whether the types fit the stack, and how many machines the quotas leave room for."""
    filters = [{"Name": "instance-type", "Values": list(config.launchable_types)}]
    pages = clients("ec2").get_paginator("describe_instance_types").paginate(Filters=filters)
    known = {found["InstanceType"]: found for page in pages for found in page["InstanceTypes"]}
    for machine in config.launchable_types:
        yield _machine_type(machine, known.get(machine), config)
    vcpus = {
        machine: found["VCpuInfo"]["DefaultVCpus"]
        for machine, found in known.items()
        if machine in config.instance_types
    }
    yield from _machine_quotas(clients, config, vcpus)


def _machine_type(machine: str, found: Any, config: StackConfig) -> Finding:
    if found is None:
        return Finding("machines", Verdict.FAIL, f"{machine} is unknown here", f"Correct {_SETTINGS}.")
    processors = found["ProcessorInfo"]["SupportedArchitectures"]
    if config.architecture not in processors:
        seen = f"{machine} has {' or '.join(processors)}, the stack's images are {config.architecture}"
        return Finding("machines", Verdict.FAIL, seen, f"Let mayfly:architecture and {_SETTINGS} fit.")
    if "spot" in config.markets and "spot" not in found["SupportedUsageClasses"]:
        return Finding("machines", Verdict.WARN, f"{machine} is not sold as spot", "Mind that with mayfly:markets.")
    return Finding("machines", Verdict.OK, f"{machine}: {found['VCpuInfo']['DefaultVCpus']} vCPUs, {processors[0]}")


def _machine_quotas(clients: Clients, config: StackConfig, vcpus: dict[str, int]) -> Iterator[Finding]:
    """One finding a quota, told in machines of the first type that counts towards it."""
    firsts: dict[Quota, str] = {}
    for market in config.markets:
        for machine in vcpus:
            quota = machine_quota(machine, market)
            if quota:
                firsts.setdefault(quota, machine)
    room = {quota: int(_value(clients, quota) // vcpus[machine]) for quota, machine in firsts.items()}
    wanted = config.max_concurrent_jobs + config.pool_size  # those of the pool count while they are being prepared
    for quota, machine in firsts.items():
        seen = f"{quota.name} ({quota.code}): room for {room[quota]} x {machine}; the stack may want {wanted}"
        if room[quota] >= wanted:
            yield Finding("machines", Verdict.OK, seen)
        else:
            verdict = Verdict.WARN if any(room.values()) else Verdict.FAIL
            yield Finding("machines", verdict, seen, f"Further jobs will wait in the queue. {quota.request}")


def _functions(clients: Clients, config: StackConfig) -> Iterator[Finding]:
    limit = clients("lambda").get_account_settings()["AccountLimit"]
    at_once, unreserved = limit["ConcurrentExecutions"], limit["UnreservedConcurrentExecutions"]
    seen = f"{at_once} at once in the whole account ({LAMBDA_CONCURRENCY.code}), {unreserved} of them not reserved"
    wanted = config.api_concurrency
    left = unreserved + (_reserved(clients, f"{config.prefix}-api") if wanted else 0) - wanted
    if wanted and left < UNRESERVED_FUNCTIONS:
        seen = (
            f"{seen}; mayfly:apiConcurrency {wanted} would leave {left}, and Lambda wants {UNRESERVED_FUNCTIONS} left"
        )
        remedy = f"Set mayfly:apiConcurrency to 0 until there is more: {LAMBDA_CONCURRENCY.request}"
        yield Finding("functions", Verdict.FAIL, seen, remedy)
    elif at_once >= ENOUGH_FUNCTIONS:
        yield Finding("functions", Verdict.OK, seen)
    else:
        yield Finding("functions", Verdict.WARN, seen, f"Bursts will be slow. {LAMBDA_CONCURRENCY.request}")


def _reserved(clients: Clients, function: str) -> int:
    """What an earlier deployment of the stack has reserved for the function; a new reservation takes its place."""
    ask = clients("lambda").get_function_concurrency
    answer = _unless({"ResourceNotFoundException"}, ask, FunctionName=function) or {}
    return int(answer.get("ReservedConcurrentExecutions", 0))


def _networks(clients: Clients, config: StackConfig) -> Iterator[Finding]:
    name = config.prefix
    pages = clients("ec2").get_paginator("describe_vpcs").paginate()
    vpcs = [vpc for page in pages for vpc in page["Vpcs"]]
    most = int(_value(clients, VPCS))
    seen = f"{len(vpcs)} of {most} ({VPCS.code})"
    stacks = [tag["Value"] for vpc in vpcs for tag in vpc.get("Tags", []) if tag["Key"] == "mayfly:stack"]
    if len(vpcs) < most or config.stack in stacks:
        yield Finding("networks", Verdict.OK, seen)
    else:
        remedy = f"Remove an unused VPC, or: {VPCS.request}"
        yield Finding("networks", Verdict.FAIL, f"{seen}, and {name} wants one of its own", remedy)


def _image(clients: Clients, config: StackConfig) -> Iterator[Finding]:
    parameter, remedy = config.image_parameter, "Correct mayfly:machineImageParameter."
    answer = _unless({"ParameterNotFound"}, clients("ssm").get_parameter, Name=parameter)
    if answer is None:
        yield Finding("image", Verdict.FAIL, f"there is no {parameter}", remedy)
        return
    image_id = answer["Parameter"]["Value"]
    images = clients("ec2").describe_images(ImageIds=[image_id])["Images"]
    if not images:
        yield Finding("image", Verdict.FAIL, f"{parameter} names {image_id}, which is not there", remedy)
        return
    (image,) = images
    root = next(each for each in image["BlockDeviceMappings"] if each["DeviceName"] == image["RootDeviceName"])
    size = root["Ebs"]["VolumeSize"]
    seen = f"{image_id}: {image['Architecture']}, {size} GiB, from {parameter}"
    if not config.machine_image_parameter and image["RootDeviceName"] != DEFAULT_ROOT_DEVICE:
        # infra/machines.py asks for the name where the parameter is set, and only there.
        remedy = f"Set it, so that it is asked for: pulumi config set mayfly:machineImageParameter {parameter}"
        seen = f"{seen}; its root device is {image['RootDeviceName']}, not {DEFAULT_ROOT_DEVICE}"
        yield Finding("image", Verdict.FAIL, seen, remedy)
    elif image["Architecture"] != config.architecture:
        yield Finding("image", Verdict.FAIL, f"{seen}; the stack is {config.architecture}", remedy)
    elif size > config.machine_disk_gib:
        yield Finding("image", Verdict.FAIL, seen, f"Set mayfly:machineDiskGib to {size} at least.")
    else:
        yield Finding("image", Verdict.OK, seen)


def _boundary(clients: Clients, config: StackConfig) -> Iterator[Finding]:
    if config.permissions_boundary is None:
        yield Finding("boundary", Verdict.OK, "none is configured")
    elif _unless(_NO_ENTITY, clients("iam").get_policy, PolicyArn=config.permissions_boundary) is None:
        seen = f"there is no {config.permissions_boundary}"
        yield Finding("boundary", Verdict.FAIL, seen, "Create the policy, or correct mayfly:permissionsBoundary.")
    else:
        yield Finding("boundary", Verdict.OK, config.permissions_boundary)


def _spot_role(clients: Clients, config: StackConfig) -> Iterator[Finding]:
    """Without it EC2 launches no spot instance (EC2 user guide, "Service-linked role for Spot Instance requests")."""
    if "spot" not in config.markets:
        return
    if _unless(_NO_ENTITY, clients("iam").get_role, RoleName=_SPOT_ROLE) is None:
        seen = f"there is no {_SPOT_ROLE}; the first spot machine creates it, if the permissions boundary lets it"
        remedy = "Better now: aws iam create-service-linked-role --aws-service-name spot.amazonaws.com"
        yield Finding("spot", Verdict.WARN, seen, remedy)
    else:
        yield Finding("spot", Verdict.OK, _SPOT_ROLE)


def _unless(codes: Container[str], call: Callable[..., Any], **arguments: Any) -> Any:
    """What AWS answers; None where it refuses the call with one of the error codes."""
    try:
        return call(**arguments)
    except ClientError as error:
        if error.response["Error"]["Code"] in codes:
            return None
        raise


def _value(clients: Clients, quota: Quota) -> float:
    answer = clients("service-quotas").get_service_quota(ServiceCode=quota.service, QuotaCode=quota.code)
    return float(answer["Quota"]["Value"])


_CHECKS: dict[str, Check] = {
    "zones": _zones,
    "machines": _machines,
    "functions": _functions,
    "networks": _networks,
    "image": _image,
    "boundary": _boundary,
    "spot": _spot_role,
}
