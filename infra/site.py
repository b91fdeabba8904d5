"""The page: frontend/ in a private bucket behind CloudFront, and the API under the same host at /api."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_aws as aws

from infra.bundle import ROOT
from infra.config import Domain
from infra.deferred import deferred
from infra.sign_in import AppClients
from infra.storage import BucketArgs, PrivateBucket

_FOLDER = ROOT / "frontend"
# Ids of CloudFront's managed policies (CloudFront developer guide, "Use managed cache policies" and "... origin
# request policies"): they are the same in every account.
_CACHE_OPTIMIZED = "658327ea-f89d-4fab-a63d-7e88639e58f6"
_CACHE_DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
_ALL_VIEWER_EXCEPT_HOST = "b689b0a8-53d0-40ab-baf2-68738e2966ac"
_ALL_METHODS = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]
_READ_METHODS = ["GET", "HEAD"]
# CloudFront keeps these for ten seconds under any cache policy (developer guide, "HTTP 4xx and 5xx status codes that
# CloudFront caches"), for everybody who asks for the path: the job's owner would get another caller's "not found".
_KEPT_ERRORS = (404, 414, 500, 501, 502, 503, 504)
_YEAR = 31_536_000
# Headers that CloudFront has no settings for: no window of another origin keeps a reference to the page's, no other
# origin embeds its resources, and no device or sensor is used.
_HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
}


@dataclass(frozen=True)
class SiteArgs:
    api_host: pulumi.Output[str]
    # Origins that the page's scripts may send requests to, besides the site itself.
    storage_hosts: Sequence[pulumi.Output[str]]
    clients: AppClients | None
    domain: Domain | None = None


class Site(pulumi.ComponentResource):
    """`url` is the page's address, without a slash at the end; it is also the page's origin.

    `exports` are what newcomers look for; `site_host` among them is where a domain of one's own has to point to.
    """

    url: pulumi.Output[str]
    exports: dict[str, pulumi.Output[str]]

    def __init__(self, name: str, args: SiteArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("mayfly:index:Site", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        with deferred() as (distribution_arn, resolve):
            bucket = PrivateBucket(name, BucketArgs(distribution_arn=distribution_arn), opts=child)
            distribution = self._distribution(name, args, bucket)
            resolve(distribution.arn)
        for key, path in _files():
            aws.s3.BucketObjectv2(
                f"{name}/{key}",
                bucket=bucket.name,
                key=key,
                source=pulumi.FileAsset(str(path)),
                content_type=_content_type(path),
                cache_control="public, max-age=300",
                opts=child,
            )
        self._configure(name, args.clients, bucket)
        self.url = pulumi.Output.concat("https://", args.domain.name if args.domain else distribution.domain_name)
        self.exports = {
            "site_url": self.url,
            "api_url": pulumi.Output.concat(self.url, "/api"),
            "docs_url": pulumi.Output.concat(self.url, "/api/docs"),
            "site_host": distribution.domain_name,
        }
        self.register_outputs({"url": self.url})

    def _configure(self, name: str, clients: AppClients | None, bucket: PrivateBucket) -> None:
        """Stores config.json, from which the page and the command line client learn how to sign in.

        `{auth: "none"}`, or `{auth: "cognito", domain, client_id, scope, command_line: {client_id, redirect_uris}}`,
        where `domain` is the origin of the sign-in pages and the site's `url` the only address to come back to for the
        page; the command line client has others.
        """
        settings = (
            {
                "auth": "cognito",
                "domain": clients.url,
                "client_id": clients.page_id,
                "scope": " ".join(clients.scopes),
                "command_line": {
                    "client_id": clients.command_line_id,
                    "redirect_uris": list(clients.command_line_urls),
                },
            }
            if clients
            else {"auth": "none"}
        )
        aws.s3.BucketObjectv2(
            f"{name}/config.json",
            bucket=bucket.name,
            key="config.json",
            content=pulumi.Output.json_dumps(settings),
            content_type="application/json",
            cache_control="no-cache",
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _distribution(self, name: str, args: SiteArgs, bucket: PrivateBucket) -> aws.cloudfront.Distribution:
        child = pulumi.ResourceOptions(parent=self)
        access = aws.cloudfront.OriginAccessControl(
            name,
            origin_access_control_origin_type="s3",
            signing_behavior="always",
            signing_protocol="sigv4",
            opts=child,
        )
        headers = self._headers(name, args)
        return aws.cloudfront.Distribution(
            name,
            comment="Mayfly",
            enabled=True,
            http_version="http2and3",
            is_ipv6_enabled=True,
            price_class="PriceClass_100",
            default_root_object="index.html",
            origins=[
                {
                    "origin_id": "page",
                    "domain_name": bucket.regional_domain_name,
                    "origin_access_control_id": access.id,
                },
                {
                    "origin_id": "api",
                    "domain_name": args.api_host,
                    "custom_origin_config": {
                        "http_port": 80,
                        "https_port": 443,
                        "origin_protocol_policy": "https-only",
                        "origin_ssl_protocols": ["TLSv1.2"],
                    },
                },
            ],
            default_cache_behavior={
                "target_origin_id": "page",
                "viewer_protocol_policy": "redirect-to-https",
                "allowed_methods": _READ_METHODS,
                "cached_methods": _READ_METHODS,
                "cache_policy_id": _CACHE_OPTIMIZED,
                "response_headers_policy_id": headers.id,
                "compress": True,
            },
            ordered_cache_behaviors=[
                {
                    "path_pattern": "/api/*",
                    "target_origin_id": "api",
                    "viewer_protocol_policy": "https-only",
                    "allowed_methods": _ALL_METHODS,
                    "cached_methods": _READ_METHODS,
                    "cache_policy_id": _CACHE_DISABLED,
                    "origin_request_policy_id": _ALL_VIEWER_EXCEPT_HOST,
                    "response_headers_policy_id": headers.id,
                    # CloudFront would not: the policy that caches nothing asks for no encoding either.
                    "compress": False,
                }
            ],
            custom_error_responses=[{"error_code": code, "error_caching_min_ttl": 0} for code in _KEPT_ERRORS],
            restrictions={"geo_restriction": {"restriction_type": "none"}},
            aliases=[args.domain.name] if args.domain else [],
            viewer_certificate=_certificate(args.domain),
            opts=child,
        )

    def _headers(self, name: str, args: SiteArgs) -> aws.cloudfront.ResponseHeadersPolicy:
        # The documentation page embeds its icons as data: URLs; everything else comes from the site alone.
        content_security_policy = pulumi.Output.concat(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
            "font-src 'self'; connect-src 'self'",
            *(pulumi.Output.concat(" https://", host) for host in args.storage_hosts),
            pulumi.Output.concat(" ", args.clients.url) if args.clients else "",
            "; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
        )
        return aws.cloudfront.ResponseHeadersPolicy(
            name,
            comment="Mayfly: no third-party content, no framing",
            security_headers_config={
                "content_security_policy": {
                    "content_security_policy": content_security_policy,
                    "override": True,
                },
                "content_type_options": {"override": True},
                "frame_options": {"frame_option": "DENY", "override": True},
                "referrer_policy": {"referrer_policy": "no-referrer", "override": True},
                "strict_transport_security": {"access_control_max_age_sec": _YEAR, "override": True},
            },
            custom_headers_config={
                "items": [{"header": name, "value": value, "override": True} for name, value in _HEADERS.items()]
            },
            opts=pulumi.ResourceOptions(parent=self),
        )


def _certificate(domain: Domain | None) -> aws.cloudfront.DistributionViewerCertificateArgsDict:
    if domain is None:
        return {"cloudfront_default_certificate": True}
    return {
        "acm_certificate_arn": domain.certificate,
        "ssl_support_method": "sni-only",
        "minimum_protocol_version": "TLSv1.2_2021",
    }


def _files() -> Iterator[tuple[str, Path]]:
    for path in sorted(_FOLDER.rglob("*")):
        if path.is_file() and not path.name.startswith("."):
            yield path.relative_to(_FOLDER).as_posix(), path


def _content_type(path: Path) -> str:
    # Not left to mimetypes, whose tables differ from machine to machine for these two.
    known = {".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
    return known.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "text/plain; charset=utf-8"
