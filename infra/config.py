"""The stack's configuration: read once, checked with messages that name the key, passed down frozen."""

from __future__ import annotations

import ipaddress
import json
import re
from dataclasses import dataclass

import pulumi

from infra.config_reader import ConfigError, ConfigReader, setting

__all__ = ["ConfigError", "Domain", "StackConfig"]

_AUTHS = ("cognito", "none")
_MFA = ("off", "required")
_ARCHITECTURES = ("arm64", "x86_64")
_MARKETS = ("spot", "on-demand")
_BUNDLE_TARGETS = ("lambda", "host")
_RUNTIME = re.compile(r"python3\.(\d+)")
_INSTANCE_TYPE = re.compile(r"[a-z0-9-]{1,12}\.[a-z0-9-]{1,14}")
# A function's environment takes 4 KB (Lambda developer guide, "Lambda quotas"); these, with their prices, are in it.
_MOST_TYPES, _MOST_ALLOWED_TYPES = 10, 15
_MOST_SCRIPT_CHARACTERS = 1_000
# A "g" right after the generation stands for Graviton, which all of EC2's arm64 families have but its first
# (EC2 instance types guide, "Instance type naming conventions").
_ARM64_FAMILY = re.compile(r"a1|[a-z]+\d+g[a-z0-9-]*")
# As Amazon Linux 2023 calls it.
DEFAULT_ROOT_DEVICE = "/dev/xvda"
# With the time for file and result it stays below SSM's longest executionTimeout, two days.
_LONGEST_TIMEOUT_MINUTES = 2_760
# Amounts are texts, as they are written: a binary float is not what it was written as.
_USD = re.compile(r"\d{1,9}(\.\d{1,10})?")
_PRICE = re.compile(rf"{_INSTANCE_TYPE.pattern} ({'|'.join(_MARKETS)}) {_USD.pattern}")
# As ec2_payload/wrapper/spec.py takes it.
_SUFFIX = re.compile(r"(\.[A-Za-z0-9]{1,16})?")
# Cognito sends people back without TLS to the browser's own computer alone (API reference, CreateUserPoolClient,
# CallbackURLs), and each of these origins is one that people come back to.
_ORIGIN = re.compile(r"(https://[A-Za-z0-9.-]+|http://(localhost|127\.0\.0\.1|\[::1\]))(:\d{1,5})?")
# CloudWatch Logs API reference, PutRetentionPolicy, up to a year.
_RETENTION_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365)
# One call of DescribeInstanceInformation asks for as many machines (SSM API reference).
_MOST_POOLED = 50
# API Gateway's own quota for an account and region, as it comes.
_MAX_REQUESTS_PER_SECOND = 10_000
# With fewer, the parallel requests of two open pages are throttled; accounts have 1,000 by default.
_API_CONCURRENCY = (5, 1_000)
_POLICY_ARN = re.compile(r"(arn:aws[a-z-]*:iam::(\d{12}|aws):policy/[\w+=,.@/-]+)?")
_HOST = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,}|")
# CloudFront takes certificates of this region alone (developer guide, "Requirements for using SSL/TLS certificates").
_CERTIFICATE = re.compile(r"(arn:aws[a-z-]*:acm:us-east-1:\d{12}:certificate/[\w-]+)?")
_EMAIL = re.compile(r"([^\s@]+@[^\s@]+\.[^\s@]+)?")
# The largest object one PUT or POST may store is 5 GiB (S3 user guide); the text comes on top of the input.
_MAX_UPLOAD_MIB = 5000


@dataclass(frozen=True)
class Domain:
    """The site's own host, and the ARN of the certificate that CloudFront shows for it."""

    name: str
    certificate: str


