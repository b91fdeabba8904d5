// @ts-check
import * as api from "../api.js";
import { priceText } from "../cost.js";
import { byId, setText } from "../dom.js";
import { limitsText } from "./file-check.js";

/** What the stack accepts and what a job costs there, as the form shows it. */
export class FormLimits {
  /** Null until they are known, and where they cannot be asked for. @type {api.Limits | null} */
  current = null;
  /** @type {import("./options.js").Options | null} */
  #options = null;
  #known;

  /** @param {() => void} onKnown */
  constructor(onKnown) {
    this.#known = this.#load(onKnown);
  }

  /** @returns {api.Overrides | undefined} what was chosen under “Options” */
  get overrides() {
    return this.#options?.chosen;
  }

  /** Says what is wrong under “Options”, if anything is. @returns {HTMLInputElement[]} the fields that were checked */
  check() {
    return this.#options?.check() ?? [];
  }

  /** @returns {Promise<number>} the size from which a file is uploaded in parts, once the limits are known */
  async multipartFrom() {
    await this.#known;
    return this.current?.multipart_from_bytes ?? Infinity;
  }

  /** @param {() => void} onKnown */
  async #load(onKnown) {
    // Without them the page still works: the API and the storage hold the same limits.
    const limits = this.current = await api.getLimits().catch(() => null);
    if (!limits) return;
    setText(byId("file-limits", HTMLElement), limitsText(limits));
    if (limits.price) setText(byId("price", HTMLElement), priceText(limits.price));
    onKnown();
    const { allowed_instance_types: types = [], job_timeout_minutes: usual, max_job_timeout_minutes: most } = limits;
    if (types.length || most > usual) await this.#showOptions(limits);
  }

  /** Their module is loaded where the stack allows something: the page's first load goes without. @param {api.Limits} limits */
  async #showOptions(limits) {
    const loaded = await import("./options.js").catch(() => null);
    if (!loaded) return;
    this.#options = new loaded.Options(limits);
    byId("form-error", HTMLElement).before(this.#options.element);
    const { type } = this.#options;
    type.addEventListener("change", () => {
      const { price } = limits;
      if (!price) return;
      const isKnown = ["", price.instance_type].includes(type.value);
      setText(byId("price", HTMLElement), isKnown ? priceText(price) : `What ${type.value} costs is not shown here.`);
    });
  }
}
