// @ts-check
/** The list of jobs with its search, its filter and what is done with several jobs at once. */
import { addressOfBatch, grouped } from "../job/batch.js";
import { ApiError, owner } from "../api.js";
import { announce, byId, setText } from "../dom.js";
import { addressOf, isOver } from "../job/job.js";
import { JobList } from "./job-list.js";

/**
 * @typedef {import("../api.js").Job} Job
 * @typedef {import("./bulk.js").BulkActions} BulkActions
 */

/** @param {string} text */
const folded = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

export class JobsPanel {
  #search = byId("job-search", HTMLInputElement);
  #status = byId("job-status", HTMLSelectElement);
  #note = byId("jobs-note", HTMLElement);
  #more = byId("more", HTMLButtonElement);
  #select = byId("select-jobs", HTMLButtonElement);
  #bulkPlace = byId("bulk", HTMLElement);
  #list = new JobList(byId("job-list", HTMLUListElement), () => this.#showBulk());
  /** @type {import("./bulk.js").Bulk | null} */
  #bulk = null;
  #isSelecting = false;
  #isLoadingAll = false;
  /** @type {string | null} */
  #selected = null;
  #problem = "";

  /**
   * @param {import("./jobs.js").Jobs} jobs
   * @param {BulkActions} actions
   */
  constructor(jobs, actions) {
    this.jobs = jobs;
    this.actions = actions;
    this.#search.addEventListener("input", () => this.#searchAgain());
    this.#status.addEventListener("change", () => this.#searchAgain());
    this.#search.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.#search.value) {
        event.preventDefault();
        this.#search.value = "";
        this.#searchAgain();
      } else if (event.key === "Enter") {
        event.preventDefault(); // in Firefox the link would take it
        this.#list.list.querySelector("a")?.focus();
      }
    });
    this.#more.addEventListener("click", () => this.#loadMore());
    this.#select.addEventListener("click", () => this.#setSelecting(!this.#isSelecting));
    this.jobs.addEventListener("change", () => this.draw());
  }

  /** @param {string | null} selected the address of what is shown */
  show(selected) {
    this.#selected = selected;
    this.draw();
  }

  /** @param {string} problem why the list cannot be loaded; empty when it can */
  report(problem) {
    this.#problem = problem;
    this.draw();
  }

  /** Redraws what changes with the clock alone. */
  tick() {
    this.#list.tick();
  }

  draw() {
    const { all } = this.jobs;
    const found = this.#found();
    const isFiltered = this.#isFiltered;
    this.#list.update(isFiltered ? found.map((job) => ({ kind: "job", key: job.id, job })) : grouped(all), isFiltered ? this.#selected : this.#selectedRow);
    this.#more.hidden = !this.jobs.more || this.#isLoadingAll;
    byId("job-tools", HTMLElement).hidden = !all.length;
    this.#select.hidden = !all.length;
    if (!all.length && this.#isSelecting) this.#setSelecting(false);
    setText(this.#note, this.#problem || this.#noteText(found.length, isFiltered));
    if (this.#isSelecting) this.#showBulk();
  }

  /** @returns {string | null} a job's, or that of its batch, which is one row */
  get #selectedRow() {
    const batch = this.jobs.all.find(({ id }) => addressOf(id) === this.#selected)?.batch;
    return batch ? addressOfBatch(batch) : this.#selected;
  }

  get #isFiltered() {
    return Boolean(this.#search.value.trim() || this.#status.value);
  }

  /** @param {number} count @param {boolean} isFiltered */
  #noteText(count, isFiltered) {
    if (!this.jobs.loaded) return "Loading…";
    if (!this.jobs.all.length) return owner ? "This user has no jobs." : "No jobs yet. Your first one will appear here.";
    if (!isFiltered) return "";
    const words = count === 1 ? "1 job found" : count ? `${count} jobs found` : "No job found";
    return this.#isLoadingAll ? `${words}. Searching earlier jobs…` : `${words}.`;
  }

  /** @returns {Job[]} */
  #found() {
    const words = folded(this.#search.value).split(/\s+/).filter(Boolean);
    const wanted = this.#status.value;
    return this.jobs.all.filter((job) => {
      if (wanted === "open" ? isOver(job) : wanted && job.status !== wanted) return false;
      const name = words.length ? folded(job.filename) : "";
      return words.every((word) => name.includes(word));
    });
  }

  /** What is looked for has changed. */
  #searchAgain() {
    this.#list.restart();
    this.draw();
    if (this.#isFiltered) this.#loadAll();
  }

  async #loadAll() {
    if (this.#isLoadingAll || !this.jobs.more) return;
    this.#isLoadingAll = true;
    await this.#trying(() => this.jobs.loadAll(() => this.#isFiltered));
    this.#isLoadingAll = false;
    this.draw();
  }

  async #loadMore() {
    const last = this.#list.list.lastElementChild;
    const hadFocus = this.#more.matches(":focus");
    this.#more.disabled = true;
    if (await this.#trying(() => this.jobs.loadMore())) this.report("");
    this.#more.disabled = false;
    if (hadFocus) (last?.nextElementSibling ?? last)?.querySelector("a")?.focus();
  }

  /** @param {() => Promise<void>} work @returns {Promise<boolean>} whether it worked */
  async #trying(work) {
    try {
      await work();
      return true;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.report(error.message);
      return false;
    }
  }

  /** @returns {boolean} whether there was a selection to leave */
  leaveSelection() {
    if (!this.#isSelecting) return false;
    this.#setSelecting(false);
    this.#select.focus();
    return true;
  }

  /** @param {boolean} isSelecting */
  async #setSelecting(isSelecting) {
    this.#isSelecting = isSelecting;
    this.#list.list.classList.toggle("selecting", isSelecting);
    this.#select.setAttribute("aria-pressed", String(isSelecting));
    if (!isSelecting) {
      this.#list.check([]);
      this.#bulkPlace.hidden = true;
      return;
    }
    announce("Select jobs with their check boxes.");
    const loaded = await import("./bulk.js").catch(() => null);
    if (!loaded) {
      this.report("A part of the page cannot be loaded. Check the connection, then try again.");
      if (this.#isSelecting) this.#setSelecting(false);
      return;
    }
    if (!this.#bulk) {
      this.#bulk = new loaded.Bulk(this.actions, { all: () => this.#checkAll(), zipName: "mayfly-results.zip" });
      this.#bulkPlace.append(this.#bulk.element);
    }
    this.#showBulk();
  }

  /** @returns {string[]} keys of all that can be selected */
  get #keys() {
    return this.#isFiltered ? this.#found().map(({ id }) => id) : grouped(this.jobs.all).map(({ key }) => key);
  }

  #checkAll() {
    const keys = this.#keys;
    this.#list.check(keys.length === this.#list.checked.size ? [] : keys);
    this.#showBulk();
  }

  #showBulk() {
    if (!this.#bulk) return;
    this.#bulkPlace.hidden = !this.#isSelecting;
    const { checked } = this.#list;
    const meant = this.jobs.all.filter((job) => checked.has(job.id) || (job.batch && checked.has(`batch ${job.batch}`)));
    this.#bulk.update(meant, checked.size > 0 && checked.size === this.#keys.length);
  }
}
