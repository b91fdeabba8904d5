// @ts-check
/** Everything about the jobs of one batch. Loaded with the first one that is shown. */
import * as api from "../api.js";
import { countsOf, progressText, statusOf } from "../job/batch.js";
import { Bulk } from "./bulk.js";
import { copyLink } from "../job/copy-link.js";
import { costOfAll } from "../cost.js";
import { announce, el, setText } from "../dom.js";
import { Gantt } from "./gantt.js";
import { hasAlive, isOver } from "../job/job.js";
import { JobList } from "./job-list.js";
import { ProgressBar } from "./progress-bar.js";
import { setPill } from "../job/status.js";
import { agoText } from "../time.js";
import { HIDDEN_MS, whileVisible } from "../job/poll.js";

/** @typedef {import("../api.js").Job} Job */

const PAGE = 50;
const LOOK_MS = 3000;
const RETRY_MS = 10_000;
const BY_NAME = new Intl.Collator(undefined, { numeric: true });

/** @param {Job[]} jobs @returns {boolean} whether all have ended, and their machines, too */
const isCalm = (jobs) => jobs.every((job) => isOver(job) && !hasAlive(job));

export class BatchView {
  /** @type {Map<string, Job>} */
  #jobs = new Map();
  /** @type {Set<string>} ids that an answer which was under way may still name */
  #removed = new Set();
  #said = "";

  /**
   * @param {string} id
   * @param {import("./bulk.js").BulkActions & {seen: (jobs: Job[]) => void, titled: (title: string) => void}} actions what became of
   *   jobs, what they are now, and what the page's title is
   */
  constructor(id, actions) {
    this.id = id;
    this.title = el("h1", { id: "job-title", tabindex: -1 }, "Batch");
    this.pill = el("span", { class: "pill", hidden: true });
    this.meta = el("p", { class: "hint" });
    this.sentence = el("p", { class: "sentence" }, "Loading…");
    this.bar = new ProgressBar();
    this.problem = el("p", { class: "notice", hidden: true });
    this.text = el("p", { class: "given-text", tabindex: 0, role: "region", "aria-label": "Text of these jobs", hidden: true });
    this.bulk = new Bulk({
      changed: (job) => {
        actions.changed(job);
        this.#take([job]);
        this.follow();
      },
      removed: (job) => {
        actions.removed(job);
        this.#removed.add(job.id);
        this.#jobs.delete(job.id);
        this.#draw();
      },
    }, { zipName: `mayfly-${id.slice(0, 8)}.zip` });
    this.gantt = new Gantt();
    this.list = el("ul", { class: "rows" });
    this.members = new JobList(this.list);
    this.more = el("div", { hidden: true }, this.bulk.element,
      el("details", { class: "machines-chart", open: true }, el("summary", {}, "Machines over time"), this.gantt.element),
      el("div", { class: "apart" }, el("h2", {}, "Jobs"), el("span", { class: "hint" }, "By file name")), this.list);
    this.element = el("div", { class: "job batch" },
      el("div", { class: "job-head" }, this.title, this.pill, el("a", { class: "close", href: "#/", "aria-label": "Close this batch" }, "×")),
      el("div", { class: "apart" }, this.meta, el("span", { class: "links" }, copyLink((text) => this.#report(text)))), this.sentence, this.bar.element, this.problem, this.text, this.more);
    this.seen = actions.seen;
    this.titled = actions.titled;
    this.stop = () => {};
    this.follow();
  }

  /** Asks for its jobs until all have ended, and their machines, too. */
  follow() {
    this.stop();
    this.stop = whileVisible(async () => {
      try {
        await this.#refresh();
      } catch (error) {
        if (!(error instanceof api.ApiError)) throw error;
        this.#report(error.passing ? "Connection lost. Reconnecting…" : error.message);
        return error.passing ? RETRY_MS : null;
      }
      return isCalm([...this.#jobs.values()]) ? null : LOOK_MS;
    }, HIDDEN_MS);
  }

  /** @param {string} problem */
  #report(problem) {
    setText(this.problem, problem);
    this.problem.hidden = false;
  }

  async #refresh() {
    /** @type {string | null} */
    let cursor = null;
    /** @type {Job[]} */
    const found = [];
    do {
      /** @type {{jobs: Job[], next_cursor: string | null}} */
      const page = await api.listJobs(PAGE, cursor, this.id);
      found.push(...page.jobs);
      cursor = page.next_cursor;
    } while (cursor);
    this.problem.hidden = true;
    this.seen(found);
    this.#take(found);
    if (!found.length) setText(this.sentence, "There are no jobs in this batch.");
  }

  /** @param {Job[]} jobs */
  #take(jobs) {
    for (const job of jobs) {
      if (this.#removed.has(job.id)) continue;
      const known = this.#jobs.get(job.id);
      if (!known || Date.parse(known.updated_at) <= Date.parse(job.updated_at)) this.#jobs.set(job.id, job);
    }
    this.#draw();
  }

  /** @returns {Job[]} by file name: several uploads at a time make their order in time a chance one */
  get #all() {
    return [...this.#jobs.values()].sort((a, b) => BY_NAME.compare(a.filename, b.filename) || (a.id < b.id ? -1 : 1));
  }

  #draw() {
    const jobs = this.#all;
    this.more.hidden = this.pill.hidden = this.bar.element.hidden = !jobs.length;
    if (!jobs.length) {
      setText(this.sentence, "There are no jobs in this batch.");
      return;
    }
    const status = statusOf(jobs);
    setText(this.title, `${jobs.length} job${jobs.length === 1 ? "" : "s"} submitted together`);
    setPill(this.pill, status);
    setText(this.sentence, `${progressText(jobs)}.`);
    if (this.element.isConnected) this.titled(`${progressText(jobs)} · Mayfly`);
    this.bar.update(jobs);
    const texts = new Set(jobs.map(({ input_text: text }) => text));
    this.text.hidden = texts.size !== 1;
    setText(this.text, texts.size === 1 ? [...texts][0] : "");
    this.bulk.update(jobs);
    this.gantt.update(jobs);
    this.members.update(jobs.map((job) => ({ kind: "job", key: job.id, job })), null);
    if (this.#said && jobs.every(isOver) && this.#said !== status) announce(`Batch: ${progressText(jobs)}.`);
    this.#said = status;
    this.tick();
  }

  /** Redraws what changes with the clock alone. */
  tick() {
    const jobs = this.#all;
    if (!jobs.length) return;
    const { running, queued } = countsOf(jobs);
    const first = jobs.reduce((found, job) => (job.created_at < found.created_at ? job : found));
    const parts = [agoText(first.created_at)];
    if (running) parts.push(`${running} running`);
    if (queued) parts.push(`${queued} waiting`);
    const cost = costOfAll(jobs);
    if (cost) parts.push(isCalm(jobs) ? `cost ${cost}` : `${cost} so far`);
    setText(this.meta, parts.join(" · "));
    this.members.tick();
    if (running || queued) this.gantt.update(jobs);
  }

  /** The view is left. */
  close() {
    this.stop();
  }
}
