#!/usr/bin/env bash
# boto3 1.44.8 (PyPI), its paginators, with moto 5.2.5 (PyPI) in place of S3 and DynamoDB.
#
# Work in batches: list some with MaxItems, do and delete them, go on with the NextToken of the result as StartingToken,
# "that you can use to resume pagination" (boto3's reference, MaxItems). DynamoDB itself goes on after a key, whether that
# item is still there or not. But MaxItems is no limit that the service is told. Where it falls within a page, boto3's token
# is the one that the page was asked for with, and a number of items to leave out: the page is read once more, and what has
# moved up to the places of the deleted items is left out. Of five, the third and fourth are never seen, and the loop ends
# as if all had been done. It goes well as long as nothing is deleted, and where PageSize makes the pages end at MaxItems.
# The Count of a DynamoDB result is that of the whole page besides, each time anew: 5, 5 and 5 for five items in all.
#
# Seen: what the end of this script has: what each round was given, and what is left at the end. Ends with 1 if it is
# otherwise.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/python -m pip install --quiet boto3==1.44.8 moto==5.2.5
cat >look.py <<'PY'
import boto3
from moto import mock_aws

ACCESS = {"region_name": "eu-central-1", "aws_access_key_id": "a", "aws_secret_access_key": "b"}


def in_batches(paginate, names, delete, **page_size):
    token = None
    while True:
        result = paginate(PaginationConfig={"MaxItems": 2, "StartingToken": token, **page_size}).build_full_result()
        batch = names(result)
        for name in batch:
            delete(name)
        yield "".join(batch) + (f" (Count {result['Count']})" if "Count" in result else "")
        token = result.get("NextToken")
        if token is None:
            return


@mock_aws
def s3(deletes, **page_size):
    client = boto3.client("s3", **ACCESS)
    client.create_bucket(Bucket="jobs", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    for name in "abcde":
        client.put_object(Bucket="jobs", Key=name)

    def names(result):
        return [found["Key"] for found in result.get("Contents", [])]

    def delete(name):
        if deletes:
            client.delete_object(Bucket="jobs", Key=name)

    def paginate(**config):
        return client.get_paginator("list_objects_v2").paginate(Bucket="jobs", **config)

    return [*in_batches(paginate, names, delete, **page_size)], names(client.list_objects_v2(Bucket="jobs"))


@mock_aws
def dynamodb(deletes, **page_size):
    client = boto3.client("dynamodb", **ACCESS)
    kinds = {"user": "HASH", "job": "RANGE"}
    client.create_table(
        TableName="jobs", BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in kinds.items()],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in kinds],
    )
    for name in "abcde":
        client.put_item(TableName="jobs", Item={"user": {"S": "u"}, "job": {"S": name}})
    query = {
        "TableName": "jobs", "KeyConditionExpression": "#user = :user", "ExpressionAttributeNames": {"#user": "user"},
        "ExpressionAttributeValues": {":user": {"S": "u"}},
    }

    def names(result):
        return [found["job"]["S"] for found in result.get("Items", [])]

    def delete(name):
        if deletes:
            client.delete_item(TableName="jobs", Key={"user": {"S": "u"}, "job": {"S": name}})

    def paginate(**config):
        return client.get_paginator("query").paginate(**query, **config)

    return [*in_batches(paginate, names, delete, **page_size)], names(client.query(**query))


LOOKS = [("read", False, {}), ("deleted", True, {}), ("deleted, PageSize 2", True, {"PageSize": 2})]
for service in (s3, dynamodb):
    for how, deletes, page_size in LOOKS:
        rounds, left = service(deletes, **page_size)
        print(f"{service.__name__}, {how}: {', '.join(rounds)}; left: {''.join(left) or 'nothing'}")
PY
venv/bin/python look.py | tee seen
diff seen - <<'SEEN'
s3, read: ab, cd, e; left: abcde
s3, deleted: ab, e; left: cd
s3, deleted, PageSize 2: ab, cd, e; left: nothing
dynamodb, read: ab (Count 5), cd (Count 5), e (Count 5); left: abcde
dynamodb, deleted: ab (Count 5), e (Count 3); left: cd
dynamodb, deleted, PageSize 2: ab (Count 2), cd (Count 2), e (Count 1); left: nothing
SEEN
