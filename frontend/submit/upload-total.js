// @ts-check
/** How far several uploads are together, and a button that pauses all of them. Loaded with the second file. */
import { el, setText } from "../dom.js";
import { sizeText } from "../size.js";
import { speedometer } from "../upload/speed.js";
import { durationText } from "../time.js";

/** @typedef {import("./chosen-files.js").Entry} Entry */

export class UploadTotal {
  /** @param {Entry[]} entries that were submitted together */
  constructor(entries) {
    this.entries = entries;
    this.size = entries.reduce((sum, { file }) => sum + file.size, 0);
    this.measure = speedometer(this.size);
    this.bar = el("progress", { max: 100, value: 0, "aria-label": "Uploading all files" });
    this.state = el("p", { class: "hint figures" });
    this.toggle = el("button", { class: "quiet small", type: "button", onclick: () => this.#toggle() }, "Pause all");
    this.element = el("div", { class: "upload-total" },
      el("div", { class: "head" }, el("strong", { class: "what" }, "All files"), this.toggle), this.bar, this.state);
    this.update();
  }

  /** Something about an entry has changed. */
  update() {
    const sent = this.entries.reduce((sum, { file, row }) => sum + (row.isStored ? file.size : row.sent), 0);
    const stored = this.entries.filter(({ row }) => row.isStored).length;
    const active = this.#active();
    this.element.hidden = !active.length;
    this.bar.value = this.size ? Math.floor((sent / this.size) * 100) : 100;
    setText(this.toggle, active.some(({ row }) => !row.isPaused) ? "Pause all" : "Resume all");
    const parts = [`${stored} of ${this.entries.length} files`, `${sizeText(sent)} of ${sizeText(this.size)}`];
    const { speed, remaining } = this.measure(sent);
    if (active.every(({ row }) => row.isPaused)) parts.push("paused");
    else if (speed && remaining) parts.push(`${sizeText(Math.round(speed))}/s`, `${durationText(Math.ceil(remaining) * 1000)} left`);
    setText(this.state, parts.join(" · "));
  }

  /** @returns {Entry[]} what can be paused or resumed */
  #active() {
    return this.entries.filter(({ row }) => row.isPaused || row.isPausable);
  }

  #toggle() {
    const active = this.#active();
    const running = active.filter(({ row }) => !row.isPaused);
    for (const { row } of running.length ? running : active) (row.isPaused ? row.resume : row.pause).click();
    this.update();
  }
}
