// @ts-check
import { countsOf } from "../job/batch.js";
import { el } from "../dom.js";

/** @typedef {import("../api.js").Job} Job */

/** How the jobs of a batch stand, as a bar; the words next to it say the same. */
export class ProgressBar {
  constructor() {
    this.element = el("span", { class: "progress-bar", "aria-hidden": "true" });
    this.drawn = "";
  }

  /** @param {Job[]} jobs */
  update(jobs) {
    const counts = countsOf(jobs);
    const key = JSON.stringify(counts);
    if (key === this.drawn) return;
    this.drawn = key;
    const order = /** @type {const} */ (["succeeded", "failed", "cancelled", "running", "queued"]);
    this.element.replaceChildren(...order.filter((status) => counts[status]).map((status) => {
      const part = el("span", { class: `part is-${status}` });
      part.style.flexGrow = String(counts[status]);
      return part;
    }));
  }
}
