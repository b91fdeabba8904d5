// @ts-check
import { addressOfBatch, progressText, statusOf } from "../job/batch.js";
import { costText } from "../cost.js";
import { el, setText } from "../dom.js";
import { addressOf, isOver, jobDuration } from "../job/job.js";
import { PhaseBar } from "../job/phase-bar.js";
import { ProgressBar } from "./progress-bar.js";
import { setPill } from "../job/status.js";
import { agoText, durationText, fullText, tickingText } from "../time.js";

/**
 * @typedef {import("../api.js").Job} Job
 * @typedef {import("../job/batch.js").JobEntry} JobEntry
 * @typedef {import("../job/batch.js").BatchEntry} BatchEntry
 * @typedef {JobEntry | BatchEntry} Entry
 * @typedef {{item: HTMLLIElement, box: HTMLInputElement, update: (entry: Entry) => void, tick: () => void}} Row
 */

// Rows that are drawn at first, and how many more when the end comes near: hundreds at once would take a while.
const FIRST_ROWS = 40;
const MORE_ROWS = 15;
const NEAR_PX = 800;

/** A list of jobs and batches. A row stays the same element as long as it is listed, so that it keeps the focus. */
export class JobList {
  /** @type {Map<string, Row>} */
  #rows = new Map();
  /** @type {Set<string>} */
  #checked = new Set();
  #limit = FIRST_ROWS;
  /** @type {Entry[]} */
  #entries = [];
  /** @type {string | null} */
  #selected = null;
  #end = new IntersectionObserver((seen) => this.#reachEnd(seen.some(({ isIntersecting }) => isIntersecting)), /** @type {IntersectionObserverInit} */ ({ rootMargin: `${NEAR_PX}px`, scrollMargin: `${NEAR_PX}px` }));

  /**
   * @param {HTMLUListElement} list
   * @param {() => void} [onCheck]
   */
  constructor(list, onCheck = () => {}) {
    this.list = list;
    this.onCheck = onCheck;
  }

  /** @returns {Set<string>} keys of the entries whose boxes are checked */
  get checked() {
    return this.#checked;
  }

