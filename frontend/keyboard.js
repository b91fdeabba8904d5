// @ts-check
import { byId, el } from "./dom.js";

/** @type {[string, string][]} */
const KEYS = [
  ["n", "New job"],
  ["/", "Search jobs"],
  ["j", "Next job in the list"],
  ["k", "Previous job in the list"],
  ["Enter", "Open the job"],
  ["Esc", "Close the job or a dialog, leave Select"],
  ["Ctrl Enter", "Run the job, from the form"],
  ["?", "Show these keys"],
];

/** @param {EventTarget | null} target @returns {boolean} whether keys belong to what has the focus, or to a dialog */
function takesKeys(target) {
  if (document.querySelector("dialog[open]")) return true; // a click next to its controls leaves the focus on the body
  return target instanceof Element && target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]") !== null;
}

/** @param {1 | -1} step @param {HTMLElement} list */
function move(step, list) {
  const links = [...list.querySelectorAll("a")];
  const at = links.findIndex((link) => link === document.activeElement);
  const from = at >= 0 ? at : links.findIndex((link) => link.hasAttribute("aria-current"));
  const next = links[Math.min(links.length - 1, Math.max(0, from + step))];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}

function showHelp() {
  const close = el("button", { class: "quiet", type: "button", onclick: () => dialog.close() }, "Close");
  const dialog = el("dialog", { "aria-labelledby": "keys-title" }, el("h2", { id: "keys-title" }, "Keyboard"),
    el("dl", { class: "keys" }, ...KEYS.map(([key, what]) => el("div", {}, el("dt", {}, el("kbd", {}, key)), el("dd", {}, what)))),
    el("div", { class: "actions" }, close));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  close.focus();
}

/** @param {{newJob: () => void, close: () => void}} actions */
export function listenForKeys({ newJob, close }) {
  byId("show-keys", HTMLButtonElement).addEventListener("click", showHelp);
  // What a script gives the focus shows a ring when the keyboard led there: engines differ in what they make of it.
  addEventListener("keydown", () => document.body.classList.add("by-key"), true);
  addEventListener("pointerdown", () => document.body.classList.remove("by-key"), true);
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || takesKeys(event.target)) return;
    const list = byId("job-list", HTMLUListElement);
    /** @type {Record<string, () => void>} */
    const actions = {
      n: newJob,
      "/": () => byId("job-search", HTMLInputElement).focus(),
      j: () => move(1, list),
      k: () => move(-1, list),
      "?": showHelp,
      Escape: close,
    };
    if (!Object.hasOwn(actions, event.key)) return;
    event.preventDefault();
    actions[event.key]();
  });
}
