// @ts-check
import * as api from "./api.js";

/** @typedef {import("./api.js").Job} Job */

const PAGE = 10;

/** @param {Job} a @param {Job} b */
const newestFirst = (a, b) => Date.parse(b.created_at) - Date.parse(a.created_at) || (a.id < b.id ? 1 : -1);

/** The jobs known so far, newest first without gaps. Fires "change". */
export class Jobs extends EventTarget {
  /** @type {Map<string, Job>} */
  #known = new Map();
  /** @type {Set<string>} ids that an answer which was under way may still name */
  #removed = new Set();
  /** @type {string | null} */
  #cursor = null;

  loaded = false;

  /** @returns {Job[]} */
  get all() {
    return [...this.#known.values()].sort(newestFirst);
  }

  /** @param {string} id @returns {Job | undefined} */
  find(id) {
    return this.#known.get(id);
  }

  /** @returns {boolean} */
  get more() {
    return this.#cursor !== null;
  }

  /** @param {Job} job as just received; one older than the list reaches is left to "more" */
  put(job) {
    const reaches = this.loaded && (!this.more || newestFirst(job, /** @type {Job} */ (this.all.at(-1))) < 0);
    if (!reaches && !this.#known.has(job.id)) return;
    this.#merge(job);
    this.dispatchEvent(new Event("change"));
  }

  /** @param {string} id of a job that was deleted */
  remove(id) {
    this.#removed.add(id);
    this.#known.delete(id);
    this.dispatchEvent(new Event("change"));
  }

  /** Fetches the newest page. Rejects with an ApiError. */
  async refresh() {
    const page = await api.listJobs(PAGE, null);
    const gap = !page.jobs.some(({ id }) => this.#known.has(id));
    if (gap) this.#cursor = page.next_cursor;
    this.#take(page.jobs);
  }

  /** Fetches the next page. Rejects with an ApiError. */
  async loadMore() {
    const page = await api.listJobs(PAGE, this.#cursor);
    this.#cursor = page.next_cursor;
    this.#take(page.jobs);
  }

  /** @param {Job[]} jobs */
  #take(jobs) {
    for (const job of jobs) this.#merge(job);
    this.loaded = true;
    this.dispatchEvent(new Event("change"));
  }

  /** @param {Job} job an answer that was overtaken by a newer one changes nothing */
  #merge(job) {
    if (this.#removed.has(job.id)) return;
    const known = this.#known.get(job.id);
    if (!known || Date.parse(known.updated_at) <= Date.parse(job.updated_at)) this.#known.set(job.id, job);
  }
}
