// @ts-check
import * as api from "./api.js";
import { el, setText } from "./dom.js";

/**
 * @typedef {import("./api.js").LogLine} LogLine
 * @typedef {object} Source
 * @property {LogLine[]} lines of the pages that are complete
 * @property {string | null} after the page that may still grow
 */

const MOST_LINES = 5000;
const MOST_PAGES_AT_ONCE = 20;

/** @returns {Source} */
const start = () => ({ lines: [], after: null });

/** What the job's script printed, fetched once somebody opens it. */
export class LogView {
  /** @param {string} jobId */
  constructor(jobId) {
    this.jobId = jobId;
    this.note = el("p", { class: "hint" });
    this.pre = el("pre", { tabindex: 0, role: "region", "aria-label": "Log", hidden: true });
    this.element = el("details", { class: "log", ontoggle: () => this.refresh() }, el("summary", {}, "Log"), this.note, this.pre);
    this.source = start();
    this.command = "";
    this.busy = false;
    this.isStale = false;
    this.ended = false;
  }

  /** @param {string} command which command's log it is: that of a later attempt starts from nothing */
  follow(command) {
    if (command === this.command) return;
    this.command = command;
    this.source = start();
    this.#draw([]);
  }

  /** Fetches what is new, when open. */
  async refresh() {
    if (!(/** @type {HTMLDetailsElement} */ (this.element).open)) return;
    this.isStale = this.busy;
    if (this.busy) return;
    this.busy = true;
    const { source } = this;
    try {
      const lines = await this.#fetch(source);
      if (source === this.source) this.#draw(lines);
    } catch (error) {
      if (!(error instanceof api.ApiError)) throw error;
      setText(this.note, error.message);
    } finally {
      this.busy = false;
    }
    if (this.isStale) await this.refresh(); // nobody may ask again once the job is over
  }

  /** @param {Source} source @returns {Promise<LogLine[]>} every line known so far */
  async #fetch(source) {
    for (let page = 0; page < MOST_PAGES_AT_ONCE; page += 1) {
      const { lines, next } = await api.getLog(this.jobId, source.after);
      if (!next || next === source.after) return [...source.lines, ...lines];
      source.lines = [...source.lines, ...lines].slice(-MOST_LINES);
      source.after = next;
      if (!lines.length) break;
    }
    return source.lines;
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
