#!/usr/bin/env bash
# aws-lambda-go 1.55.1 (Go module github.com/aws/aws-lambda-go), Lambda's runtime client for Go.
#
# Step Functions finds a Retry or Catch by the errorType that a function answers, and in Go that is the name of the error's
# type. Of an error with context around it, as is usual in Go (fmt.Errorf with %w), it is the name of what is
# around: wrapError, wrapErrors or joinError, private types of the standard library. errors.Is and errors.As see through
# these; the client does not, so a line of context more, in a package that the function only calls, takes the error past
# every Retry and Catch that names it. Only an error that is messages.InvokeResponse_Error itself says its own name, and
# that, too, is lost in a wrapper. The name has no package: two types called Busy are one.
#
# Seen: what the end of this script has. Wants go and python3. Ends with 1 if it is otherwise. The client asks a server on
# loopback as it asks Lambda.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat >go.mod <<'GO'
module example.invalid/look

go 1.26

require github.com/aws/aws-lambda-go v1.55.1
GO
cat >main.go <<'GO'
package main

import (
	"errors"
	"fmt"
	"os/exec"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambda/messages"
)

type Busy struct{}

func (Busy) Error() string { return "busy" }

func handler(number int) (any, error) {
	named := messages.InvokeResponse_Error{Type: "Busy", Message: "busy"}
	return nil, []error{
		Busy{},
		&Busy{},
		fmt.Errorf("launch: %w", Busy{}),
		fmt.Errorf("launch: %w, %w", Busy{}, exec.ErrNotFound),
		errors.Join(Busy{}),
		named,
		fmt.Errorf("launch: %w", named),
	}[number]
}

func main() { lambda.Start(handler) }
GO
cat >look.py <<'PY'
import json
import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LOOKS = ["value", "pointer", "%w", "two %w", "errors.Join", "named", "named, %w"]
answers = []
done = threading.Event()


class Lambda(BaseHTTPRequestHandler):
    def do_GET(self):
        if len(answers) == len(LOOKS):
            done.set()
            threading.Event().wait()
        self.answer(200, json.dumps(len(answers)).encode())

    def do_POST(self):
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        answers.append(json.loads(body)["errorType"])
        self.answer(202, b"{}")

    def answer(self, status, body):
        self.send_response(status)
        for name, value in (("Lambda-Runtime-Aws-Request-Id", "1"), ("Lambda-Runtime-Deadline-Ms", "9999999999999"),
                            ("Lambda-Runtime-Invoked-Function-Arn", "arn"), ("Content-Length", str(len(body)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Lambda)
threading.Thread(target=server.serve_forever, daemon=True).start()
environment = os.environ | {"AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.server_port}"}
with open("function.log", "w") as log:
    client = subprocess.Popen(["./function"], env=environment, stdout=log, stderr=log)
try:
    assert done.wait(60), answers
finally:
    client.kill()
    client.wait()
for look, answer in zip(LOOKS, answers):
    print(f"{look}: {answer}")
PY
go mod tidy >go.log 2>&1
go build -o function .
python3 look.py | tee seen
diff seen - <<'SEEN'
value: Busy
pointer: Busy
%w: wrapError
two %w: wrapErrors
errors.Join: joinError
named: Busy
named, %w: wrapError
SEEN
