#!/usr/bin/env bash
# cfn-lint 1.58.0 (PyPI), which checks state machines in templates with its rule E3601.
#
# It takes a JSONata expression as the Seconds of a Wait, as the Amazon States Language specification has it, but not as
# a Task's TimeoutSeconds or HeartbeatSeconds, for which the specification says the same ("Task State": in a state whose
# query language is JSONata, a string that evaluates to a positive integer), and which CDK writes (Timeout.jsonata). Its
# schema demands a number there, whatever the query language. AWS's own amazon-states-language-service 1.16.1 accepts
# such a TimeoutSeconds. So a workflow whose time-outs are computed is refused by this linter alone.
#
# Seen: "Wait.Seconds: 0", "Task.TimeoutSeconds: 1", "Task.HeartbeatSeconds: 1", "number, not expression: 0". Ends with 1
# if any of these numbers of remarks is another one.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/python -m pip install --quiet cfn-lint==1.58.0
cat >look.py <<'PY'
import json
import sys

from cfnlint.api import lint

TASK = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Arguments": {"FunctionName": "f"}, "End": True}
EXPRESSION = "{% $states.input.seconds %}"
LOOKS = [
    ("Wait.Seconds", 0, {"Type": "Wait", "Seconds": EXPRESSION, "End": True}),
    ("Task.TimeoutSeconds", 1, {**TASK, "TimeoutSeconds": EXPRESSION}),
    ("Task.HeartbeatSeconds", 1, {**TASK, "HeartbeatSeconds": EXPRESSION}),
    ("number, not expression", 0, {**TASK, "TimeoutSeconds": 60, "HeartbeatSeconds": 30}),
]
changed = False
for name, expected, state in LOOKS:
    definition = {"QueryLanguage": "JSONata", "StartAt": "Only", "States": {"Only": state}}
    properties = {"RoleArn": "arn:aws:iam::123456789012:role/r", "DefinitionString": json.dumps(definition)}
    resource = {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}
    template = {"AWSTemplateFormatVersion": "2010-09-09", "Resources": {"Machine": resource}}
    remarks = lint(json.dumps(template), regions=["eu-central-1"])
    print(f"{name}: {len(remarks)}")
    changed = changed or len(remarks) != expected
sys.exit(int(changed))
PY
venv/bin/python look.py
