// @ts-check
import { announce, el, setText } from "../dom.js";
import { sizeText } from "../size.js";
import { durationText } from "../time.js";

/**
 * @typedef {import("../upload/speed.js").Progress} Progress
 * @typedef {import("../upload/submission.js").Reports} Reports
 * @typedef {object} Actions what the row's buttons do
 * @property {() => void} pause
 * @property {() => void} resume
 * @property {() => void} stop
 * @property {() => void} retry
 * @property {() => void} remove
 */

// Engines report progress up to a hundred times a second, faster than can be read.
const REDRAW_MS = 150;

/** One file of the form, from being chosen to having its job. Its state is a text, so it is no live region. */
export class FileRow {
  /**
   * @param {string} name
   * @param {number} size bytes
   * @param {Actions} actions
   */
  constructor(name, size, actions) {
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.redraw = undefined;
    this.name = name;
    this.size = size;
    /** @type {Progress | undefined} */
    this.latest = undefined;
    this.isStored = false;
    /** What is announced before its name. */
    this.uploading = "Uploading";
    /** Told whenever its state or its figures change. */
    this.onChange = () => {};
    /** Told when another of its buttons is of use. */
    this.onState = () => {};
    this.bar = el("progress", { max: 100, value: 0, "aria-label": `Uploading ${name}`, hidden: true });
    this.state = el("p", { class: "hint" });
    this.pause = this.#button("Pause", actions.pause);
    this.resume = this.#button("Resume", () => {
      this.waitForTurn();
      actions.resume();
    });
    this.stop = this.#button("Stop", actions.stop);
    this.retry = this.#button("Retry", actions.retry);
    this.remove = this.#button("Remove", actions.remove);
    this.element = el("li", { class: "file" },
      el("div", { class: "head" },
        el("p", { class: "what" }, el("strong", {}, name), " ", el("span", { class: "hint" }, sizeText(size))),
        this.pause, this.resume, this.stop, this.retry, this.remove),
      this.bar, this.state);
    this.chosen("");
  }

  /** @returns {number} bytes that are sent, as far as it is known */
  get sent() {
    return this.bar.hidden && !this.isPaused ? 0 : (this.latest?.sent ?? 0);
  }

  /** @returns {boolean} */
  get isPaused() {
    return !this.resume.hidden;
  }

  /** @returns {boolean} */
  get isPausable() {
    return !this.pause.hidden;
  }

  /** @param {string} problem why it cannot be sent; empty when it can */
  chosen(problem) {
    this.#show([this.remove], problem, Boolean(problem));
  }

  waitForTurn() {
    this.#show([this.pause, this.stop], "Waiting for other uploads.");
  }

  /** @returns {Reports} */
  get reports() {
    return {
      uploading: () => {
        this.#show([this.pause, this.stop], "Preparing the upload…", false, true);
        announce(`${this.uploading} ${this.name}`);
      },
      progress: (progress) => {
        this.latest = progress;
        if (this.redraw !== undefined) return;
        this.#progress(progress);
        this.redraw = setTimeout(() => {
          this.redraw = undefined;
          if (this.latest && this.latest !== progress) this.#progress(this.latest);
        }, REDRAW_MS);
      },
      waiting: (isOffline) => setText(this.state, isOffline
        ? "You are offline. The upload resumes when the connection is back."
        : "Connection lost. Retrying…"),
      paused: (kept) => {
        this.#show([this.resume, this.stop], kept
          ? `Paused. ${sizeText(kept)} of ${sizeText(this.size)} are stored and are not sent again.`
          : `Paused. 0 of ${sizeText(this.size)} kept: it is sent from its beginning when you resume.`);
        announce(`${this.name} is paused.`);
      },
      joining: () => this.#show([this.stop], "All parts are sent. Joining them…", false, true),
      uploaded: () => {
        this.bar.value = 100;
        this.isStored = true;
        this.#show([], "Uploaded. Creating the job…", false, true);
        announce(`${this.name} is uploaded. Creating the job.`);
      },
    };
  }

  done() {
    this.#show([], "The job is created.");
  }

  /** @param {string} reason */
  failed(reason) {
    this.#show([this.retry, this.remove], reason, true);
  }

  /** @param {Progress} progress */
  #progress({ sent, total, speed, remaining }) {
    const percent = total ? Math.floor((sent / total) * 100) : 100;
    this.bar.value = percent;
    const parts = [`${percent}\xa0%`, `${sizeText(sent)} of ${sizeText(total)}`];
    if (sent === total) parts.push("waiting for the storage");
    else if (speed && remaining) parts.push(`${sizeText(Math.round(speed))}/s`, `${durationText(Math.ceil(remaining) * 1000)} left`);
    setText(this.state, parts.join(" · "));
    this.onChange();
  }

  /**
   * @param {HTMLButtonElement[]} buttons those of use now
   * @param {string} state
   * @param {boolean} [isBad]
   * @param {boolean} [isUnderWay]
   */
  #show(buttons, state, isBad = false, isUnderWay = false) {
    const all = [this.pause, this.resume, this.stop, this.retry, this.remove];
    clearTimeout(this.redraw);
    this.redraw = undefined;
    const hadFocus = all.some((button) => button === document.activeElement);
    for (const button of all) button.hidden = !buttons.includes(button);
    // A button that is hidden loses the focus; who works by keyboard stays at this row.
    if (hadFocus) buttons[0]?.focus();
    this.bar.hidden = !isUnderWay;
    this.state.className = isBad ? "field-error" : "hint figures";
    setText(this.state, state);
    this.onChange();
    this.onState();
  }

  /** @param {string} label @param {() => void} action */
  #button(label, action) {
    return el("button", { class: "quiet small", type: "button", onclick: action }, label, el("span", { class: "unseen" }, ` ${this.name}`));
  }
}
