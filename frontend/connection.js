// @ts-check
import { byId, setText } from "./dom.js";

const PROBE_MS = 5000;
const PROBE_WITHIN_MS = 3000;

/** @returns {Promise<boolean>} */
async function isReached() {
  try {
    await fetch("/favicon.svg", { method: "HEAD", cache: "no-store", signal: AbortSignal.timeout(PROBE_WITHIN_MS) });
    return true;
  } catch {
    return false;
  }
}

/** Says that the browser is offline, and that it is back. */
export class Connection {
  #notice = byId("offline", HTMLElement);
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  constructor() {
    addEventListener("offline", () => this.#look());
    addEventListener("online", () => this.#look());
    if (!navigator.onLine) this.#look();
  }

  async #look() {
    clearTimeout(this.#timer);
    // A browser calls itself offline also where this page's server is on the same computer, and all is well.
    const isOffline = !navigator.onLine && !(await isReached()) && !navigator.onLine; // it may be back by then
    setText(this.#notice, isOffline
      ? "You are offline. Your text and files are kept; uploads and progress resume when the connection is back."
      : "");
    this.#notice.classList.toggle("notice", isOffline);
    if (!navigator.onLine) this.#timer = setTimeout(() => this.#look(), PROBE_MS);
  }
}
