from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from operations.prices import CurrentPrices, NoPrice, current_prices, main
from tests.infra.configured import DEV

REGION = "eu-central-1"
NOW = datetime(2026, 1, 31, 9, 15, tzinfo=UTC)
CONFIG = replace(DEV, instance_types=("t4g.small",))
KEYS = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}


def product(*prices: str, usage: str = "EUC1-Usage") -> str:
    """As the price list has it, with its ten digits; a reserved term beside it is none of ours."""
    dimensions = {f"SKU.T.{at}": {"pricePerUnit": {"USD": price}} for at, price in enumerate(prices)}
    terms = {"OnDemand": {"SKU.T": {"priceDimensions": dimensions}}, "Reserved": {"SKU.R": {}}}
    return json.dumps({"product": {"attributes": {"usagetype": usage}}, "terms": terms})


def filters(**wanted: str) -> list[dict[str, str]]:
    return [{"Type": "TERM_MATCH", "Field": field, "Value": value} for field, value in wanted.items()]


MACHINE = filters(
    operatingSystem="Linux",
    preInstalledSw="NA",
    tenancy="Shared",
    capacitystatus="Used",
    instanceType="t4g.small",
    regionCode=REGION,
)
DISK = filters(productFamily="Storage", volumeApiName="gp3", regionCode=REGION)
ADDRESSES = [
    product("0.0500000000", usage="EUC1-NatGateway-Hours"),
    product("0.0050000000", usage="EUC1-PublicIPv4:IdleAddress"),
    product("0.0050000000", usage="EUC1-PublicIPv4:InUseAddress"),
]


class Account:
    """AWS's answers, as a real client of each service gets them."""

    def __init__(self, machine: Sequence[str] = (product("0.0192000000"),)) -> None:
        clients: Any = boto3
        self.pricing = clients.client("pricing", region_name="us-east-1", **KEYS)
        self.ec2 = clients.client("ec2", region_name=REGION, **KEYS)
        stub = Stubber(self.pricing)
        stub.add_response(
            "get_products", {"PriceList": list(machine)}, {"ServiceCode": "AmazonEC2", "Filters": MACHINE}
        )
        stub.add_response(
            "get_products",
            {"PriceList": [product("0.0952000000")]},
            {"ServiceCode": "AmazonEC2", "Filters": DISK},
        )
        stub.add_response(
            "get_products",
            {"PriceList": ADDRESSES},
            {"ServiceCode": "AmazonVPC", "Filters": filters(regionCode=REGION)},
        )
        stub.activate()
        spot = Stubber(self.ec2)
        history = [{"InstanceType": "t4g.small", "SpotPrice": price} for price in ("0.0061", "0.0075", "0.0058")]
        spot.add_response("describe_spot_price_history", {"SpotPriceHistory": history})
        spot.activate()

    def client(self, service: str, region: str) -> Any:
        assert (service, region) in {("pricing", "us-east-1"), ("ec2", REGION)}
        return {"pricing": self.pricing, "ec2": self.ec2}[service]


def test_prices_are_those_of_the_stacks_region_and_types_and_of_spots_worst_month() -> None:
    found = current_prices(Account().client, CONFIG, REGION, NOW)
    machines = ("t4g.small on-demand 0.0192", "t4g.small spot 0.0075")
    assert found == CurrentPrices(machines, Decimal("0.0952"), Decimal("0.005"))


def test_what_is_printed_sets_the_stacks_configuration() -> None:
    commands = CurrentPrices(("t4g.small spot 0.0075",), Decimal("0.0952000"), Decimal(1)).commands("prod")
    assert commands == [
        "pulumi config set mayfly:prices '[\"t4g.small spot 0.0075\"]' --stack prod",
        "pulumi config set mayfly:diskPrice 0.0952 --stack prod",
        "pulumi config set mayfly:addressPrice 1 --stack prod",
    ]


@pytest.mark.parametrize(("listed", "count"), [([], 0), ([product("0.01", "0.02")], 2), ([product("0.0")], 0)])
def test_a_price_that_is_not_there_or_not_clear_is_not_made_up(listed: list[str], count: int) -> None:
    with pytest.raises(NoPrice, match=f"AmazonEC2 has {count} prices for .*t4g.small"):
        current_prices(Account(listed).client, CONFIG, REGION, NOW)


def test_what_could_not_be_found_out_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--stack", "nowhere"], lambda _: Account().client) == 1
    assert "nowhere" in capsys.readouterr().err
