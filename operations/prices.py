"""What AWS charges now for a stack's machines, as the commands that tell the stack; only asks, changes nothing."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from infra.config import ConfigError, StackConfig
from operations.stack_settings import StackSettings, read_settings

ROOT = Path(__file__).parents[1]
# Service and region → a boto3 client.
Clients = Callable[[str, str], Any]
# The Price List Query API has few endpoints, each with the prices of every region (AWS Billing user guide).
_PRICE_LIST_REGION = "us-east-1"
_ON_DEMAND = {"operatingSystem": "Linux", "preInstalledSw": "NA", "tenancy": "Shared", "capacitystatus": "Used"}
_IN_USE_ADDRESS = "PublicIPv4:InUseAddress"
# The most that one reckons with is what spot machines did cost at most in this time, in any zone.
_LOOKED_BACK = timedelta(days=30)


class NoPrice(Exception):
    """The price list has nothing, or not one price, for what was asked."""


@dataclass(frozen=True)
class CurrentPrices:
    """`machines` as the setting has them; the others USD for a GB and month, and for an hour."""

    machines: tuple[str, ...]
    disk: Decimal
    address: Decimal

    def commands(self, stack: str) -> list[str]:
        values = {
            "prices": json.dumps(self.machines),
            "diskPrice": _text(self.disk),
            "addressPrice": _text(self.address),
        }
        return [
            f"pulumi config set mayfly:{key} {shlex.quote(value)} --stack {shlex.quote(stack)}"
            for key, value in values.items()
        ]


def current_prices(clients: Clients, config: StackConfig, region: str, moment: datetime) -> CurrentPrices:
    """Asks for every machine type that the stack may launch, on demand and spot.

    Raises:
        NoPrice: a type is not sold there, say.
        ClientError, BotoCoreError
    """
    price_list, ec2 = clients("pricing", _PRICE_LIST_REGION), clients("ec2", region)
    spot = _spot(ec2, config.launchable_types, moment)
    machines: list[str] = []
    for kind in config.launchable_types:
        on_demand = _one(price_list, "AmazonEC2", {**_ON_DEMAND, "instanceType": kind, "regionCode": region})
        machines.append(f"{kind} on-demand {_text(on_demand)}")
        if kind in spot:
            machines.append(f"{kind} spot {_text(spot[kind])}")
    disk = {"productFamily": "Storage", "volumeApiName": "gp3", "regionCode": region}
    return CurrentPrices(
        tuple(machines),
        _one(price_list, "AmazonEC2", disk),
        _one(price_list, "AmazonVPC", {"regionCode": region}, usage=_IN_USE_ADDRESS),
    )


def _one(price_list: Any, service: str, wanted: Mapping[str, str], usage: str = "") -> Decimal:
    filters = [{"Type": "TERM_MATCH", "Field": field, "Value": value} for field, value in wanted.items()]
    pages = price_list.get_paginator("get_products").paginate(ServiceCode=service, Filters=filters)
    products = [json.loads(text) for page in pages for text in page["PriceList"]]
    found = {
        price
        for product in products
        if product["product"]["attributes"].get("usagetype", "").endswith(usage)
        for price in _on_demand(product)
        if price
    }
    if len(found) != 1:
        raise NoPrice(f"{service} has {len(found)} prices for {', '.join(wanted.values())}.")
    return found.pop()


def _on_demand(product: Mapping[str, Any]) -> Iterator[Decimal]:
    for term in product["terms"].get("OnDemand", {}).values():
        for dimension in term["priceDimensions"].values():
            yield Decimal(dimension["pricePerUnit"].get("USD", "0"))


def _spot(ec2: Any, kinds: Sequence[str], moment: datetime) -> dict[str, Decimal]:
    """The highest price of each type; none for one that is not sold so."""
    highest: dict[str, Decimal] = {}
    pages = ec2.get_paginator("describe_spot_price_history").paginate(
        InstanceTypes=list(kinds), ProductDescriptions=["Linux/UNIX"], StartTime=moment - _LOOKED_BACK
    )
    for page in pages:
        for each in page["SpotPriceHistory"]:
            kind, price = each["InstanceType"], Decimal(each["SpotPrice"])
            highest[kind] = max(price, highest.get(kind, price))
    return highest


def _text(amount: Decimal) -> str:
    """Without the zeros that the price list ends its numbers with."""
    return f"{amount.normalize():f}"


def _client_of(profile: str | None) -> Clients:
    session: Any = boto3.Session(profile_name=profile)  # its types know every service by name
    return lambda service, region: session.client(service, region_name=region)


def _region(settings: StackSettings) -> str:
    region = settings.region or boto3.Session().region_name
    if region is None:
        raise NoPrice("No region is set: pulumi config set aws:region eu-central-1")
    return region


def main(argv: Sequence[str], connect: Callable[[str | None], Clients] = _client_of) -> int:
    """Exit code 0, or 1 when there is something that could not be found out."""
    parser = argparse.ArgumentParser(prog="python -m operations.prices", description=__doc__)
    parser.add_argument("--stack", default="dev", help="whose Pulumi.<stack>.yaml to read (%(default)s)")
    options = parser.parse_args(argv)
    try:
        settings = read_settings(ROOT, options.stack)
        clients = connect(settings.profile)
        found = current_prices(clients, settings.config, _region(settings), datetime.now(UTC))
    except (ConfigError, NoPrice, ClientError, BotoCoreError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write("\n".join(found.commands(options.stack)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
