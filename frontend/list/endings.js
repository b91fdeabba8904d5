// @ts-check
/** Says that jobs have ended while the tab is not looked at: in its title, and in a notification if they are on. */
import { addressOf, isOver } from "../job/job.js";
import { sentenceOf, statusLabel } from "../job/status.js";

/** @typedef {import("../api.js").Job} Job */

const WISH = "mayfly.notify";

export class Endings {
  /** @type {Map<string, boolean>} whether the job was over when it was last seen, by its id and run */
  #seen = new Map();
  /** @type {string[]} */
  #unread = [];
  #title = document.title;

  constructor() {
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) return;
      this.#unread = [];
      this.#showTitle();
    });
  }

  /** @returns {boolean} */
  static get isSupported() {
    return "Notification" in globalThis;
  }

  /** @returns {boolean} */
  get isOn() {
    return Endings.isSupported && Notification.permission === "granted" && sessionStorage.getItem(WISH) === "on";
  }

  /** Asks the browser, which asks the person: only ever after a click. @returns {Promise<boolean>} whether they are on */
  async turnOn() {
    const answer = await Notification.requestPermission();
    if (answer === "granted") sessionStorage.setItem(WISH, "on");
    return this.isOn;
  }

  turnOff() {
    sessionStorage.removeItem(WISH);
  }

  /** @param {string} title of what is shown */
  setTitle(title) {
    this.#title = title;
    this.#showTitle();
  }

  /** @param {Iterable<Job>} jobs as they are now */
  look(jobs) {
    for (const job of jobs) {
      const key = `${job.id} ${job.run}`;
      const wasOver = this.#seen.get(key);
      this.#seen.set(key, isOver(job));
      if (wasOver === false && isOver(job)) this.#notify(job);
    }
  }

  /** @param {Job} job which has just ended */
  #notify(job) {
    if (!document.hidden) return;
    this.#unread.push(`${statusLabel(job.status)}: ${job.filename}`);
    this.#showTitle();
    if (!this.isOn) return;
    try {
      const note = new Notification(`${job.filename}: ${statusLabel(job.status)}`, {
        body: job.error?.message.split("\n")[0] ?? sentenceOf(job), icon: "/favicon.svg", tag: job.id,
      });
      note.addEventListener("click", () => {
        focus();
        location.hash = addressOf(job.id);
        note.close();
      });
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // on Android only a service worker may
    }
  }

  #showTitle() {
    const [first, ...more] = this.#unread;
    document.title = more.length ? `(${more.length + 1}) jobs ended · Mayfly` : first ? `● ${first} · Mayfly` : this.#title;
  }
}
