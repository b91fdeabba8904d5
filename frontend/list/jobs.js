// @ts-check
import * as api from "../api.js";
import { hasAlive, isOver } from "../job/job.js";

/** @typedef {import("../api.js").Job} Job */

const PAGE = 25;
const LARGE_PAGE = 50;
// What one refresh asks for at most, and what is searched.
const MOST_PAGES = 10;
const MOST_JOBS = 2000;

/** @param {Job} a @param {Job} b */
const newestFirst = (a, b) => Date.parse(b.created_at) - Date.parse(a.created_at) || (a.id < b.id ? 1 : -1);

/** The jobs known so far, newest first without gaps. Fires "change". */
export class Jobs extends EventTarget {
  /** @type {Map<string, Job>} */
  #known = new Map();
  /** @type {Job[] | null} */
  #sorted = null;
  /** @type {Set<string>} ids that an answer which was under way may still name */
  #removed = new Set();
  /** @type {string | null} */
  #cursor = null;

  loaded = false;

  /** @returns {Job[]} */
  get all() {
    return (this.#sorted ??= [...this.#known.values()].sort(newestFirst));
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
    this.#changed();
  }

  /** @param {string} id of a job that was deleted */
  remove(id) {
    this.#removed.add(id);
    this.#known.delete(id);
    this.#changed();
  }

  /** Fetches the newest jobs, back to the oldest one known that may still change. Rejects with an ApiError. */
  async refresh() {
    let page = await api.listJobs(PAGE, null);
    const gap = !page.jobs.some(({ id }) => this.#known.has(id));
    if (gap) this.#cursor = page.next_cursor;
    this.#take(page.jobs);
    for (let pages = 1; pages < MOST_PAGES && page.next_cursor && this.#hasOpenBefore(page.jobs.at(-1)); pages += 1) {
      page = await api.listJobs(LARGE_PAGE, page.next_cursor);
      this.#take(page.jobs);
    }
  }

  /** Fetches the next page, and more until a batch that it ends in is complete. Rejects with an ApiError. */
  async loadMore() {
    for (let pages = 0; pages < MOST_PAGES; pages += 1) {
      const page = await api.listJobs(LARGE_PAGE, this.#cursor);
      this.#cursor = page.next_cursor;
      this.#take(page.jobs);
      if (!this.more || !page.jobs.at(-1)?.batch) return;
    }
  }

  /** Fetches earlier jobs, as many as are searched. @param {() => boolean} isWanted asked before each page */
  async loadAll(isWanted) {
    while (this.more && this.#known.size < MOST_JOBS && isWanted()) await this.loadMore();
  }

  /** @param {Job | undefined} last of what was just fetched */
  #hasOpenBefore(last) {
    return last !== undefined && this.all.some((job) => (!isOver(job) || hasAlive(job)) && newestFirst(last, job) < 0);
  }

  /** @param {Job[]} jobs */
  #take(jobs) {
    for (const job of jobs) this.#merge(job);
    this.loaded = true;
    this.#changed();
  }

  /** @param {Job} job an answer that was overtaken by a newer one changes nothing */
  #merge(job) {
    if (this.#removed.has(job.id)) return;
    const known = this.#known.get(job.id);
    if (!known || Date.parse(known.updated_at) <= Date.parse(job.updated_at)) this.#known.set(job.id, job);
  }

  #changed() {
    this.#sorted = null;
    this.dispatchEvent(new Event("change"));
  }
}
