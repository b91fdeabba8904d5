// @ts-check
import * as api from "../api.js";
import { el, setText } from "../dom.js";
import { whileVisible } from "./poll.js";

/**
 * @typedef {import("../api.js").LogLine} LogLine
 * @typedef {object} Source
 * @property {LogLine[]} lines of the pages that are complete
 * @property {string | null} after the page that may still grow
 * @property {number} dropped how many earlier lines are not kept
 */

const MOST_LINES = 5000;
const MOST_CHARACTERS = 2_000_000;
const MOST_PAGES_AT_ONCE = 20;
const FIRST_MS = 1000;
const SLOWEST_MS = 8000;
const GROWTH = 1.5;
// CloudWatch Logs shows a line some seconds after it was written.
const LATE_LINES_MS = 15_000;

/** @param {LogLine[]} lines @returns {LogLine[]} the last ones, as many as a page can show */
function lastOf(lines) {
  let room = MOST_CHARACTERS;
  let first = lines.length;
  while (first > 0 && lines.length - first < MOST_LINES && (room -= lines[first - 1].text.length) >= 0) first -= 1;
  return lines.slice(Math.min(first, Math.max(lines.length - 1, 0)));
}

/** @returns {Source} */
const start = () => ({ lines: [], after: null, dropped: 0 });

/** What the job's script prints, followed while it is open. It opens by itself while there is something to follow. */
export class LogView {
  /**
   * @param {string} jobId
   * @param {number | null} line which is shown and marked
   */
  constructor(jobId, line) {
    this.jobId = jobId;
    this.line = line;
    this.filename = "";
    this.note = el("p", { class: "hint" });
    this.toolsPlace = el("div", {});
    /** @type {Promise<import("./log-tools.js").LogTools | null> | null} */
    this.tools = null;
    this.pre = el("pre", { tabindex: 0, role: "region", "aria-label": "Log", hidden: true, onscroll: () => this.#scrolled() });
    this.toEnd = el("button", { class: "quiet small", type: "button", hidden: true, onclick: () => this.#toEnd() }, "Jump to the end");
    this.summary = el("summary", {}, "Log");
    this.element = el("details", { class: "log", ontoggle: () => this.#toggled() }, this.summary, this.note, this.toolsPlace, this.pre, this.toEnd);
    this.source = start();
    /** @type {LogLine[]} */
    this.shown = [];
    this.first = 1;
    this.command = "";
    this.ended = false;
    this.isFollowing = true;
    this.hasOpened = false;
    this.stop = () => {};
  }

  /**
   * @param {string} command which command's log it is: that of a later attempt starts from nothing
   * @param {{isRunning: boolean, ended: boolean}} job
   */
  follow(command, { isRunning, ended }) {
    const isNew = command !== this.command;
    const hasEnded = ended !== this.ended;
    this.command = command;
    this.ended = ended;
    if (isNew) {
      this.source = start();
      this.#draw([]);
    }
    const opens = !this.hasOpened && (this.line !== null || (history.state?.isLogOpen ?? isRunning));
    if (opens) this.element.open = this.hasOpened = true; // once it is closed by hand it stays so
    else if (isNew || hasEnded) this.#watch();
  }

  /** The view is left. */
  close() {
    this.stop();
  }

  /** A reload, or going back to it, finds it as it was left. */
  #toggled() {
    if (this.element.isConnected) history.replaceState({ isLogOpen: this.element.open }, "");
    this.#watch();
  }

  /** Asks again and again while it is open, less and less often while nothing comes. */
  #watch() {
    this.stop();
    if (!this.element.open) return;
    let wait = FIRST_MS;
    let quietMs = 0;
    const { source } = this;
    this.stop = whileVisible(async () => {
      const before = this.shown.length;
      const worked = await this.#refresh(source);
      if (source !== this.source || !this.element.isConnected) return null;
      const isQuiet = this.shown.length === before;
      quietMs = isQuiet ? quietMs + wait : 0;
      wait = isQuiet ? Math.min(wait * GROWTH, SLOWEST_MS) : FIRST_MS;
      return this.ended && worked && quietMs > LATE_LINES_MS ? null : wait;
    });
  }

  /** @param {Source} source @returns {Promise<boolean>} whether it worked */
  async #refresh(source) {
    try {
      const lines = await this.#fetch(source);
      if (lines && source === this.source) this.#draw(lines);
      return true;
    } catch (error) {
      if (!(error instanceof api.ApiError)) throw error;
      setText(this.note, error.message);
      return !error.passing;
    }
  }

  /** @param {Source} source @returns {Promise<LogLine[] | null>} every line known so far; null where another look knows more */
  async #fetch(source) {
    for (let page = 0; page < MOST_PAGES_AT_ONCE; page += 1) {
      const { after } = source;
      const { lines, next } = await api.getLog(this.jobId, after);
      if (source.after !== after) return null; // another look that was under way has this page
      if (!next || next === source.after) return [...source.lines, ...lines];
      const all = [...source.lines, ...lines];
      source.lines = lastOf(all);
      source.dropped += all.length - source.lines.length;
      source.after = next;
      if (!lines.length) break;
    }
    return source.lines;
  }

  /** @param {LogLine[]} all */
  #draw(all) {
    const lines = lastOf(all);
    const before = this.source.dropped + all.length - lines.length;
    const cut = before ? `Only the last ${lines.length} lines are shown.` : "";
    setText(this.note, lines.length ? cut : this.ended ? "The script printed nothing." : "No output yet.");
    // Lines that stay keep their elements, and with them what was selected to copy.
    const stays = this.shown.length <= lines.length && !cut ? this.shown.length : 0;
    if (!stays) this.pre.replaceChildren();
    this.pre.style.counterReset = `line ${before}`;
    this.pre.append(...lines.slice(stays).map(({ stream, text }) => el("span", { class: stream === "stderr" ? "line stderr" : "line" }, `${text}\n`)));
    this.shown = lines;
    this.first = before + 1;
    this.pre.hidden = this.toolsPlace.hidden = !lines.length;
    if (lines.length) this.#showTools();
    if (this.line && this.#showLine(this.line)) this.line = null;
    else if (this.isFollowing) this.#toEnd();
  }

  /** Their module is loaded with the first line that is shown. */
  async #showTools() {
    this.tools ??= import("./log-tools.js").then(({ LogTools }) => new LogTools(this), () => null);
    const tools = await this.tools;
    if (!tools) this.tools = null; // no network: the next look tries again
    else if (!this.toolsPlace.children.length) this.toolsPlace.append(tools.element);
    tools?.update();
  }

  /** @param {number} line @returns {boolean} whether there is one */
  #showLine(line) {
    const element = this.pre.children[line - this.first];
    if (!element) return false;
    element.classList.add("linked");
    this.isFollowing = false;
    element.scrollIntoView({ block: "center" });
    return true;
  }

  #scrolled() {
    this.isFollowing = this.pre.scrollTop + this.pre.clientHeight >= this.pre.scrollHeight - 4;
    this.toEnd.hidden = this.isFollowing || this.ended;
  }

  #toEnd() {
    const hadFocus = document.activeElement === this.toEnd;
    this.pre.scrollTop = this.pre.scrollHeight;
    this.isFollowing = this.toEnd.hidden = true;
    if (hadFocus) this.pre.focus();
  }
}
