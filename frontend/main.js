// @ts-check
import { openDesk } from "./app.js";
import { byId, setText } from "./dom.js";
import { session, SettingsUnreachable } from "./session.js";
import { cutOffOnes, storedOnes } from "./submission.js";

const gate = byId("gate", HTMLElement);
const desk = byId("desk", HTMLElement);
const notice = byId("session-notice", HTMLElement);
const again = byId("sign-in-again", HTMLButtonElement);

/** @type {import("./form.js").JobForm | null} */
let form = null;

/** @param {string} title @param {string} text @param {string} action */
function warn(title, text, action) {
  setText(byId("session-title", HTMLElement), title);
  setText(byId("session-text", HTMLElement), text);
  setText(again, action);
  notice.hidden = false;
}

function warnOfExpiry() {
  const kept = ["Your text is kept."];
  if (cutOffOnes().length) kept.push("After that, choose the same file again to resume the upload.");
  else if (storedOnes().length) kept.push("Your file is uploaded; its job is created when you have signed in.");
  else if (form?.hasFile) kept.push("The file has to be chosen again.");
  warn("Your sign-in has expired.", kept.join(" "), "Sign in again");
}

function draw() {
  const { state, email, problem } = session;
  byId("account", HTMLElement).hidden = state !== "signed-in";
  setText(byId("email", HTMLElement), email);
  notice.hidden = true;
  gate.hidden = state !== "signed-out";
  setText(byId("gate-problem", HTMLElement), problem);
  byId("gate-problem", HTMLElement).hidden = !problem;
  // Whoever signed out shall find nothing of it by going back, either.
  if (state === "signed-out") desk.remove();
  desk.hidden = false;
  if (state === "expired") warnOfExpiry();
}

byId("sign-in", HTMLButtonElement).addEventListener("click", () => session.signIn());
byId("sign-out", HTMLButtonElement).addEventListener("click", () => session.signOut());
again.addEventListener("click", () => (session.state === "expired" ? session.signIn() : location.reload()));
session.addEventListener("change", draw);
try {
  await session.start();
  if (session.isUsable) form = openDesk();
} catch (error) {
  if (!(error instanceof SettingsUnreachable)) throw error;
  warn("The page cannot start.", error.message, "Try again");
}
