// @ts-check
/** The phases of several jobs on one axis of time. Loaded with the first batch that is shown. */
import { el, setText } from "../dom.js";
import { addressOf } from "../job/job.js";
import { PHASES, spansOf } from "../job/phases.js";
import { durationText, serverNow } from "../time.js";

/**
 * @typedef {import("../api.js").Job} Job
 * @typedef {{item: HTMLLIElement, bar: HTMLElement, drawn: string}} Row
 */

// More bars are no picture any more, and take long to draw.
const MOST_ROWS = 200;

export class Gantt {
  constructor() {
    this.axis = el("p", { class: "gantt-axis hint", "aria-hidden": "true" });
    this.list = el("ul", { class: "gantt-rows" });
    this.note = el("p", { class: "hint" });
    /** What each colour stands for. @type {[string, HTMLLIElement][]} */
    this.legend = Object.entries(PHASES).map(([phase, label]) => [phase, el("li", { class: `is-${phase}` }, el("span", { class: "what" }, label))]);
    this.element = el("div", { class: "gantt" },
      el("ul", { class: "phase-legend", "aria-label": "Colours" }, ...this.legend.map(([, item]) => item)), this.axis, this.list, this.note);
    /** @type {Map<string, Row>} */
    this.rows = new Map();
  }

  /** @param {Job[]} jobs in the order in which they are drawn */
  update(jobs) {
    const shown = jobs.slice(0, MOST_ROWS);
    const isRerun = shown.some(({ run }) => run > 1);
    setText(this.note, [
      shown.length < jobs.length ? `The first ${shown.length} of ${jobs.length} jobs.` : "",
      isRerun ? "Re-runs are drawn from 0; earlier runs of the same job are left out." : "",
    ].filter(Boolean).join(" "));
    const now = serverNow();
    const start = Math.min(...shown.map((job) => Date.parse(job.created_at)));
    const spans = new Map(shown.map((job) => {
      const found = spansOf(job);
      // A re-run comes when its user asks for it: on the first runs' axis, the wait for that would dwarf all bars.
      const zero = job.run > 1 ? (found[0]?.from ?? start) : start;
      return [job.id, found.map(({ phase, from, to }) => ({ phase, from: from - zero, to: (to ?? now) - zero }))];
    }));
    const drawn = new Set([...spans.values()].flat().map(({ phase }) => String(phase)));
    for (const [phase, item] of this.legend) item.hidden = !drawn.has(phase);
    const length = Math.max(1, ...[...spans.values()].flat().map(({ to }) => to));
    this.axis.replaceChildren(el("span", {}, "0"), el("span", {}, durationText(length / 2)), el("span", {}, durationText(length)));
    for (const [id, { item }] of this.rows) {
      if (spans.has(id)) continue;
      item.remove();
      this.rows.delete(id);
    }
    shown.forEach((job, index) => {
      const row = this.rows.get(job.id) ?? this.#create(job);
      this.#draw(row, spans.get(job.id) ?? [], length);
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
   * @param {{phase: string, from: number, to: number}[]} spans milliseconds on the axis
   * @param {number} length of the axis, milliseconds
   */
  #draw(row, spans, length) {
    const share = (/** @type {number} */ ms) => `${((ms / length) * 100).toFixed(2)}%`;
    const places = spans.map(({ phase, from, to }) => ({ phase, left: share(from), width: share(to - from) }));
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
