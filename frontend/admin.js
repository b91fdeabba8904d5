// @ts-check
/** What administrators see besides: the jobs of another person. Loaded for them alone. */
import { owner } from "./api.js";
import { byId, el, setText } from "./dom.js";

const TITLE = "Jobs of another user";

/** Adds the choice of whose jobs are shown to the list of jobs. */
export function showOwnerChoice() {
  if (document.getElementById("owner-form")) return;
  const input = el("input", {
    id: "owner", name: "owner", required: true, pattern: "[0-9a-f\\-]{36}", placeholder: "User ID", autocomplete: "off",
    spellcheck: "false", "aria-describedby": "owner-hint", title: "A user ID has 36 characters, as in a job's “owner”.",
  });
  input.value = owner ?? "";
  const form = el("form", { id: "owner-form", action: "/", method: "get" },
    el("label", { for: "owner" }, TITLE),
    el("div", { class: "tools" }, input, el("button", { class: "quiet small", type: "submit" }, "Show")),
    el("p", { class: "hint", id: "owner-hint" }, "You are an administrator. The ID is “sub” in the user pool."));
  byId("jobs", HTMLElement).append(form);
  if (!owner) return;
  setText(byId("jobs-title", HTMLElement), TITLE);
  byId("jobs-note", HTMLElement).before(el("p", { class: "notice" },
    `You see what belongs to ${owner}. `, el("a", { href: "/" }, "Show your own jobs")));
  for (const id of ["new-job", "new-job-link"]) byId(id, HTMLElement).hidden = true; // a job is its submitter's own
}
