// @ts-check
import { byId, setText } from "../dom.js";
import { grouped, lengthOf } from "./file-check.js";
import { say } from "./form-report.js";

const DRAFT = "mayfly.draft";

/**
 * Says what is wrong with a field, below it.
 *
 * @param {HTMLInputElement | HTMLTextAreaElement} control
 * @param {string} problem empty when nothing is wrong
 */
export function sayOf(control, problem) {
  say(byId(`${control.id.replace("input-", "")}-error`, HTMLElement), problem);
  control.setAttribute("aria-invalid", String(Boolean(problem)));
}

/** The form's text, which a reload of the page does not lose. */
export class TextField {
  element = byId("input-text", HTMLTextAreaElement);
  #most = Infinity;

  /** @param {() => void} onChange */
  constructor(onChange) {
    this.onChange = onChange;
    const { element } = this;
    element.value ||= sessionStorage.getItem(DRAFT) ?? "";
    element.addEventListener("input", () => this.#changed());
  }

  get value() {
    return this.element.value;
  }

  /** @param {string} text empty to forget the one there is */
  set(text) {
    this.element.value = text;
    this.#changed();
  }

  /** @param {number} most characters */
  limitTo(most) {
    this.#most = most;
    this.#count();
  }

  /** Says what is wrong with it, if anything is. */
  check() {
    const length = lengthOf(this.value);
    if (!this.value.trim()) sayOf(this.element, "Enter a text for the script.");
    else sayOf(this.element, length > this.#most ? `The text has ${grouped(length)} characters. The limit is ${grouped(this.#most)}.` : "");
  }

  #changed() {
    if (this.value) sessionStorage.setItem(DRAFT, this.value);
    else sessionStorage.removeItem(DRAFT);
    sayOf(this.element, "");
    this.#count();
    this.onChange();
  }

  #count() {
    if (this.#most === Infinity) return;
    setText(byId("text-count", HTMLElement), `${grouped(lengthOf(this.value))} of ${grouped(this.#most)} characters`);
  }
}
