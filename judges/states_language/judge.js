// judge.js DEFINITION: what the language service says of it, and whether it sees each of some mistakes.
const { readFileSync } = require("node:fs");
const { getLanguageService } = require("amazon-states-language-service");
const { TextDocument } = require("vscode-languageserver-textdocument");

const text = readFileSync(process.argv[2], "utf8");
const service = getLanguageService({});

async function problems(definition) {
  const document = TextDocument.create("file:///workflow.asl.json", "asl", 1, JSON.stringify(definition, null, 2));
  const found = await service.doValidation(document, service.parseJSONDocument(document));
  return found.map(({ message, range }) => `line ${range.start.line + 1}: ${message} (${document.getText(range)})`);
}

const mistakes = {
  "a next state that is not there": (states) => { states.Launch.Next = "Nowhere"; },
  "a state that no other one reaches": (states) => { states.Island = { Type: "Pass", End: true }; },
  "a state without an end": (states) => { delete states.Dispatch.Next; },
  "a field that is unknown": (states) => { states.Launch.Retri = []; },
  "a time-out that is no number": (states) => { states.AwaitCompletion.TimeoutSeconds = "soon"; },
};

(async () => {
  const { version } = require("amazon-states-language-service/package.json");
  console.log(`amazon-states-language-service ${version}`);
  let failed = 0;
  const check = (name, isFine, seen) => {
    console.log(`${isFine ? "ok   " : "FAIL "} ${name}${isFine ? "" : `\n      ${seen}`}`);
    failed += isFine ? 0 : 1;
  };
  const found = await problems(JSON.parse(text));
  check("the workflow as it is deployed has no fault", found.length === 0, found.join("\n      "));
  for (const [name, make] of Object.entries(mistakes)) {
    const definition = JSON.parse(text);
    make(definition.States);
    check(`${name} would be seen`, (await problems(definition)).length > 0, "it was not");
  }
  console.log(`${1 + Object.keys(mistakes).length - failed} passed, ${failed} failed`);
  process.exitCode = failed ? 1 : 0;
})();
