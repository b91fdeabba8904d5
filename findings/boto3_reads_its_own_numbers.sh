#!/usr/bin/env bash
# boto3 1.44.8 (PyPI), its DynamoDB resource, with dynalite 4.0.0 (npm) and moto 5.2.5 (PyPI) in DynamoDB's place.
#
# DynamoDB has numbers up to 9.99E+125 with 38 digits, zeros at the end not counted (developer guide, "Supported data
# types and naming rules"), and answers them without an exponent: 1E+38 comes back as a one and 38 zeros. boto3 writes
# Decimal("1E+38") and cannot read the item then: it counts the zeros as digits and raises decimal.Rounded, in get_item,
# query and scan alike, so one such number makes a whole page of items unreadable. 1E+37 is read, and so is 1E-130.
# A test with moto does not find it: moto answers a number as it was written, 1E+38, 1.50 and -0, where DynamoDB answers
# 1.5 and 0, as dynalite does. What DynamoDB answers: powertools-lambda-python issue 4845, ExtendDB pull request 7.
#
# Seen: what the end of this script has: what was written, what the answer had (its length, if it is long), and what boto3
# made of it. Wants node and npm. Ends with 1 if it is otherwise.
set -euo pipefail
work=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/python -m pip install --quiet boto3==1.44.8 moto==5.2.5
npm install --silent --no-audit --no-fund --no-save dynalite@4.0.0
cat >serve.js <<'JS'
const { writeFileSync, renameSync } = require("fs");
const server = require("dynalite")({ createTableMs: 0 });
server.listen(0, "127.0.0.1", () => {
  writeFileSync("port.new", String(server.address().port));
  renameSync("port.new", "port");
});
JS
node serve.js &
server=$!
for _ in $(seq 300); do [ ! -e port ] || break; kill -0 "$server"; sleep 0.1; done
cat >look.py <<'PY'
from decimal import Decimal, Rounded
from pathlib import Path

import boto3
from moto import mock_aws

ACCESS = {"region_name": "eu-central-1", "aws_access_key_id": "a", "aws_secret_access_key": "b"}


def look(name, **endpoint):
    resource = boto3.resource("dynamodb", **ACCESS, **endpoint)
    client = boto3.client("dynamodb", **ACCESS, **endpoint)
    resource.create_table(
        TableName="jobs", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    ).wait_until_exists()
    table = resource.Table("jobs")
    for number in ("1.50", "-0", "1E-130", "1E+37", "1E+38", "9.9E+125"):
        table.put_item(Item={"id": number, "number": Decimal(number)})
        answered = client.get_item(TableName="jobs", Key={"id": {"S": number}})["Item"]["number"]["N"]
        try:
            table.get_item(Key={"id": number})
            table.query(KeyConditionExpression="id = :id", ExpressionAttributeValues={":id": number})
            read = "read"
        except Rounded:
            read = "decimal.Rounded"
        print(f"{name} {number}: {answered if len(answered) < 9 else f'{len(answered)} characters'}, {read}")
    try:
        table.scan()
        print(f"{name} scan: read")
    except Rounded:
        print(f"{name} scan: decimal.Rounded")


look("dynalite", endpoint_url=f"http://127.0.0.1:{Path('port').read_text()}")
with mock_aws():
    look("moto")
PY
venv/bin/python look.py | tee seen
diff seen - <<'SEEN'
dynalite 1.50: 1.5, read
dynalite -0: 0, read
dynalite 1E-130: 132 characters, read
dynalite 1E+37: 38 characters, read
dynalite 1E+38: 39 characters, decimal.Rounded
dynalite 9.9E+125: 126 characters, decimal.Rounded
dynalite scan: decimal.Rounded
moto 1.50: 1.50, read
moto -0: -0, read
moto 1E-130: 1E-130, read
moto 1E+37: 1E+37, read
moto 1E+38: 1E+38, read
moto 9.9E+125: 9.9E+125, read
moto scan: read
SEEN