class _Reader(ConfigReader):
    def stack_name(self, name: str) -> str:
        # Bucket names, at most 63 characters, are made of it: mayfly-{stack}-artifacts-{7 hex digits}.
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,29}", name):
            raise ConfigError(
                f"The stack is called {name!r}; it must be 1 to 30 lower-case letters, digits and hyphens."
                " Nothing is deployed yet, so rename it with: pulumi stack rename ..."
            )
        return name

    def retention(self, key: str) -> int:
        days = self.number(key, 1, max(_RETENTION_DAYS))
        return self.checked(key, days, lambda value: value in _RETENTION_DAYS, f"one of {_RETENTION_DAYS}")

    def command(self, key: str) -> tuple[str, ...]:
        words = self.texts(key, re.compile(r"[^\x00]+"), "a word of a command")
        most = _MOST_SCRIPT_CHARACTERS
        return self.checked(
            key,
            words,
            lambda some: len(json.dumps(some)) <= most,
            f"at most {most} characters long",
            is_list=True,
        )

    def instance_types(self, key: str, at_least: int, at_most: int) -> tuple[str, ...]:
        meaning = f"an EC2 instance type, such as t4g.small, {at_most} at most"
        types = self.checked(
            key,
            self.texts(key, _INSTANCE_TYPE, meaning, at_least),
            lambda some: len(some) <= at_most,
            f"a list, each {meaning}",
            is_list=True,
        )
        architecture = self.one_of("architecture", _ARCHITECTURES)
        for each in types:
            is_arm64 = _ARM64_FAMILY.fullmatch(each.partition(".")[0]) is not None
            if is_arm64 != (architecture == "arm64"):
                raise ConfigError(f"mayfly:{key} has {each}, which is no type of mayfly:architecture {architecture}.")
        return types

    def upload_quota(self, key: str) -> int:
        largest = self.number("maxUploadMib", 1, _MAX_UPLOAD_MIB)
        room = f"room for one file of maxUploadMib, {largest} MiB"
        return self.number_or_none(key, -(-largest // 1024), 1_000_000, f"which is none, or {room}")

    def api_concurrency(self, key: str) -> int:
        fewest, most = _API_CONCURRENCY
        return self.number_or_none(key, fewest, most, f"which reserves nothing, or a whole number {fewest} to {most}")

    def longest_timeout(self, key: str) -> int:
        usual = self.number("jobTimeoutMinutes", 1, _LONGEST_TIMEOUT_MINUTES)
        return self.number_or_none(
            key, usual, _LONGEST_TIMEOUT_MINUTES, f"or at least jobTimeoutMinutes, which is {usual}"
        )

    def pool_size(self, key: str) -> int:
        size = self.number(key, 0, _MOST_POOLED)
        if size and "on-demand" not in (self.config.get_object("markets") or []):
            raise ConfigError(
                f"mayfly:{key} is {size}; the pool's machines are on-demand, so mayfly:markets must have on-demand."
            )
        return size

    def domain(self) -> Domain | None:
        name = self.text("domainName", _HOST, "a host, such as jobs.example.org")
        certificate = self.text("domainCertificate", _CERTIFICATE, "the ARN of an ACM certificate in us-east-1")
        if bool(name) != bool(certificate):
            missing = "domainCertificate" if name else "domainName"
            raise ConfigError(
                f"mayfly:domainName and mayfly:domainCertificate go together; mayfly:{missing} is not set."
            )
        return Domain(name, certificate) if name else None

    def network(self, key: str) -> str:
        def is_network(text: str) -> bool:
            try:
                return 16 <= ipaddress.IPv4Network(text).prefixlen <= 24  # noqa: PLR2004  # a VPC's /16, room for zones
            except ValueError:
                return False

        return self.checked(key, self.config.get(key) or "", is_network, "an IPv4 network from /16 to /24")


@dataclass(frozen=True)
class StackConfig:
    stack: str
    domain: Domain | None
    auth: str = setting(_Reader.one_of, _AUTHS)
    mfa: str = setting(_Reader.one_of, _MFA)
    architecture: str = setting(_Reader.one_of, _ARCHITECTURES)
    function_runtime: str = setting(_Reader.text, _RUNTIME, "a Python runtime of Lambda, such as python3.13")
    bundle_for: str = setting(_Reader.one_of, _BUNDLE_TARGETS)
    instance_types: tuple[str, ...] = setting(_Reader.instance_types, 1, _MOST_TYPES)
    allowed_instance_types: tuple[str, ...] = setting(_Reader.instance_types, 0, _MOST_ALLOWED_TYPES)
    markets: tuple[str, ...] = setting(_Reader.texts, re.compile("|".join(_MARKETS)), f"one of {', '.join(_MARKETS)}")
    machine_disk_gib: int = setting(_Reader.number, 8, 16_384)
    machine_image_parameter: str = setting(_Reader.text, re.compile(r"(/[\w./-]{1,255})?"), "an SSM parameter")
    payload_folder: str = setting(_Reader.text, re.compile(r"[^\x00]+"), "a folder")
    script: tuple[str, ...] = setting(_Reader.command)
    output_suffix: str = setting(_Reader.text, _SUFFIX, "a suffix, such as .html")
    max_upload_mib: int = setting(_Reader.number, 1, _MAX_UPLOAD_MIB)
    job_timeout_minutes: int = setting(_Reader.number, 1, _LONGEST_TIMEOUT_MINUTES)
    max_job_timeout_minutes: int = setting(_Reader.longest_timeout)
    boot_timeout_minutes: int = setting(_Reader.number, 1, 60)
    queue_timeout_minutes: int = setting(_Reader.number, 1, 1_440)
    max_attempts: int = setting(_Reader.number, 1, 10)
    max_concurrent_jobs: int = setting(_Reader.number, 1, 10_000)
    pool_size: int = setting(_Reader.pool_size)
    keep_days: int = setting(_Reader.number, 1, 3_650)
    protect: bool = setting(_Reader.flag)
    point_in_time_recovery: bool = setting(_Reader.flag)
    versioning: bool = setting(_Reader.flag)
    noncurrent_days: int = setting(_Reader.number, 1, 3_650)
    log_retention_days: int = setting(_Reader.retention)
    monitoring: bool = setting(_Reader.flag)
    alarm_email: str | None = setting(_Reader.optional_text, _EMAIL, "an e-mail address")
    monthly_budget_usd: int = setting(_Reader.number, 0, 1_000_000)
    notify: bool = setting(_Reader.flag)
    tracing: bool = setting(_Reader.flag)
    vpc_cidr: str = setting(_Reader.network)
    extra_origins: tuple[str, ...] = setting(
        _Reader.texts,
        _ORIGIN,
        "an https origin, such as https://example.org, since Cognito takes http for localhost alone",
        at_least=0,
    )
    requests_per_second: int = setting(_Reader.number, 1, _MAX_REQUESTS_PER_SECOND)
    api_concurrency: int = setting(_Reader.api_concurrency)
    permissions_boundary: str | None = setting(_Reader.optional_text, _POLICY_ARN, "the ARN of an IAM policy")
    prices: tuple[str, ...] = setting(
        _Reader.texts, _PRICE, "a machine type, market and USD an hour: t4g.small on-demand 0.0192", at_least=0
    )
    disk_price: str = setting(_Reader.text, _USD, "USD for a GB and month, such as 0.0952")
    address_price: str = setting(_Reader.text, _USD, "USD for an hour, such as 0.005")
    max_job_usd: str = setting(_Reader.text, _USD, "USD, such as 0.50; 0 is none")
    max_owner_usd_per_day: str = setting(_Reader.text, _USD, "USD, such as 5; 0 is none")
    max_stack_usd_per_day: str = setting(_Reader.text, _USD, "USD, such as 50; 0 is none")
    max_open_jobs_per_owner: int = setting(_Reader.number, 0, 100_000)
    max_owner_upload_gib_per_day: int = setting(_Reader.upload_quota)

    @property
    def prefix(self) -> str:
        """What every resource name begins with."""
        return f"mayfly-{self.stack}"

    @property
    def has_sign_in(self) -> bool:
        return self.auth == "cognito"

    @property
    def launchable_types(self) -> tuple[str, ...]:
        """Every instance type that a machine of this stack may have."""
        return tuple(dict.fromkeys((*self.instance_types, *self.allowed_instance_types)))

    @property
    def longest_timeout_minutes(self) -> int:
        """How long a script may run at most, whatever its job asks for."""
        return self.max_job_timeout_minutes or self.job_timeout_minutes

    @property
    def max_upload_bytes(self) -> int:
        return self.max_upload_mib * 1024 * 1024

    @property
    def image_parameter(self) -> str:
        """The public SSM parameter of the image (EC2 user guide, "Find the latest AMI using Systems Manager")."""
        default = f"/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-{self.architecture}"
        return self.machine_image_parameter or default

    @staticmethod
    def from_pulumi() -> StackConfig:
        """Raises ConfigError naming the first key whose value cannot be."""
        read = _Reader(pulumi.Config("mayfly"))
        found = StackConfig(read.stack_name(pulumi.get_stack()), read.domain(), **read.settings_of(StackConfig))
        read.check_names()
        return found
