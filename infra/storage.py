"""Private buckets: signed requests and TLS only, encrypted, owner enforced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws


@dataclass(frozen=True)
class Expiry:
    """Objects under `prefix` (all of them where it is empty) are removed `days` after they were stored."""

    name: str
    days: int
    prefix: str = ""


@dataclass(frozen=True)
class Cors:
    """Which pages' scripts may send which requests, with which headers besides those that are always allowed."""

    origins: Sequence[pulumi.Input[str]]
    methods: Sequence[str]
    headers: Sequence[str]


@dataclass(frozen=True)
class BucketArgs:
    expiries: Sequence[Expiry] = ()
    # Whether the bucket, and what is in it, is kept from being deleted.
    protect: bool = False
    # Whether what was removed or overwritten is kept for another while.
    versioning: bool = False
    noncurrent_days: int = 1
    # Without it no page of another origin may ask for anything.
    cors: Cors | None = None
    # ARN of the CloudFront distribution that may read every object.
    distribution_arn: pulumi.Input[str] | None = None


def objects(bucket: PrivateBucket, keys: str) -> pulumi.Output[str]:
    """The ARN of a bucket's objects with keys like these."""
    return pulumi.Output.concat(bucket.arn, "/", keys)


class PrivateBucket(pulumi.ComponentResource):
    """A bucket with everything public shut. `name` and `arn` are the bucket's."""

    name: pulumi.Output[str]
    arn: pulumi.Output[str]
    regional_domain_name: pulumi.Output[str]

    def __init__(self, name: str, args: BucketArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mayfly:index:PrivateBucket", name, None, opts)
        # Every object belongs to a job or can be rebuilt, and expires anyway. Without `protect`, a bucket that is not
        # empty must not fail `pulumi destroy`.
        self._bucket = aws.s3.Bucket(
            name,
            force_destroy=not args.protect,
            opts=pulumi.ResourceOptions(parent=self, protect=args.protect),
        )
        self.name = self._bucket.bucket
        self.arn = self._bucket.arn
        self.regional_domain_name = self._bucket.bucket_regional_domain_name
        self._block = self._shut(name, pulumi.ResourceOptions(parent=self._bucket))
        if args.versioning:
            aws.s3.BucketVersioning(
                name,
                bucket=self.name,
                versioning_configuration={"status": "Enabled"},
                # Children are protected with their parent, but versioning may be switched off again.
                opts=pulumi.ResourceOptions(parent=self._bucket, protect=False),
            )
        self._expire(name, args, pulumi.ResourceOptions(parent=self._bucket))
        if args.cors:
            self._allow(name, args.cors, pulumi.ResourceOptions(parent=self._bucket))
        self._set_policy(name, args)
        self.register_outputs({"name": self.name, "arn": self.arn})

    def _shut(self, name: str, opts: pulumi.ResourceOptions) -> aws.s3.BucketPublicAccessBlock:
        aws.s3.BucketOwnershipControls(
            name, bucket=self.name, rule={"object_ownership": "BucketOwnerEnforced"}, opts=opts
        )
        aws.s3.BucketServerSideEncryptionConfiguration(
            name,
            bucket=self.name,
            rules=[{"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}],
            opts=opts,
        )
        return aws.s3.BucketPublicAccessBlock(
            name,
            bucket=self.name,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=opts,
        )

    def _expire(self, name: str, args: BucketArgs, opts: pulumi.ResourceOptions) -> None:
        rules = [
            *(_rule(each.name, each.prefix, expiration={"days": each.days}) for each in args.expiries),
            # Also where versioning is off: it may have been on, and then only this removes what it kept.
            _rule(
                "removed-and-overwritten",
                noncurrent_version_expiration={"noncurrent_days": args.noncurrent_days},
            ),
            _rule("abandoned-uploads", abort_incomplete_multipart_upload={"days_after_initiation": 1}),
        ]
        aws.s3.BucketLifecycleConfiguration(name, bucket=self.name, rules=rules, opts=opts)

    def _allow(self, name: str, cors: Cors, opts: pulumi.ResourceOptions) -> None:
        aws.s3.BucketCorsConfiguration(
            name,
            bucket=self.name,
            cors_rules=[
                {
                    "allowed_methods": list(cors.methods),
                    "allowed_origins": list(cors.origins),
                    "allowed_headers": list(cors.headers),
                    "max_age_seconds": 3600,
                }
            ],
            opts=opts,
        )

    def _set_policy(self, name: str, args: BucketArgs) -> None:
        tls_only = {
            "Sid": "TlsOnly",
            "Effect": "Deny",
            "Principal": "*",  # denies every principal over plain HTTP
            "Action": "s3:*",
            "Resource": [self.arn, objects(self, "*")],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
        cloudfront_reads = {
            "Sid": "CloudFrontReads",
            "Effect": "Allow",
            "Principal": {"Service": "cloudfront.amazonaws.com"},
            "Action": "s3:GetObject",
            "Resource": objects(self, "*"),
            "Condition": {"StringEquals": {"AWS:SourceArn": args.distribution_arn}},
        }
        statements = [tls_only, cloudfront_reads] if args.distribution_arn is not None else [tls_only]
        aws.s3.BucketPolicy(
            name,
            bucket=self.name,
            policy=pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": statements}),
            # S3 answers a conflict when both are changed at once.
            opts=pulumi.ResourceOptions(parent=self._bucket, depends_on=[self._block]),
        )


def _rule(name: str, prefix: str = "", **what: Any) -> Any:
    """Of a bucket's life cycle, for the objects under the prefix."""
    return {"id": name, "status": "Enabled", "filter": {"prefix": prefix}, **what}