  /** @param {Iterable<string>} keys */
  check(keys) {
    this.#checked = new Set(keys);
    for (const [key, { box }] of this.#rows) box.checked = this.#checked.has(key);
  }

  /**
   * @param {Entry[]} entries
   * @param {string | null} selected the address of what is shown
   */
  update(entries, selected) {
    this.#entries = entries;
    this.#selected = selected;
    const all = new Set(entries.map(({ key }) => key));
    for (const key of this.#checked) if (!all.has(key)) this.#checked.delete(key);
    const drawn = entries.slice(0, this.#limit);
    const keys = new Set(drawn.map(({ key }) => key));
    for (const [key, { item }] of this.#rows) {
      if (keys.has(key)) continue;
      item.remove();
      this.#rows.delete(key);
    }
    let before = this.list.firstElementChild;
    for (const entry of drawn) {
      const item = this.#draw(entry);
      if (before === item) before = before.nextElementSibling;
      else this.list.insertBefore(item, before);
    }
    this.#watchEnd();
  }

  /** Another list is shown than before, from its start. */
  restart() {
    this.#limit = FIRST_ROWS;
    this.list.scrollTop = 0;
  }

  /** Adds the next rows and leaves those that are drawn alone: there may be hundreds. @param {boolean} isNear */
  #reachEnd(isNear) {
    if (!isNear) return;
    const more = this.#entries.slice(this.#limit, this.#limit + MORE_ROWS);
    this.#limit += MORE_ROWS;
    this.list.append(...more.map((entry) => this.#draw(entry)));
    this.#watchEnd();
  }

  #watchEnd() {
    this.#end.disconnect();
    if (this.#limit < this.#entries.length && this.list.lastElementChild) this.#end.observe(this.list.lastElementChild);
  }

  /** @param {Entry} entry @returns {HTMLLIElement} its row, as it is now */
  #draw(entry) {
    const { item, update } = this.#rows.get(entry.key) ?? this.#create(entry);
    update(entry);
    const link = item.querySelector("a");
    if (link?.getAttribute("href") === this.#selected) link?.setAttribute("aria-current", "true");
    else link?.removeAttribute("aria-current");
    return item;
  }

  /** Redraws what changes with the clock alone. */
  tick() {
    for (const row of this.#rows.values()) row.tick();
  }

  /** @param {Entry} entry */
  #create(entry) {
    const parts = {
      name: el("span", { class: "name" }), pill: el("span", { class: "pill" }),
      when: el("time"), took: el("span", { class: "took" }),
    };
    const { content, update, tick } = entry.kind === "job" ? jobRow(entry, parts) : batchRow(entry, parts);
    const box = el("input", { type: "checkbox", onchange: () => {
      if (box.checked) this.#checked.add(entry.key);
      else this.#checked.delete(entry.key);
      this.onCheck();
    } });
    box.checked = this.#checked.has(entry.key);
    const href = entry.kind === "job" ? addressOf(entry.job.id) : addressOfBatch(entry.id);
    const item = el("li", {}, el("label", { class: "check" }, box, el("span", { class: "unseen" }, `Select ${nameOf(entry)}`)),
      el("a", { href }, el("span", { class: "top" }, parts.name, parts.pill), el("span", { class: "sub" }, parts.when, parts.took), content));
    /** @type {Row} */
    const row = { item, box, tick, update: (newest) => {
      update(newest);
      tick();
    } };
    this.#rows.set(entry.key, row);
    return row;
  }
}

/** @param {Entry} entry @returns {string} */
function nameOf(entry) {
  if (entry.kind === "job") return entry.job.filename;
  const [last] = entry.jobs.slice(-1);
  return entry.jobs.length > 1 ? `${entry.jobs.length} jobs: ${last.filename}, …` : last.filename;
}

/**
 * @typedef {{name: HTMLElement, pill: HTMLElement, when: HTMLTimeElement, took: HTMLElement}} Parts
 * @typedef {{content: HTMLElement, update: (entry: Entry) => void, tick: () => void}} Content
 */

/** @param {Parts} parts @param {Job} first */
function setMoment({ when }, first) {
  when.dateTime = first.created_at;
  when.title = fullText(first.created_at);
}

/** @param {JobEntry} entry @param {Parts} parts @returns {Content} */
function jobRow({ job }, parts) {
  const phases = new PhaseBar({ withLegend: false });
  let newest = job;
  setText(parts.name, job.filename);
  parts.name.title = job.filename;
  setMoment(parts, job);
  return {
    content: phases.element,
    update(entry) {
      newest = /** @type {JobEntry} */ (entry).job;
      setPill(parts.pill, newest.status);
      phases.update(newest);
    },
    tick() {
      setText(parts.when, agoText(newest.created_at));
      const time = (isOver(newest) ? durationText : tickingText)(jobDuration(newest));
      setText(parts.took, [costText(newest), time].filter(Boolean).join(" · "));
      phases.tick();
    },
  };
}

/** @param {BatchEntry} entry @param {Parts} parts @returns {Content} */
function batchRow(entry, parts) {
  const bar = new ProgressBar();
  let newest = entry;
  return {
    content: bar.element,
    update(given) {
      newest = /** @type {BatchEntry} */ (given);
      const name = nameOf(newest);
      setText(parts.name, name);
      parts.name.title = name;
      setMoment(parts, newest.jobs[newest.jobs.length - 1]);
      setPill(parts.pill, statusOf(newest.jobs));
      setText(parts.took, progressText(newest.jobs));
      bar.update(newest.jobs);
    },
    tick() {
      setText(parts.when, agoText(newest.jobs[newest.jobs.length - 1].created_at));
    },
  };
}
