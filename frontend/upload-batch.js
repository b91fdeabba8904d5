// @ts-check
/** @typedef {import("./api.js").Job} Job */

/** Files that were submitted together, with one text. What came of them is said once none is under way any more. */
export class UploadBatch {
  /** @type {Job[]} */
  jobs = [];
  /** @type {(import("./api.js").ApiError | import("./upload-error.js").UploadError)[]} */
  troubles = [];
  /** Those whose jobs do not exist yet. @type {Set<import("./chosen-files.js").Entry>} */
  entries = new Set();
  /** How many files are under way. */
  running = 0;
  /** Whether another batch has taken its place in the form. */
  isDetached = false;

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
}
