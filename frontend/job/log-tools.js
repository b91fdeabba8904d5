// @ts-check
/** What can be done with a log besides reading it: search, times, wrapping, copy, download, links to lines. */
import { announce, el, setText } from "../dom.js";
import { addressOf } from "./job.js";
import { clockText } from "../time.js";

// As wide as the line numbers are in styles.css.
const GUTTER_EM = 4;
const SAID_MS = 3000;

export class LogTools {
  #hits = /** @type {HTMLElement[]} */ ([]);
  #current = -1;

  /** @param {import("./log.js").LogView} view */
  constructor(view) {
    this.view = view;
    this.search = el("input", { type: "search", "aria-label": "Search the log", placeholder: "Search the log", autocomplete: "off", spellcheck: "false" });
    this.found = el("span", { class: "hint", role: "status" });
    this.times = this.#toggle("Times", (isOn) => {
      view.pre.classList.toggle("with-times", isOn);
      this.#addTimes();
    });
    this.wrap = this.#toggle("Wrap", (isOn) => view.pre.classList.toggle("nowrap", !isOn));
    this.wrap.setAttribute("aria-pressed", "true");
    this.copy = el("button", { class: "quiet small", type: "button", onclick: () => this.#copy() }, "Copy");
    const save = el("button", { class: "quiet small", type: "button", onclick: () => this.#download() }, "Download");
    this.element = el("div", { class: "log-tools" }, this.search, this.found, this.times, this.wrap, this.copy, save);
    this.search.addEventListener("input", () => this.#find());
    this.search.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      this.#show(this.#current + (event.shiftKey ? -1 : 1));
    });
    view.pre.addEventListener("click", (event) => this.#link(event));
  }

  /** New lines have come. */
  update() {
    if (this.search.value) this.#find(this.#current);
    this.#addTimes();
  }

  get #lines() {
    return /** @type {HTMLElement[]} */ ([...this.view.pre.children]);
  }

  get #text() {
    return this.view.shown.map(({ text }) => `${text}\n`).join("");
  }

  /** @param {number} [current] */
  #find(current = -1) {
    const words = this.search.value.toLowerCase();
    const lines = this.#lines;
    this.#hits = words ? lines.filter((_, index) => this.view.shown[index].text.toLowerCase().includes(words)) : [];
    const hits = new Set(this.#hits);
    for (const line of lines) line.classList.toggle("hit", hits.has(line));
    this.#current = Math.min(current, this.#hits.length - 1);
    if (this.#current >= 0) {
      setText(this.found, `${this.#current + 1} of ${hits.size} lines`);
      return;
    }
    setText(this.found, words ? `${hits.size} line${hits.size === 1 ? "" : "s"}` : "");
    if (hits.size) this.#show(0);
  }

  /** @param {number} index of the hit; past the last one is the first */
  #show(index) {
    if (!this.#hits.length) return;
    this.#current = (index + this.#hits.length) % this.#hits.length;
    this.#hits[this.#current].scrollIntoView({ block: "center" });
    setText(this.found, `${this.#current + 1} of ${this.#hits.length} lines`);
    this.#mark(this.#hits[this.#current]);
  }

  /** @param {HTMLElement} line @returns {string} the address that leads to it */
  #mark(line) {
    for (const other of this.view.pre.querySelectorAll(".linked")) other.classList.remove("linked");
    line.classList.add("linked");
    const number = this.view.first + this.#lines.indexOf(line);
    history.replaceState(history.state, "", `${addressOf(this.view.jobId)}?line=${number}`);
    return location.href;
  }

  /** @param {MouseEvent} event on a line's number */
  async #link(event) {
    const line = event.target instanceof HTMLElement ? event.target.closest(".line") : null;
    if (!(line instanceof HTMLElement)) return;
    const gutter = GUTTER_EM * parseFloat(getComputedStyle(line).fontSize);
    if (event.clientX > line.getBoundingClientRect().left + gutter) return;
    const href = this.#mark(line);
    const isCopied = await navigator.clipboard.writeText(href).then(() => true, () => false);
    setText(this.found, isCopied ? "Link to the line copied" : "The address bar has the link to the line");
  }

  #addTimes() {
    if (!this.view.pre.classList.contains("with-times")) return;
    this.#lines.forEach((line, index) => (line.dataset["at"] ??= clockText(this.view.shown[index].at)));
  }

  async #copy() {
    const said = await navigator.clipboard.writeText(this.#text).then(() => "Copied", () => "Not allowed");
    setText(this.copy, said);
    announce(`${said}.`);
    setTimeout(() => setText(this.copy, "Copy"), SAID_MS);
  }

  #download() {
    const href = URL.createObjectURL(new Blob([this.#text], { type: "text/plain" }));
    el("a", { href, download: `${this.view.filename || this.view.jobId}.log` }).click();
    setTimeout(() => URL.revokeObjectURL(href), SAID_MS);
  }

  /** @param {string} label @param {(isOn: boolean) => void} change */
  #toggle(label, change) {
    const button = el("button", { class: "quiet small", type: "button", "aria-pressed": "false", onclick: () => {
      const isOn = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(isOn));
      change(isOn);
    } }, label);
    return button;
  }
}
