// @ts-check
/** What administrators see besides: the jobs of another user. Loaded for them alone. */
import { ApiError, listOwners, owner } from "./api.js";
import { dollars } from "./cost.js";
import { byId, el, setText } from "./dom.js";
import { session } from "./session.js";

/** @typedef {import("./api.js").RecentOwner} RecentOwner */

const TITLE = "Jobs of another user";

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
      el("a", { href: `/?owner=${one.owner}` }, one.owner), " ", el("span", { class: "hint" }, activityText(one)))));
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    setText(note, `Users with machines are unknown. ${error.message}`);
  }
}

/** Adds the choice of whose jobs are shown to the list of jobs. */
export function showOwnerChoice() {
  if (document.getElementById("owner-form")) return;
  const input = el("input", {
    id: "owner", name: "owner", "aria-label": TITLE, required: true, pattern: "[0-9a-f\\-]{36}", placeholder: "User ID", autocomplete: "off",
    spellcheck: "false", "aria-describedby": "owner-hint", title: "A user ID has 36 characters, as in a job's “owner”.",
  });
  input.value = owner ?? "";
  const note = el("p", { class: "hint" });
  const list = el("ul", { class: "owners", "aria-label": "Users with machines since yesterday" });
  const form = el("form", { id: "owner-form", action: "/", method: "get" },
    el("div", { class: "tools" }, input, el("button", { class: "quiet small", type: "submit" }, "Show")),
    el("p", { class: "hint", id: "owner-hint" }, "You are an administrator. A user's ID is “sub” in the user pool and “Owner” under a job's details."),
    note, list);
  // Folded: the list of jobs has the room until this is wanted.
  byId("jobs", HTMLElement).append(el("details", { id: "owner-choice" }, el("summary", {}, TITLE), form));
  showRecent(note, list);
  if (!owner) return;
  setText(byId("jobs-title", HTMLElement), TITLE);
  byId("jobs-note", HTMLElement).before(el("p", { class: "notice" },
    `You see what belongs to ${owner}. `, el("a", { href: "/" }, "Show your own jobs")));
  byId("app", HTMLElement).querySelector(".stack")?.append(
    el("section", { class: "card", id: "choose-job" }, el("p", { class: "hint" }, "Choose one of the jobs to see it here.")));
  for (const id of ["new-job", "new-job-link"]) byId(id, HTMLElement).hidden = true; // a job is its submitter's own
}
