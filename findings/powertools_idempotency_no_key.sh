#!/usr/bin/env bash
# @aws-lambda-powertools/idempotency 2.35.0 (npm) and aws-lambda-powertools 3.37.0 (PyPI): Powertools for AWS Lambda in
# two languages, with dynalite 4.0.0 (npm) in DynamoDB's place.
#
# Where an event lacks the idempotency key, "the request will continue without idempotency" unless a key is required
# (TypeScript's API reference, IdempotencyConfig, throwOnNoIdempotencyKey). The TypeScript package keeps to that if the key
# is one field. If it is made of several, it logs that there is no key, and yet takes [null, null] for one: of all events
# without these fields only the first is worked on, and every other one gets the answer that was made for the first.
# The Python package works on each of them.
# Where a key is required, the TypeScript package takes one that is all zeros for missing: it throws IdempotencyKeyError
# at the record of partition 0 and offset 0, the first of a Kafka topic, and at no other one. Python's does not.
#
# Seen: what the end of this script has: the orders, and the answer to each, which is the order that was worked on. Wants
# node and npm. Ends with 1 if it is otherwise.
set -euo pipefail
work=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/python -m pip install --quiet aws-lambda-powertools==3.37.0 boto3==1.44.8
npm install --silent --no-audit --no-fund --no-save @aws-lambda-powertools/idempotency@2.35.0 \
  @aws-sdk/client-dynamodb@3.1169.0 @aws-sdk/lib-dynamodb@3.1169.0 dynalite@4.0.0
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
export AWS_REGION=eu-central-1 AWS_DEFAULT_REGION=eu-central-1 AWS_ACCESS_KEY_ID=a AWS_SECRET_ACCESS_KEY=b
cat >looks.json <<'JSON'
[
  {"key": "user", "required": false, "events": [{"order": "tea"}, {"order": "coffee"}]},
  {"key": "[user, day]", "required": false, "events": [{"order": "tea"}, {"order": "coffee"}]},
  {"key": "{user: user, day: day}", "required": false, "events": [{"order": "tea"}, {"order": "coffee"}]},
  {"key": "[user, day]", "required": true, "events": [{"order": "tea"}]},
  {"key": "[user, day]", "required": true, "events": [
    {"user": "a", "day": 1, "order": "tea"}, {"user": "b", "day": 1, "order": "coffee"}, {"user": "a", "day": 1, "order": "tea again"}
  ]},
  {"key": "[partition, offset]", "required": true, "events": [
    {"partition": 0, "offset": 0, "order": "tea"}, {"partition": 0, "offset": 1, "order": "coffee"}
  ]}
]
JSON
cat >look.py <<'PY'
import json
from pathlib import Path

import boto3
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig, idempotent_function
from aws_lambda_powertools.utilities.idempotency.exceptions import IdempotencyKeyError

client = boto3.client("dynamodb", endpoint_url=f"http://127.0.0.1:{Path('port').read_text()}")
for number, look in enumerate(json.loads(Path("looks.json").read_text())):
    table = f"python-{number}"
    client.create_table(
        TableName=table, BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )
    client.get_waiter("table_exists").wait(TableName=table, WaiterConfig={"Delay": 1})
    store = DynamoDBPersistenceLayer(table_name=table, boto3_client=client)
    config = IdempotencyConfig(event_key_jmespath=look["key"], raise_on_no_idempotency_key=look["required"])

    @idempotent_function(data_keyword_argument="event", config=config, persistence_store=store)
    def answer(event):
        return event["order"]

    answers = []
    for event in look["events"]:
        try:
            answers.append(answer(event=event))
        except IdempotencyKeyError:
            answers.append("IdempotencyKeyError")
    orders = ", ".join(event["order"] for event in look["events"])
    print(f"Python {look['key']}{' required' * look['required']}: {orders} -> {', '.join(answers)}")
PY
cat >look.mjs <<'JS'
import { readFileSync } from "node:fs";
import { IdempotencyConfig, makeIdempotent } from "@aws-lambda-powertools/idempotency";
import { DynamoDBPersistenceLayer } from "@aws-lambda-powertools/idempotency/dynamodb";
import { CreateTableCommand, DynamoDBClient, waitUntilTableExists } from "@aws-sdk/client-dynamodb";

const client = new DynamoDBClient({ endpoint: `http://127.0.0.1:${readFileSync("port", "utf8")}` });
for (const [number, { key, required, events }] of JSON.parse(readFileSync("looks.json", "utf8")).entries()) {
  const tableName = `typescript-${number}`;
  await client.send(new CreateTableCommand({
    TableName: tableName, BillingMode: "PAY_PER_REQUEST", KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
    AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
  }));
  await waitUntilTableExists({ client, maxWaitTime: 30, minDelay: 1 }, { TableName: tableName });
  const answer = makeIdempotent(async (event) => event.order, {
    persistenceStore: new DynamoDBPersistenceLayer({ tableName, awsSdkV3Client: client }),
    config: new IdempotencyConfig({ eventKeyJmesPath: key, throwOnNoIdempotencyKey: required }),
  });
  const answers = [];
  for (const event of events)
    answers.push(await answer(event).catch((error) => {
      if ((error.cause ?? error).name !== "IdempotencyKeyError") throw error;
      return "IdempotencyKeyError";
    }));
  const orders = events.map((event) => event.order).join(", ");
  console.log(`TypeScript ${key}${required ? " required" : ""}: ${orders} -> ${answers.join(", ")}`);
}
JS
venv/bin/python -W ignore look.py | tee seen
node look.mjs 2>warnings | tee -a seen || { cat warnings >&2; exit 2; }
diff seen - <<'SEEN'
Python user: tea, coffee -> tea, coffee
Python [user, day]: tea, coffee -> tea, coffee
Python {user: user, day: day}: tea, coffee -> tea, coffee
Python [user, day] required: tea -> IdempotencyKeyError
Python [user, day] required: tea, coffee, tea again -> tea, coffee, tea
Python [partition, offset] required: tea, coffee -> tea, coffee
TypeScript user: tea, coffee -> tea, coffee
TypeScript [user, day]: tea, coffee -> tea, tea
TypeScript {user: user, day: day}: tea, coffee -> tea, tea
TypeScript [user, day] required: tea -> IdempotencyKeyError
TypeScript [user, day] required: tea, coffee, tea again -> tea, coffee, tea
TypeScript [partition, offset] required: tea, coffee -> IdempotencyKeyError, coffee
SEEN
