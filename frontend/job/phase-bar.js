// @ts-check
import { el, setText } from "../dom.js";
import { lengthOf, PHASES, spansOf } from "./phases.js";
import { durationText, tickingText } from "../time.js";

/**
 * @typedef {import("../api.js").Job} Job
 * @typedef {import("./phases.js").Span} Span
 */

/** A job's phases as a bar, each as wide as it took long; only a picture, unless it has a legend. */
export class PhaseBar {
  /** @param {{withLegend: boolean}} options */
  constructor({ withLegend }) {
    this.bar = el("span", { class: "phase-bar", "aria-hidden": "true" });
    this.legend = withLegend ? el("ul", { class: "phase-legend", "aria-label": "Phases" }) : null;
    this.element = withLegend ? el("div", { class: "phases" }, this.bar, this.legend) : this.bar;
    /** @type {Span[]} */
    this.spans = [];
    this.drawn = "";
  }

  /** @param {Job} job */
  update(job) {
    const key = `${job.updated_at} ${job.timeline.length} ${job.machines.filter(({ terminated_at: at }) => at).length}`;
    if (key === this.drawn) return;
    this.drawn = key;
    this.spans = spansOf(job);
    this.bar.replaceChildren(...this.spans.map((span) => {
      const part = el("span", { class: `phase is-${span.phase}${span.to === null ? " is-open" : ""}` });
      part.style.flexGrow = String(lengthOf(span));
      return part;
    }));
    this.legend?.replaceChildren(...this.spans.map((span) => el("li", { class: `is-${span.phase}` },
      el("span", { class: "what" }, PHASES[span.phase]), " ",
      el("span", { class: "took", "aria-hidden": span.to === null ? "true" : null }, span.to === null ? "" : durationText(lengthOf(span))))));
    this.tick();
  }

  /** Redraws what changes with the clock alone. */
  tick() {
    const last = this.spans.at(-1);
    if (!last || last.to !== null) return;
    /** @type {HTMLElement} */ (this.bar.lastElementChild).style.flexGrow = String(lengthOf(last));
    const took = this.legend?.lastElementChild?.lastElementChild;
    if (took instanceof HTMLElement) setText(took, tickingText(lengthOf(last)));
  }
}
