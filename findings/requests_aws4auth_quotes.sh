#!/usr/bin/env bash
# requests-aws4auth 1.4.0 (PyPI), which signs requests of requests and httpx, against botocore 1.44.8 (PyPI).
#
# It takes a header's value apart as a shell would, with Python's shlex, before it signs it. AWS's rule has no quotes:
# spaces are trimmed, and several in a row are one ("Create a signed AWS API request", canonical headers). So
# - of a value with a space in it, a word that begins with a quote whose mate is missing, as in "the '90s", raises
#   ValueError, in any header, also in one that is not signed, such as User-Agent;
# - what follows a quote without a space, a comma say, gets a space in front of it, in the signature alone: S3 refuses an
#   object whose metadata is `"a", "b"`.
# And it signs a key with two slashes in a row as one with a single slash, although paths are not normalized for S3 (the
# same page, canonical URI).
#
# Seen: what the end of this script has: whether the two packages come to the same signature. Ends with 1 if it is otherwise.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/python -m pip install --quiet requests-aws4auth==1.4.0 requests==2.34.2 botocore==1.44.8
cat >look.py <<'PY'
import hashlib

import requests
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from requests_aws4auth import AWS4Auth

KEYS, REGION, BODY = ("AKIDEXAMPLE", "secret"), "eu-central-1", b"x"


def signed(path, headers):
    url = f"https://bucket.s3.{REGION}.amazonaws.com{path}"
    one = requests.Request("PUT", url, headers=headers, data=BODY).prepare()
    try:
        AWS4Auth(*KEYS, REGION, "s3", include_hdrs={"host", "x-amz-*"})(one)
    except ValueError as error:
        return f"ValueError: {error}"
    date = one.headers["x-amz-date"]
    other = AWSRequest("PUT", url, data=BODY)
    for name in headers:
        if name.startswith("x-amz-"):
            other.headers[name] = headers[name]
    other.headers["X-Amz-Date"] = other.context["timestamp"] = date
    other.headers["X-Amz-Content-SHA256"] = hashlib.sha256(BODY).hexdigest()
    signer = S3SigV4Auth(Credentials(*KEYS), "s3", REGION)
    signature = signer.signature(signer.string_to_sign(other, signer.canonical_request(other)), other)
    return "same" if f"Signature={signature}" in str(one.headers["Authorization"]) else "another one"


for path, name, value in [
    ("/key", "x-amz-meta-title", "two  spaces"),
    ("/key", "x-amz-meta-title", "Zoe's file"),
    ("/key", "x-amz-meta-title", "the '90s"),
    ("/key", "user-agent", "the '90s"),
    ("/key", "x-amz-meta-title", '"a" "b"'),
    ("/key", "x-amz-meta-title", '"a", "b"'),
    ("/a/key", "x-amz-meta-title", "plain"),
    ("/a//key", "x-amz-meta-title", "plain"),
]:
    print(f"{path}, {name}: {value} => {signed(path, {name: value})}")
PY
venv/bin/python look.py | tee seen
diff seen - <<'SEEN'
/key, x-amz-meta-title: two  spaces => same
/key, x-amz-meta-title: Zoe's file => same
/key, x-amz-meta-title: the '90s => ValueError: No closing quotation
/key, user-agent: the '90s => ValueError: No closing quotation
/key, x-amz-meta-title: "a" "b" => same
/key, x-amz-meta-title: "a", "b" => another one
/a/key, x-amz-meta-title: plain => same
/a//key, x-amz-meta-title: plain => another one
SEEN
