// @ts-check
/** What the form says came of its files. */
import { addressOfBatch } from "../job/batch.js";
import { byId, el, setText } from "../dom.js";
import { addressOf } from "../job/job.js";

/** @typedef {import("./upload-batch.js").UploadBatch} UploadBatch */

export const SIGN_IN_FIRST = "Use the button at the top of the page.";

/** @param {number} count @param {string} one @returns {string} such as "1 job", "3 jobs" */
export const counted = (count, one) => `${count} ${one}${count === 1 ? "" : "s"}`;

/**
 * @param {HTMLElement} note
 * @param {string} message empty when there is nothing to say
 */
export function say(note, message) {
  setText(note, message);
  note.hidden = !message;
}

export class FormReport {
  #success = byId("form-done", HTMLElement);
  element = byId("form-error", HTMLElement);

  /** @returns {boolean} whether it says what went wrong */
  get isShown() {
    return !this.element.hidden;
  }

  clear() {
    this.clearSuccess();
    this.element.hidden = true;
  }

  clearSuccess() {
    say(this.#success, "");
  }

  /**
   * @param {string} message what went wrong
   * @param {string} nextStep what is kept, and what helps
   * @param {HTMLButtonElement | null} remedy
   */
  showError(message, nextStep, remedy = null) {
    this.element.replaceChildren(el("p", { class: "message" }, message), el("p", {}, nextStep), ...(remedy ? [remedy] : []));
    this.element.hidden = false;
    this.element.focus();
  }

  /** @param {UploadBatch} batch of which nothing is under way any more */
  praise({ jobs, troubles, isDetached }) {
    const words = [jobs.length > 1 ? `${counted(jobs.length, "job")} created, one per file.` : jobs.length ? "1 job created." : ""];
    if (troubles.length) words.push(`${counted(troubles.length, "file")} not submitted.`);
    say(this.#success, words.filter(Boolean).join(" "));
    const [first] = jobs;
    if (first?.batch) this.#success.append(" ", el("a", { href: addressOfBatch(first.batch) }, "Show the batch"));
    else if (first) this.#success.append(" ", el("a", { href: addressOf(first.id) }, "Show the job"));
    if (!isDetached) this.#success.focus(); // else the user may be typing
  }
}
