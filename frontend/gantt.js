// @ts-check
/** The phases of several jobs on one axis of time. Loaded with the first batch that is shown. */
import { el, setText } from "./dom.js";
import { addressOf } from "./job.js";
import { PHASES, spansOf } from "./phases.js";
import { durationText, serverNow } from "./time.js";

/**
 * @typedef {import("./api.js").Job} Job
 * @typedef {{item: HTMLLIElement, bar: HTMLElement, drawn: string}} Row
 */

// More bars are no picture any more, and take long to draw.
const MOST_ROWS = 200;

export class Gantt {
  constructor() {
    this.axis = el("p", { class: "gantt-axis hint", "aria-hidden": "true" });
    this.list = el("ul", { class: "gantt-rows" });
    this.note = el("p", { class: "hint" });
    const key = Object.entries(PHASES).map(([phase, label]) => el("li", { class: `is-${phase}` }, el("span", { class: "what" }, label)));
    this.element = el("div", { class: "gantt" }, el("ul", { class: "phase-legend", "aria-label": "Colours" }, ...key), this.axis, this.list, this.note);
    /** @type {Map<string, Row>} */
    this.rows = new Map();
  }

  /** @param {Job[]} jobs as they were submitted */
  update(jobs) {
    const shown = jobs.slice(0, MOST_ROWS);
    setText(this.note, shown.length < jobs.length ? `The first ${shown.length} of ${jobs.length} jobs.` : "");
    const spans = new Map(shown.map((job) => [job.id, spansOf(job)]));
    const all = [...spans.values()].flat();
    const start = Math.min(...all.map(({ from }) => from));
    const end = Math.max(start + 1, ...all.map(({ to }) => to ?? serverNow()));
    const middle = el("span", {}, durationText((end - start) / 2));
    this.axis.replaceChildren(el("span", {}, "0"), middle, el("span", {}, durationText(end - start)));
    for (const [id, { item }] of this.rows) {
      if (spans.has(id)) continue;
      item.remove();
      this.rows.delete(id);
    }
    shown.forEach((job, index) => {
      const row = this.rows.get(job.id) ?? this.#create(job);
      this.#draw(row, spans.get(job.id) ?? [], start, end);
      if (this.list.children[index] !== row.item) this.list.insertBefore(row.item, this.list.children[index] ?? null);
    });
  }

  /** @param {Job} job @returns {Row} */
  #create(job) {
    const bar = el("span", { class: "gantt-bar", "aria-hidden": "true" });
    const item = el("li", {}, el("a", { href: addressOf(job.id), title: job.filename }, el("span", { class: "name" }, job.filename), bar));
    const row = { item, bar, drawn: "" };
    this.rows.set(job.id, row);
    return row;
  }

  /**
   * @param {Row} row
   * @param {import("./phases.js").Span[]} spans
   * @param {number} start
   * @param {number} end
   */
  #draw(row, spans, start, end) {
    const now = serverNow();
    const share = (/** @type {number} */ ms) => `${((ms / (end - start)) * 100).toFixed(2)}%`;
    const places = spans.map(({ phase, from, to }) => ({ phase, left: share(from - start), width: share((to ?? now) - from) }));
    const key = JSON.stringify(places);
    if (key === row.drawn) return;
    row.drawn = key;
    row.bar.replaceChildren(...places.map(({ phase, left, width }) => {
      const part = el("span", { class: `phase is-${phase}` });
      part.style.left = left;
      part.style.width = width;
      return part;
    }));
  }
}
