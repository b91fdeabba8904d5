// @ts-check
import * as api from "./api.js";
import { el, setText } from "./dom.js";

/** @typedef {import("./api.js").LogLine} LogLine */

const MOST_LINES = 5000;
const MOST_PAGES_AT_ONCE = 20;

/** What the job's script printed, fetched once somebody opens it. */
export class LogView {
  /** @param {string} jobId */
  constructor(jobId) {
    this.jobId = jobId;
    this.note = el("p", { class: "hint" });
    this.pre = el("pre", { tabindex: 0, role: "region", "aria-label": "Log", hidden: true });
    this.element = el("details", { class: "log", ontoggle: () => this.refresh() }, el("summary", {}, "Log"), this.note, this.pre);
    /** @type {LogLine[]} lines of the pages that are complete */
    this.lines = [];
    /** @type {string | null} the page that may still grow */
    this.after = null;
    this.busy = false;
    this.ended = false;
  }

  /** Fetches what is new, when open. */
  async refresh() {
    if (!(/** @type {HTMLDetailsElement} */ (this.element).open) || this.busy) return;
    this.busy = true;
    try {
      this.#draw(await this.#fetch());
    } catch (error) {
      if (!(error instanceof api.ApiError)) throw error;
      setText(this.note, error.message);
    } finally {
      this.busy = false;
    }
  }

  /** @returns {Promise<LogLine[]>} every line known so far */
  async #fetch() {
    for (let page = 0; page < MOST_PAGES_AT_ONCE; page += 1) {
      const { lines, next } = await api.getLog(this.jobId, this.after);
      if (!next || next === this.after) return [...this.lines, ...lines];
      this.lines = [...this.lines, ...lines].slice(-MOST_LINES);
      this.after = next;
      if (!lines.length) break;
    }
    return this.lines;
  }

  /** @param {LogLine[]} all */
  #draw(all) {
    const lines = all.slice(-MOST_LINES);
    const cut = all.length >= MOST_LINES ? `Only the last ${MOST_LINES} lines are shown.` : "";
    setText(this.note, lines.length ? cut : this.ended ? "The script printed nothing." : "Nothing printed so far.");
    const atEnd = this.pre.scrollTop + this.pre.clientHeight >= this.pre.scrollHeight - 4;
    this.pre.hidden = !lines.length;
    this.pre.replaceChildren(
      ...lines.map(({ stream, text }) => el("span", { class: stream === "stderr" ? "stderr" : null }, `${text}\n`)));
    if (atEnd) this.pre.scrollTop = this.pre.scrollHeight;
  }
}
