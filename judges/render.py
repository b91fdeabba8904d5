"""`python -m judges.render PART [--config KEY=VALUE ...]` prints a part as the program would deploy it."""

from __future__ import annotations

import argparse
import base64
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from localcloud.engine.deployment import Deployment, preview

ROOT = Path(__file__).parents[1]


def user_data(deployment: Deployment) -> str:
    (template,) = deployment.of_type("aws:ec2/launchTemplate:LaunchTemplate")
    return base64.b64decode(template.inputs["userData"]).decode()


def workflow(deployment: Deployment) -> str:
    (machine,) = deployment.of_type("aws:sfn/stateMachine:StateMachine")
    return json.dumps(json.loads(machine.inputs["definition"]), indent=2)


def event_patterns(deployment: Deployment) -> str:
    """Rule or function → its patterns, of which one has to match."""
    patterns = {
        rule.name.removeprefix("mayfly-local-"): [json.loads(rule.inputs["eventPattern"])]
        for rule in deployment.of_type("aws:cloudwatch/eventRule:EventRule")
        if "eventPattern" in rule.inputs
    }
    for mapping in deployment.of_type("aws:lambda/eventSourceMapping:EventSourceMapping"):
        filters = mapping.inputs["filterCriteria"]["filters"]
        patterns[mapping.name.removeprefix("mayfly-local-")] = [json.loads(each["pattern"]) for each in filters]
    return json.dumps(patterns, indent=2)


_PARTS = {"user-data": user_data, "workflow": workflow, "event-patterns": event_patterns}


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m judges.render", description="Print a part as it would be deployed."
    )
    parser.add_argument("part", choices=sorted(_PARTS))
    parser.add_argument("--config", action="append", default=[], metavar="KEY=VALUE", help="a setting, without mayfly:")
    options = parser.parse_args(argv)
    given = (setting.partition("=") for setting in options.config)
    config = {"mayfly:auth": "none", "mayfly:bundleFor": "host"} | {f"mayfly:{key}": value for key, _, value in given}
    sys.stdout.write(_PARTS[options.part](preview(ROOT, config=config)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
