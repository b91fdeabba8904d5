// @ts-check
import { costText } from "./cost.js";
import { el, setText } from "./dom.js";
import { addressOf, isOver, jobDuration } from "./job.js";
import { setPill } from "./status.js";
import { agoText, durationText, fullText, tickingText } from "./time.js";

/** @typedef {import("./api.js").Job} Job */

/** The list of jobs. A row stays the same element as long as its job is listed, so that it keeps the focus. */
export class JobList {
  /** @param {HTMLUListElement} list */
  constructor(list) {
    this.list = list;
    /** @type {Map<string, {item: HTMLLIElement, update: (job: Job, selected: string | null) => void}>} */
    this.rows = new Map();
  }

  /**
   * @param {Job[]} jobs
   * @param {string | null} selected id
   */
  update(jobs, selected) {
    for (const [id, { item }] of this.rows) {
      if (jobs.some((job) => job.id === id)) continue;
      item.remove();
      this.rows.delete(id);
    }
    jobs.forEach((job, index) => {
      const row = this.rows.get(job.id) ?? this.#create(job);
      row.update(job, selected);
      if (this.list.children[index] !== row.item) this.list.insertBefore(row.item, this.list.children[index] ?? null);
    });
  }

  /** @param {Job} job */
  #create(job) {
    const name = el("span", { class: "name", title: job.filename }, job.filename);
    const pill = el("span", { class: "pill" });
    const when = el("time", { datetime: job.created_at, title: fullText(job.created_at) });
    const took = el("span", { class: "took" });
    const link = el("a", { href: addressOf(job.id) }, name, pill, when, took);
    const row = {
      item: el("li", {}, link),
      /** @param {Job} newest @param {string | null} selected */
      update(newest, selected) {
        setPill(pill, newest.status);
        setText(when, agoText(newest.created_at));
        const time = (isOver(newest) ? durationText : tickingText)(jobDuration(newest));
        setText(took, [costText(newest), time].filter(Boolean).join(" · "));
        if (newest.id === selected) link.setAttribute("aria-current", "true");
        else link.removeAttribute("aria-current");
      },
    };
    this.rows.set(job.id, row);
    return row;
  }
}
