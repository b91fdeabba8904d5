"""A distribution as CloudFront has it, in the names of its inputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localcloud.engine.adapters.answers import camel
from localcloud.engine.inputs import camel_keys


def live_parts(config: Mapping[str, Any]) -> dict[str, Any]:
    """What is nested in a distribution's configuration: origins, behaviours, errors, restrictions, certificate."""
    return {
        "origins": [_origin(each) for each in _items(config, "Origins")],
        "defaultCacheBehavior": _behaviour(config["DefaultCacheBehavior"]),
        "orderedCacheBehaviors": [_behaviour(each) for each in _items(config, "CacheBehaviors")],
        "customErrorResponses": [_error(each) for each in _items(config, "CustomErrorResponses")],
        "restrictions": camel_keys(config.get("Restrictions", {})),
        "viewerCertificate": _certificate(config.get("ViewerCertificate", {})),
    }


def _items(holder: Mapping[str, Any], key: str) -> list[Any]:
    return list(holder.get(key, {}).get("Items", []))


def _renamed(found: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {our: found[their] for their, our in names.items() if their in found}


def _origin(found: Mapping[str, Any]) -> dict[str, Any]:
    origin = {**camel(found, "domainName", "originAccessControlId"), "originId": found["Id"]}
    custom = found.get("CustomOriginConfig")
    if custom is not None:
        origin["customOriginConfig"] = {
            **camel_keys(custom),
            **_renamed(custom, {"HTTPPort": "httpPort", "HTTPSPort": "httpsPort"}),
            "originSslProtocols": _items(custom, "OriginSslProtocols"),
        }
    return origin


def _behaviour(found: Mapping[str, Any]) -> dict[str, Any]:
    methods = found.get("AllowedMethods", {})
    return {
        **camel_keys({key: value for key, value in found.items() if not isinstance(value, dict)}),
        "allowedMethods": methods.get("Items", []),
        "cachedMethods": _items(methods, "CachedMethods"),
    }


def _error(found: Mapping[str, Any]) -> dict[str, Any]:
    return {**camel_keys(found), **_renamed(found, {"ErrorCachingMinTTL": "errorCachingMinTtl"})}


def _certificate(found: Mapping[str, Any]) -> dict[str, Any]:
    names = {
        "CloudFrontDefaultCertificate": "cloudfrontDefaultCertificate",
        "ACMCertificateArn": "acmCertificateArn",
        "SSLSupportMethod": "sslSupportMethod",
        "MinimumProtocolVersion": "minimumProtocolVersion",
    }
    return _renamed(found, names)
