#!/usr/bin/env bash
# aws-local-stepfunctions 3.0.0 (npm), by which state machines are tested without AWS.
#
# It takes another branch, or makes another value, than the Amazon States Language specification and AWS's guide have, and
# says nothing:
# - `"IsPresent": false` never holds, not even for a field that is not there: its usual use, a default for a field that
#   the input may lack, always goes the wrong way. (Specification, "Choice State".)
# - in StringMatches a question mark stands for any character; the specification knows no wildcard but the asterisk. And
#   an asterisk does not go past a line break.
# - States.StringSplit splits at its delimiters as one text. AWS splits at each character of them (Step Functions guide,
#   "Intrinsic functions", whose example has four different ones).
#
# Seen: what the end of this script has. Ends with 1 if it is otherwise.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --no-save aws-local-stepfunctions@3.0.0
cat >look.mjs <<'JS'
import { StateMachine } from "aws-local-stepfunctions";

async function result(states, input) {
  return JSON.stringify(await new StateMachine({ StartAt: "Look", States: states }).run(input).result);
}

function chosen(rule, input) {
  const end = (text) => ({ Type: "Pass", Result: text, End: true });
  const look = { Type: "Choice", Choices: [{ ...rule, Next: "Yes" }], Default: "No" };
  return result({ Look: look, Yes: end("holds"), No: end("does not hold") }, input);
}

for (const [input, rule] of [
  [{ owner: "a" }, { Variable: "$.owner", IsPresent: true }],
  [{}, { Variable: "$.owner", IsPresent: true }],
  [{ owner: "a" }, { Variable: "$.owner", IsPresent: false }],
  [{}, { Variable: "$.owner", IsPresent: false }],
  [{ name: "a-1.txt" }, { Variable: "$.name", StringMatches: "a-*.txt" }],
  [{ name: "what?" }, { Variable: "$.name", StringMatches: "what?" }],
  [{ name: "whats" }, { Variable: "$.name", StringMatches: "what?" }],
  [{ name: "a\nb" }, { Variable: "$.name", StringMatches: "a*" }],
]) {
  const { Variable, ...test } = rule;
  console.log(`${JSON.stringify(input)} ${Variable} ${JSON.stringify(test)}: ${await chosen(rule, input)}`);
}
for (const delimiters of [",", ",;"]) {
  const look = { Type: "Pass", Parameters: { "parts.$": `States.StringSplit('a,b;c', '${delimiters}')` }, End: true };
  console.log(`States.StringSplit('a,b;c', '${delimiters}'): ${await result({ Look: look }, {})}`);
}
JS
node look.mjs | tee seen
diff seen - <<'SEEN'
{"owner":"a"} $.owner {"IsPresent":true}: "holds"
{} $.owner {"IsPresent":true}: "does not hold"
{"owner":"a"} $.owner {"IsPresent":false}: "does not hold"
{} $.owner {"IsPresent":false}: "does not hold"
{"name":"a-1.txt"} $.name {"StringMatches":"a-*.txt"}: "holds"
{"name":"what?"} $.name {"StringMatches":"what?"}: "holds"
{"name":"whats"} $.name {"StringMatches":"what?"}: "holds"
{"name":"a\nb"} $.name {"StringMatches":"a*"}: "does not hold"
States.StringSplit('a,b;c', ','): {"parts":["a","b;c"]}
States.StringSplit('a,b;c', ',;'): {"parts":["a,b;c"]}
SEEN
