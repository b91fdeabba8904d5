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

import { isSignedInElsewhere } from "./session.js";

// A tab that is suspended never answers, and one that still loads this module hears nothing yet.
const ANSWER_WITHIN_MS = 5000;
const ASK_AGAIN_MS = 200;

export class OpenTabs {
  #channel = new BroadcastChannel("mayfly.session");

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
        clearInterval(timer);
        channel.removeEventListener("message", hear);
        resolve(stored);
      };
      const hear = (/** @type {MessageEvent} */ { data }) => {
        if (data.kind === "answer" && data.to === from) end(data.stored);
      };
      const ask = () => channel.postMessage({ kind: "ask", from });
      const latest = performance.now() + ANSWER_WITHIN_MS;
      const timer = setInterval(async () => {
        if (performance.now() > latest || !(await isSignedInElsewhere())) end(null);
        else ask();
      }, ASK_AGAIN_MS);
      channel.addEventListener("message", hear);
      ask();
    });
  }

  /** @param {string} before the refresh token that was @param {string} now the one in its place */
  tellRenewed(before, now) {
    this.#channel.postMessage({ kind: "renewed", before, now });
  }

  tellSignedOut() {
    this.#channel.postMessage({ kind: "signed out" });
  }
}
