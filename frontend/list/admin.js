// @ts-check
/** What administrators see besides: the jobs of another user. Loaded for them alone. */
import { ApiError, findOwner, listOwners, owner } from "../api.js";
import { dollars } from "../cost.js";
import { byId, el, setText } from "../dom.js";
import { session } from "../sign-in/session.js";

/** @typedef {import("../api.js").RecentOwner} RecentOwner */

const TITLE = "Jobs of another user";
const ID = /^[0-9a-f-]{36}$/;

/** @param {RecentOwner} one @returns {string} what people call the user, where that is known */
const nameOf = ({ email, owner: id }) => email ?? id;

/** @param {RecentOwner} recent @returns {string} such as "2 machines alive, $0.0042 since yesterday" */
function activityText({ machines_alive: alive, usd }) {
  const words = [alive ? `${alive} machine${alive === 1 ? "" : "s"} alive` : "", Number(usd) ? `${dollars(usd)} since yesterday` : ""];
  return words.filter(Boolean).join(", ");
}

/** @param {HTMLElement} note @param {HTMLElement} list of users with machines since yesterday */
async function showRecent(note, list) {
  try {
    const recent = (await listOwners()).filter(({ owner: id }) => id !== owner && id !== session.owner);
    setText(note, recent.length ? "With machines since yesterday:" : "No other user has had a machine since yesterday.");
    list.replaceChildren(...recent.map((one) => el("li", {},
      el("a", { href: `/?owner=${one.owner}`, title: one.owner }, nameOf(one)), " ", el("span", { class: "hint" }, activityText(one)))));
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    setText(note, `Users with machines are unknown. ${error.message}`);
  }
}

/** @param {HTMLElement} place which has the id of whose jobs are shown, until the name is known */
async function showName(place) {
  try {
    setText(place, nameOf(await findOwner(owner ?? "")));
  } catch (error) {
    if (!(error instanceof ApiError)) throw error; // the id has to do
  }
}

/** @param {HTMLInputElement} input @param {HTMLElement} problem where it is said that there is no such user */
async function choose(input, problem) {
  const name = input.value.trim();
  setText(problem, "");
  try {
    location.assign(`/?owner=${ID.test(name) ? name : (await findOwner(name)).owner}`);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    setText(problem, error.message);
    input.focus();
  }
}

/** Adds the choice of whose jobs are shown to the list of jobs. */
export function showOwnerChoice() {
  if (document.getElementById("owner-form")) return;
  const input = el("input", {
    id: "owner", "aria-label": TITLE, required: true, placeholder: "E-mail address or user ID", autocomplete: "off",
    spellcheck: "false", "aria-describedby": "owner-hint owner-problem",
  });
  input.value = owner ?? "";
  const problem = el("p", { class: "field-error", id: "owner-problem", role: "alert" });
  const note = el("p", { class: "hint" });
  const list = el("ul", { class: "owners", "aria-label": "Users with machines since yesterday" });
  const form = el("form", { id: "owner-form", onsubmit: (/** @type {Event} */ event) => {
    event.preventDefault();
    choose(input, problem);
  } },
    el("div", { class: "tools" }, input, el("button", { class: "quiet small", type: "submit" }, "Show")),
    problem,
    el("p", { class: "hint", id: "owner-hint" }, "You are an administrator and may deal with the jobs of all users."),
    note, list);
  // Folded: the list of jobs has the room until this is wanted.
  byId("jobs", HTMLElement).append(el("details", { id: "owner-choice" }, el("summary", {}, TITLE), form));
  showRecent(note, list);
  if (!owner) return;
  setText(byId("jobs-title", HTMLElement), TITLE);
  const name = el("strong", {}, owner);
  showName(name);
  byId("jobs-note", HTMLElement).before(el("p", { class: "notice" },
    "You see what belongs to ", name, ". ", el("a", { href: "/" }, "Show your own jobs")));
  byId("app", HTMLElement).querySelector(".stack")?.append(
    el("section", { class: "card", id: "choose-job" }, el("p", { class: "hint" }, "Choose one of the jobs to see it here.")));
  for (const id of ["new-job", "new-job-link"]) byId(id, HTMLElement).hidden = true; // a job is its submitter's own
}
