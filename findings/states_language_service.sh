#!/usr/bin/env bash
# amazon-states-language-service 1.16.1 (npm), AWS's own reader of workflow definitions, the one of its editors.
#
# It says nothing of three faults that the Amazon States Language specification rules out, in a definition whose query
# language is JSONata: a state with ResultPath, which is a field of JSONPath's states alone ("JSONata and JSONPath"); an
# expression that does not parse, although the package brings jsonata along; and a Catch after one of States.ALL, which
# has to be the last ("Fallback states"). It does say that a field called Retri is unknown, and that a next state is not
# there. So a definition that it accepts may be refused by Step Functions, or never do what it says.
#
# Seen: "sound: 0", "unknown field: 1", "missing state: 1", "ResultPath with JSONata: 0", "expression cut short: 0",
# "Catch after States.ALL: 0". Ends with 1 if any of these numbers of remarks is another one.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --no-save amazon-states-language-service@1.16.1
cat >look.js <<'JS'
const { getLanguageService } = require("amazon-states-language-service");
const { TextDocument } = require("vscode-languageserver-textdocument");
const task = () => ({
  Type: "Task", Resource: "arn:aws:states:::lambda:invoke", Arguments: { FunctionName: "f" },
  Output: "{% $states.result.Payload %}", Catch: [{ ErrorEquals: ["Busy"], Next: "Done" }], Next: "Done",
});
const looks = [
  ["sound", 0, () => {}],
  ["unknown field", 1, (state) => { state.Retri = []; }],
  ["missing state", 1, (state) => { state.Next = "Gone"; }],
  ["ResultPath with JSONata", 0, (state) => { state.ResultPath = "$.x"; }],
  ["expression cut short", 0, (state) => { state.Output = "{% $sum( %}"; }],
  ["Catch after States.ALL", 0, (state) => { state.Catch.unshift({ ErrorEquals: ["States.ALL"], Next: "Done" }); }],
];
(async () => {
  const service = getLanguageService({});
  for (const [name, expected, change] of looks) {
    const state = task();
    change(state);
    const definition = { QueryLanguage: "JSONata", StartAt: "Work", States: { Work: state, Done: { Type: "Succeed" } } };
    const document = TextDocument.create("file:///w.asl.json", "asl", 1, JSON.stringify(definition, null, 2));
    const remarks = await service.doValidation(document, service.parseJSONDocument(document));
    console.log(`${name}: ${remarks.length}`);
    if (remarks.length !== expected) process.exitCode = 1;
  }
})();
JS
node look.js
