// @ts-check
import { byId, setText } from "./dom.js";
import { session, SettingsUnreachable } from "./sign-in/session.js";

const gate = byId("gate", HTMLElement);
const app = byId("app", HTMLElement);
const notice = byId("session-notice", HTMLElement);
const again = byId("sign-in-again", HTMLButtonElement);

/** @type {import("./app.js").App | null} */
let opened = null;

/** @param {string} title @param {string} text @param {string} action */
function warn(title, text, action) {
  setText(byId("session-title", HTMLElement), title);
  setText(byId("session-text", HTMLElement), text);
  setText(again, action);
  notice.hidden = false;
}

function draw() {
  const { state, email, problem } = session;
  byId("account", HTMLElement).hidden = state !== "signed-in";
  setText(byId("email", HTMLElement), email);
  notice.hidden = true;
  gate.hidden = state !== "signed-out";
  setText(byId("gate-problem", HTMLElement), problem);
  byId("gate-problem", HTMLElement).hidden = !problem;
  // After signing out, going back shows nothing of it either.
  if (state === "signed-out") app.remove();
  if (state === "expired") warn("Your sign-in has expired.", opened?.kept() ?? "", "Sign in again");
}

/** Fetches the app's modules, which signing in does not need, all at once and not one import after the other. */
function preloadApp() {
  document.head.append(byId("app-modules", HTMLTemplateElement).content);
}

/** Rejects with SettingsUnreachable when its modules cannot be loaded. */
async function showApp() {
  preloadApp();
  const loaded = await import("./app.js").catch((error) => {
    if (!(error instanceof TypeError)) throw error; // a TypeError: import() found no network
    throw new SettingsUnreachable("A part of it could not be loaded. Check the connection.");
  });
  if (!session.isUsable) return;
  app.hidden = false; // not before: a form without listeners would send itself
  opened = loaded.openApp();
}

byId("sign-in", HTMLButtonElement).addEventListener("click", () => session.signIn());
byId("sign-out", HTMLButtonElement).addEventListener("click", () => session.signOut());
again.addEventListener("click", () => (session.state === "expired" ? session.signIn() : location.reload()));
session.addEventListener("change", draw);
if (session.isLikely) preloadApp();
try {
  await session.start();
  if (session.isUsable) await showApp();
  else requestAnimationFrame(() => setTimeout(preloadApp)); // the gate is drawn first
} catch (error) {
  if (!(error instanceof SettingsUnreachable)) throw error;
  warn("The page cannot start.", error.message, "Try again");
}
