#!/usr/bin/env bash
# aws-cron-parser 1.1.12 (npm), pyawscron 1.0.7 and aws-croniter 2.1.1 (PyPI), which say when an EventBridge schedule is due.
#
# A day that a month lacks: aws-cron-parser answers the day that the calendar runs over to, so that a schedule for the 31st
# is due on 1 May, July, October and December and in the first days of March besides, and one for 29 February on 1 March in
# three years of four: days that the expression does not have. pyawscron raises ValueError as soon as it comes to such a
# month. aws-croniter leaves the month out. All three agree on L, the last day of a month, which EventBridge's guide has for
# this ("Cron expressions", wildcards).
#
# Seen: what the end of this script has, from 1 August 2026 on. Ends with 1 if it is otherwise. Wants node and npm.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/python -m pip install --quiet pyawscron==1.0.7 aws-croniter==2.1.1
npm install --silent --no-audit --no-fund --ignore-scripts --no-save aws-cron-parser@1.1.12
cat >look.mjs <<'JS'
import parser from "aws-cron-parser";

for (const expression of process.argv.slice(2)) {
  const cron = parser.parse(expression);
  const days = [];
  for (let due = new Date("2026-08-01T00:00:00Z"); days.length < 5; ) {
    due = parser.next(cron, due);
    days.push(due.toISOString().slice(0, 10));
  }
  console.log(`aws-cron-parser ${expression}: ${days.join(" ")}`);
}
JS
cat >look.py <<'PY'
import sys
from datetime import datetime, timezone

from aws_croniter import AwsCroniter
from pyawscron import AWSCron

START = datetime(2026, 8, 1, tzinfo=timezone.utc)
LIBRARIES = {
    "pyawscron": lambda expression: AWSCron.get_next_n_schedule(5, START, expression),
    "aws-croniter": lambda expression: AwsCroniter(expression).get_next(START, 5),
}
for name, due in LIBRARIES.items():
    for expression in sys.argv[1:]:
        try:
            days = " ".join(f"{day:%Y-%m-%d}" for day in due(expression))
        except ValueError as error:
            days = f"ValueError: {error}"
        print(f"{name} {expression}: {days}")
PY
expressions=('0 10 30 4-11 ? *' '0 10 31 * ? *' '0 10 29 2 ? *' '0 10 L * ? *')
{
  node look.mjs "${expressions[@]}"
  venv/bin/python look.py "${expressions[@]}"
} | tee seen
diff seen - <<'SEEN'
aws-cron-parser 0 10 30 4-11 ? *: 2026-08-30 2026-09-30 2026-10-30 2026-11-30 2027-04-30
aws-cron-parser 0 10 31 * ? *: 2026-08-31 2026-10-01 2026-10-31 2026-12-01 2026-12-31
aws-cron-parser 0 10 29 2 ? *: 2027-03-01 2028-02-29 2029-03-01 2030-03-01 2031-03-01
aws-cron-parser 0 10 L * ? *: 2026-08-31 2026-09-30 2026-10-31 2026-11-30 2026-12-31
pyawscron 0 10 30 4-11 ? *: 2026-08-30 2026-09-30 2026-10-30 2026-11-30 2027-04-30
pyawscron 0 10 31 * ? *: ValueError: day is out of range for month
pyawscron 0 10 29 2 ? *: ValueError: day is out of range for month
pyawscron 0 10 L * ? *: 2026-08-31 2026-09-30 2026-10-31 2026-11-30 2026-12-31
aws-croniter 0 10 30 4-11 ? *: 2026-08-30 2026-09-30 2026-10-30 2026-11-30 2027-04-30
aws-croniter 0 10 31 * ? *: 2026-08-31 2026-10-31 2026-12-31 2027-01-31 2027-03-31
aws-croniter 0 10 29 2 ? *: 2028-02-29 2032-02-29 2036-02-29 2040-02-29 2044-02-29
aws-croniter 0 10 L * ? *: 2026-08-31 2026-09-30 2026-10-31 2026-11-30 2026-12-31
SEEN
