// @ts-check
/** What is done with several jobs at once. Loaded when it is first needed. */
import * as api from "../api.js";
import { askToDeleteAll } from "../job/dialogs.js";
import { announce, el, setText } from "../dom.js";
import { canRetry, hasAlive, isOver } from "../job/job.js";
import { askBeforeLeavingDuring } from "../unload-guard.js";
import { sizeText } from "../size.js";
import { Slots } from "../semaphore.js";

/**
 * @typedef {import("../api.js").Job} Job
 * @typedef {object} BulkActions what became of jobs
 * @property {(job: Job) => void} changed
 * @property {(job: Job) => void} removed
 */

const AT_ONCE = 4;
const NOT_LOADED = "A part of the page cannot be loaded. Check the connection, then try again.";

/** @param {number} count @returns {string} such as "1 job", "3 jobs" */
const jobsText = (count) => `${count} job${count === 1 ? "" : "s"}`;

/** @param {Job[]} jobs */
const failedOf = (jobs) => jobs.filter((job) => canRetry(job) && job.status === "failed");

/** @param {Job[]} jobs */
const succeededOf = (jobs) => jobs.filter(({ status }) => status === "succeeded");

/** @param {Job[]} jobs @returns {Job[]} those that can be deleted */
const deletableOf = (jobs) => jobs.filter((job) => isOver(job) && !hasAlive(job));

export class Bulk {
  /** @type {Job[]} */
  #jobs = [];
  #areAll = false;

  /**
   * @param {BulkActions} actions
   * @param {{all?: () => void, zipName: string}} options `all` selects all or none, where there is something to select
   */
  constructor(actions, { all, zipName }) {
    this.actions = actions;
    this.zipName = zipName;
    this.all = el("button", { class: "quiet small", type: "button", hidden: !all, onclick: all ?? null }, "Select all");
    this.count = el("span", { class: "hint" });
    this.download = el("button", { class: "primary small", type: "button", onclick: () => this.#download() });
    this.rerun = el("button", { class: "quiet small", type: "button", onclick: () => this.#rerun() });
    this.cancel = el("button", { class: "quiet small", type: "button", onclick: () => this.#cancel() });
    this.remove = el("button", { class: "quiet small", type: "button", onclick: () => this.#remove() });
    this.bar = el("progress", { max: 100, value: 0, "aria-label": "Progress", hidden: true });
    this.state = el("p", { class: "hint", role: "status" });
    this.element = el("div", { class: "bulk" }, this.count,
      el("div", { class: "actions" }, this.all, this.download, this.rerun, this.cancel, this.remove), this.bar, this.state);
    this.isBusy = false;
  }

  /** @param {Job[]} jobs those that are meant @param {boolean} [areAll] whether there are no others to select */
  update(jobs, areAll = this.#areAll) {
    this.#jobs = jobs;
    this.#areAll = areAll;
    setText(this.all, areAll ? "Select none" : "Select all");
    setText(this.count, this.all.hidden ? "" : `${jobsText(jobs.length)} selected`);
    const counts = /** @type {[HTMLButtonElement, string, Job[]][]} */ ([
      [this.download, "Download all", succeededOf(jobs)], [this.rerun, "Re-run failed", failedOf(jobs)],
      [this.cancel, "Cancel running", jobs.filter((job) => !isOver(job))], [this.remove, "Delete…", deletableOf(jobs)],
    ]);
    for (const [button, label, meant] of counts) {
      setText(button, label.endsWith("…") ? `Delete ${meant.length}…` : `${label} (${meant.length})`);
      button.hidden = !meant.length;
      button.disabled = this.isBusy;
    }
  }

  async #download() {
    const jobs = succeededOf(this.#jobs).sort((a, b) => (a.id < b.id ? -1 : 1)); // as they were submitted
    await this.#during(async () => {
      const loaded = await import("./download-all.js").catch(() => null);
      if (!loaded) return NOT_LOADED;
      const { downloadAll, ZipError } = loaded;
      try {
        this.bar.hidden = false;
        const isSaved = await askBeforeLeavingDuring(() => downloadAll(jobs, this.zipName, (sent, total) => {
          this.bar.value = total ? Math.floor((sent / total) * 100) : 0;
          setText(this.state, `${sizeText(sent)} of ${sizeText(total)}`);
        }));
        return isSaved ? `${jobs.length === 1 ? "1 result" : `${jobs.length} results`} saved in one ZIP file.` : "Nothing was saved: the dialog was closed.";
      } catch (error) {
        if (!(error instanceof ZipError)) throw error;
        return error.message;
      } finally {
        this.bar.hidden = true;
      }
    });
  }

  #rerun() {
    return this.#each(failedOf(this.#jobs), "re-run", async (job) => this.actions.changed(await api.retryJob(job.id)));
  }

  #cancel() {
    return this.#each(this.#jobs.filter((job) => !isOver(job)), "cancelled", async (job) => this.actions.changed(await api.cancelJob(job.id)));
  }

  async #remove() {
    const jobs = deletableOf(this.#jobs);
    if (!(await askToDeleteAll(jobs))) return;
    await this.#each(jobs, "deleted", async (job) => {
      await api.deleteJob(job.id).catch((error) => {
        if (!(error instanceof api.ApiError && error.status === 404)) throw error; // another tab has deleted it
      });
      this.actions.removed(job);
    });
  }

  /**
   * @param {Job[]} jobs
   * @param {string} done a participle
   * @param {(job: Job) => Promise<void>} work
   */
  async #each(jobs, done, work) {
    await this.#during(async () => {
      const slots = new Slots(AT_ONCE);
      const { signal } = new AbortController();
      /** @type {api.ApiError[]} */
      const problems = [];
      let count = 0;
      await Promise.all(jobs.map((job) => slots.during(async () => {
        try {
          await work(job);
          count += 1;
          setText(this.state, `${count} of ${jobs.length} ${done}`);
        } catch (error) {
          if (!(error instanceof api.ApiError)) throw error;
          problems.push(error);
        }
      }, signal)));
      return [`${jobsText(count)} ${done}.`, ...problems.slice(0, 1).map(({ message }) => `${jobsText(problems.length)} not ${done}: ${message}`)].join(" ");
    });
  }

  /** @param {() => Promise<string>} work resolves to what is said at the end */
  async #during(work) {
    const hadFocus = this.element.contains(document.activeElement);
    this.isBusy = true;
    this.update(this.#jobs);
    setText(this.state, "");
    try {
      setText(this.state, await work());
    } catch (error) {
      if (!(error instanceof api.ApiError)) throw error;
      setText(this.state, error.message);
    }
    this.isBusy = false;
    this.update(this.#jobs);
    // A disabled or hidden button loses the focus.
    const next = [this.download, this.rerun, this.remove, this.all].find((button) => !button.hidden);
    if (hadFocus && document.activeElement === document.body) next?.focus();
    if (!this.element.isConnected) announce(this.state.textContent ?? "");
  }
}
