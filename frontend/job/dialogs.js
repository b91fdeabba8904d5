// @ts-check
import * as api from "../api.js";
import { el, setText } from "../dom.js";
import { finish } from "../upload/submission.js";

/** @typedef {import("../api.js").Job} Job */

/**
 * Asks in a modal dialog: the browser keeps the focus in it, closes it on Escape, and gives the focus back.
 *
 * @template T
 * @param {object} question
 * @param {string} question.title
 * @param {(Node | string)[]} question.content
 * @param {HTMLElement} [question.first] what has the focus at first; the button that changes nothing, when left out
 * @param {string} question.action
 * @param {string} question.refusal
 * @param {string} question.kind of the action's button, a class
 * @param {() => Promise<T>} question.work what the action does; the dialog stays and says so if that fails
 * @returns {Promise<T | null>} null when it was refused
 */
function ask({ title, content, first, action, refusal, kind, work }) {
  return new Promise((resolve) => {
    /** What comes of the action, also when the dialog is left meanwhile. @type {Promise<T | null>} */
    let outcome = Promise.resolve(null);
    const problem = el("p", { class: "notice bad", role: "alert", hidden: true });
    const no = el("button", { class: "quiet", type: "button", onclick: () => dialog.close() }, refusal);
    const yes = el("button", { class: kind, type: "submit" }, action);
    const form = el("form", {},
      el("h2", { id: "dialog-title" }, title), ...content.map((part) => (typeof part === "string" ? el("p", {}, part) : part)),
      problem, el("div", { class: "actions" }, no, yes));
    const dialog = el("dialog", { "aria-labelledby": "dialog-title" }, form);
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (yes.disabled) return;
      yes.disabled = true;
      problem.hidden = true;
      try {
        const working = work();
        outcome = working.catch(() => null);
        await working;
        dialog.close();
      } catch (error) {
        if (!(error instanceof api.ApiError)) throw error;
        setText(problem, error.message);
        problem.hidden = false;
        yes.disabled = false;
        yes.focus();
      }
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(outcome);
    });
    document.body.append(dialog);
    dialog.showModal();
    (first ?? no).focus();
    // WebKit puts the caret before a text that was set by a script.
    if (first instanceof HTMLTextAreaElement) first.setSelectionRange(first.value.length, first.value.length);
  });
}

/**
 * @param {Job} job over
 * @returns {Promise<Job | null>} a new one with the same file; null when it was not wanted after all
 */
export function askToRunAgain(job) {
  const text = el("textarea", { id: "again-text", rows: 4, autocomplete: "off", required: true });
  text.value = job.input_text;
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) text.form?.requestSubmit();
  });
  /** @type {string | null} */
  let copy = null;
  return ask({
    title: `Edit and run “${job.filename}”`,
    content: [
      api.owner
        ? "Creates a new job of your own with the same file. This user's job stays as it is."
        : "Creates a new job with the same file. This job stays as it is.",
      el("div", { class: "field" }, el("label", { for: "again-text" }, "Text"), text),
    ],
    first: text,
    action: "Run job",
    refusal: "Cancel",
    kind: "primary",
    work: async () => {
      copy ??= (await api.copyInput(job.id)).job_id; // not another one when only the second step has to be repeated
      const { filename, overrides } = job;
      return finish({ jobId: copy, text: text.value, filename, size: job.size ?? 0, lastModified: 0, overrides, uploadId: null });
    },
  });
}

/**
 * @param {Job[]} jobs over
 * @returns {Promise<boolean>} whether they are to be deleted
 */
export async function askToDeleteAll(jobs) {
  const [first] = jobs;
  if (!first) return false;
  const done = await ask({
    title: jobs.length === 1 ? `Delete “${first.filename}”?` : `Delete ${jobs.length} jobs?`,
    content: ["Their files, results, logs and records are removed. This cannot be undone."],
    action: jobs.length === 1 ? "Delete job" : `Delete ${jobs.length} jobs`,
    refusal: "Keep them",
    kind: "danger",
    work: async () => true,
  });
  return done ?? false;
}

/**
 * @param {Job} job over
 * @returns {Promise<boolean>} whether it is deleted
 */
export async function askToDelete(job) {
  const done = await ask({
    title: `Delete “${job.filename}”?`,
    content: ["Its file, result, log and record are removed. This cannot be undone."],
    action: "Delete job",
    refusal: "Keep it",
    kind: "danger",
    work: async () => {
      await api.deleteJob(job.id);
      return true;
    },
  });
  return done ?? false;
}
