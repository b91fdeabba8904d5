// @ts-check
import { el } from "../dom.js";
import { sayOf } from "./text-field.js";

/**
 * @typedef {import("../api.js").Limits} Limits
 * @typedef {import("../api.js").Overrides} Overrides
 */

/** @param {number} minutes @returns {string} such as "1 minute", "90 minutes" */
const minutesText = (minutes) => `${minutes}\xa0minute${minutes === 1 ? "" : "s"}`;

/** What the next jobs shall have otherwise than others, as far as the stack allows it. */
export class Options {
  /** @param {Limits} limits */
  constructor({ allowed_instance_types: types, job_timeout_minutes: usual, max_job_timeout_minutes: most }) {
    this.type = el("select", { id: "instance-type" },
      el("option", { value: "" }, "Default"), ...types.map((type) => el("option", {}, type)));
    this.minutes = el("input", {
      id: "timeout-minutes", type: "number", min: 1, max: most, step: 1, inputmode: "numeric", placeholder: String(usual),
      "aria-describedby": "timeout-hint timeout-minutes-error",
    });
    this.element = el("details", { class: "field", id: "options" }, el("summary", {}, "Options"),
      ...(types.length ? [el("div", { class: "field" }, el("label", { for: "instance-type" }, "Machine type"), this.type)] : []),
      el("div", { class: "field" }, el("label", { for: "timeout-minutes" }, "Time-out in minutes"), this.minutes,
        el("p", { class: "field-error", id: "timeout-minutes-error", hidden: true }),
        el("p", { class: "hint", id: "timeout-hint" }, `How long the script may run: ${minutesText(usual)} by default, at most ${minutesText(most)}.`)));
  }

  /** Says what is wrong with the time-out, if anything is. @returns {HTMLInputElement[]} what was checked */
  check() {
    const isWrong = !this.minutes.validity.valid;
    sayOf(this.minutes, isWrong ? `Enter whole minutes, from 1 to ${this.minutes.max}, or nothing.` : "");
    if (isWrong) this.element.open = true;
    return [this.minutes];
  }

  /** @returns {Overrides | undefined} undefined where nothing is chosen */
  get chosen() {
    const minutes = this.minutes.valueAsNumber;
    if (!this.type.value && Number.isNaN(minutes)) return undefined;
    return { instance_type: this.type.value || null, timeout_minutes: Number.isNaN(minutes) ? null : minutes };
  }
}
