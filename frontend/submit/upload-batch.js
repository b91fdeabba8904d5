// @ts-check
import { counted } from "./form-report.js";

/**
 * @typedef {import("../api.js").Job} Job
 * @typedef {import("./chosen-files.js").Entry} Entry
 */

/** Files that were submitted together, with one text. What came of them is said once none is under way any more. */
export class UploadBatch {
  /** @type {Job[]} */
  jobs = [];
  /** @type {(import("../api.js").ApiError | import("../upload/upload-error.js").UploadError)[]} */
  troubles = [];
  /** Those whose jobs do not exist yet. @type {Set<Entry>} */
  entries = new Set();
  /** How many files are under way. */
  running = 0;
  /** Whether another batch has taken its place in the form. */
  isDetached = false;

  /** Whether it was put aside by hand: then the page stays where the user is. */
  isAside = false;

  /** @param {string} text */
  constructor(text) {
    this.text = text;
  }

  /** @returns {string} such as " (1 of 3 done)"; empty for one file */
  get progress() {
    const done = this.jobs.length + this.troubles.length;
    return done + this.running > 1 ? ` (${done} of ${done + this.running} done)` : "";
  }

  /** @returns {boolean} whether it is one file, whose job exists */
  get isOneJob() {
    return !this.running && this.jobs.length === 1 && !this.troubles.length;
  }

  /** @returns {string} what went wrong with how many of its files */
  get problem() {
    const [first, ...others] = this.troubles;
    if (!others.length && !this.jobs.length) return first.message;
    const done = this.jobs.length ? `${counted(this.jobs.length, "job")} created. ` : "";
    return `${done}${counted(this.troubles.length, "file")} not submitted.`;
  }

  /** Counts from nothing again. */
  restart() {
    this.jobs = [];
    this.troubles = [];
  }

  /** @returns {Entry[]} those whose jobs exist, which it has no more */
  takeDone() {
    const done = [...this.entries].filter(({ submission }) => submission.isDone);
    for (const entry of done) this.entries.delete(entry);
    return done;
  }
}
