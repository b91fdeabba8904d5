#!/usr/bin/env bash
# awslambdaric 4.2.2 (PyPI), the client inside Lambda's Python runtimes.
#
# Lambda's guide ("AWS Lambda function handler in Python") says that the runtime returns an error for what json.dumps cannot
# serialize, so tests of handlers compare with json.dumps. The client uses another package, simplejson:
# - a NamedTuple becomes an object with its fields' names; json.dumps makes it an array. So the value that a test passes
#   on and the value that Step Functions gets are of two types.
# - a Decimal, which json.dumps refuses, becomes a number, in its own writing and with all its digits, which few readers
#   keep: 1E+2, 0.10, 12345678901234567890.123.
# - bytes within a value become a text, and bytes alone are sent as they are: no JSON, so a caller that parses it fails.
# A function of Python 3.12 or newer also answers "ä" as it is, an older one as \u00e4: two and six bytes of the payload.
#
# Seen: what the end of this script has. Ends with 1 if it is otherwise. The values go through the client's own loop, which
# asks a server on loopback for them as it asks Lambda.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/python -m pip install --quiet awslambdaric==4.2.2 simplejson==4.3.0
cat >values.py <<'PY'
from decimal import Decimal
from typing import NamedTuple


class Slot(NamedTuple):
    owner: str
    number: int


VALUES = [Slot("a", 1), Decimal("1E+2"), Decimal("0.10"), Decimal("12345678901234567890.123"), {"key": b"ab"}, b"ab", "ä"]


def handler(event, context):
    return VALUES[event]
PY
cat >look.py <<'PY'
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from values import VALUES

answers = []
done = threading.Event()


class Lambda(BaseHTTPRequestHandler):
    def do_GET(self):
        if len(answers) == len(VALUES):
            done.set()
            threading.Event().wait()
        self.answer(json.dumps(len(answers)).encode())

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        answers.append((self.headers["Content-Type"], body.decode()))
        self.answer(b"{}")

    def answer(self, body):
        self.send_response(200)
        for name, value in (("Lambda-Runtime-Aws-Request-Id", "1"), ("Lambda-Runtime-Deadline-Ms", "9999999999999"),
                            ("Lambda-Runtime-Invoked-Function-Arn", "arn"), ("Content-Type", "application/json"),
                            ("Content-Length", str(len(body)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def by_json(value):
    try:
        return json.dumps(value)
    except TypeError:
        return "refused"


server = HTTPServer(("127.0.0.1", 0), Lambda)
threading.Thread(target=server.serve_forever, daemon=True).start()
environment = os.environ | {
    "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.server_port}", "AWS_EXECUTION_ENV": sys.argv[1],
    "AWS_LAMBDA_FUNCTION_NAME": "f", "AWS_LAMBDA_FUNCTION_VERSION": "1", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
    "AWS_LAMBDA_LOG_GROUP_NAME": "g", "AWS_LAMBDA_LOG_STREAM_NAME": "s", "PYTHONPATH": ".",
}
client = subprocess.Popen([sys.executable, "-m", "awslambdaric", "values.handler"], env=environment)
try:
    assert done.wait(60), answers
finally:
    client.kill()
    client.wait()
for value, (kind, body) in zip(VALUES, answers):
    print(f"{value!r}: {body} ({kind}), json.dumps {by_json(value)}")
PY
{
  venv/bin/python look.py AWS_Lambda_python3.13
  venv/bin/python look.py AWS_Lambda_python3.11 | tail -n 1
} | tee seen
diff seen - <<'SEEN'
Slot(owner='a', number=1): {"owner": "a", "number": 1} (application/json), json.dumps ["a", 1]
Decimal('1E+2'): 1E+2 (application/json), json.dumps refused
Decimal('0.10'): 0.10 (application/json), json.dumps refused
Decimal('12345678901234567890.123'): 12345678901234567890.123 (application/json), json.dumps refused
{'key': b'ab'}: {"key": "ab"} (application/json), json.dumps refused
b'ab': ab (application/unknown), json.dumps refused
'ä': "ä" (application/json), json.dumps "\u00e4"
'ä': "\u00e4" (application/json), json.dumps "\u00e4"
SEEN
