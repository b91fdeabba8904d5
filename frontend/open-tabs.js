// @ts-check
/**
 * Shares a sign-in between this origin's open tabs, so that a new one does not ask for it again. Loaded once there is one.
 *
 * Nothing is stored for it: a tab asks those that are open, by a channel that no other origin hears. Why:
 * docs/decisions/0021-a-new-tab-takes-over-a-sign-in.md.
 */

/**
 * @typedef {import("./session.js").Stored} Stored
 * @typedef {object} Events
 * @property {() => Stored | null} current the user who is signed in here, if any
 * @property {(before: string, now: string) => void} renewed another tab got a new refresh token in the place of one
 * @property {() => void} signedOut in another tab
 */

import { HELD_WHILE_SIGNED_IN } from "./session.js";

// A tab that is suspended never answers.
const ANSWER_WITHIN_MS = 5000;

export class OpenTabs {
  #channel = new BroadcastChannel("mayfly.session");
  #release = () => {};
  #isHeld = false;

  /** @param {Events} events */
  constructor({ current, renewed, signedOut }) {
    this.#channel.addEventListener("message", ({ data }) => {
      if (data.kind === "ask") {
        const stored = current();
        if (stored) this.#channel.postMessage({ kind: "answer", to: data.from, stored });
      } else if (data.kind === "renewed") renewed(data.before, data.now);
      else if (data.kind === "signed out") signedOut();
    });
  }

  /** @returns {Promise<Stored | null>} the user who is signed in in another tab, if any */
  async ask() {
    const from = crypto.randomUUID();
    const channel = this.#channel;
    return new Promise((resolve) => {
      /** @param {Stored | null} stored */
      const end = (stored) => {
        clearTimeout(timer);
        channel.removeEventListener("message", hear);
        resolve(stored);
      };
      const hear = (/** @type {MessageEvent} */ { data }) => {
        if (data.kind === "answer" && data.to === from) end(data.stored);
      };
      const timer = setTimeout(() => end(null), ANSWER_WITHIN_MS);
      channel.addEventListener("message", hear);
      channel.postMessage({ kind: "ask", from });
    });
  }

  /** @param {boolean} isSignedIn whether others are answered from now on */
  answer(isSignedIn) {
    if (isSignedIn === this.#isHeld) return;
    this.#isHeld = isSignedIn;
    this.#release();
    if (isSignedIn) navigator.locks.request(HELD_WHILE_SIGNED_IN, { mode: "shared" }, () => new Promise((resolve) => (this.#release = () => resolve(null))));
  }

  /** @param {string} before the refresh token that was @param {string} now the one in its place */
  tellRenewed(before, now) {
    this.#channel.postMessage({ kind: "renewed", before, now });
  }

  tellSignedOut() {
    this.#channel.postMessage({ kind: "signed out" });
  }
}
