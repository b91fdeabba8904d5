#!/usr/bin/env bash
# jsonata-python 0.7.1 (PyPI) against the reference, jsonata 2.0.6 (npm, MIT; the language of Step Functions' expressions).
#
# The Python port, by which state machines are tested without Node, keeps numbers as Python's int and float, and so
# answers three kinds of expression otherwise, without an error:
# - `%` takes whole numbers only: 5.5 % 2 is 1 there, and 1.5 in JSONata. Seconds split into minutes lose their fraction.
# - $distinct takes true for 1 and false for 0, since they are equal in Python: [1, true] becomes 1.
# - $formatNumber rounds halves up, where JSONata rounds them to the even digit ("0" of 0.5, "2" of 2.5), as its $round
#   does in both: so $round and $formatNumber of one value differ in the port alone.
#
# Seen: what the end of this script has. Ends with 1 if it is otherwise.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/python -m pip install --quiet jsonata-python==0.7.1
npm install --silent --no-fund --no-audit jsonata@2.0.6 >npm.log
cat >look.py <<'PY'
import json
import sys

from jsonata import Jsonata

for expression in sys.argv[1:]:
    print(expression, json.dumps(Jsonata(expression).evaluate({}), separators=(",", ":")))
PY
cat >look.mjs <<'JS'
import jsonata from "jsonata";

for (const expression of process.argv.slice(2)) {
  console.log(expression, JSON.stringify(await jsonata(expression).evaluate({})));
}
JS
expressions=('7 % 3' '5.5 % 2' '$distinct([1,true])' '$round(2.5)' '$formatNumber(2.5,"0")' '$formatNumber(0.5,"0")')
{
  echo "jsonata-python"
  venv/bin/python look.py "${expressions[@]}"
  echo "jsonata"
  node look.mjs "${expressions[@]}"
} | tee seen
diff seen - <<'SEEN'
jsonata-python
7 % 3 1
5.5 % 2 1
$distinct([1,true]) 1
$round(2.5) 2
$formatNumber(2.5,"0") "3"
$formatNumber(0.5,"0") "1"
jsonata
7 % 3 1
5.5 % 2 1.5
$distinct([1,true]) [1,true]
$round(2.5) 2
$formatNumber(2.5,"0") "2"
$formatNumber(0.5,"0") "0"
SEEN
