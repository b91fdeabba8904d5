// @ts-check
/** Uploads that go on while the form is used for others. Loaded when that is wanted. */
import { byId, el } from "../dom.js";

/**
 * @typedef {import("./file-row.js").FileRow} FileRow
 * @typedef {import("./upload-total.js").UploadTotal} UploadTotal
 */

export class BackgroundUploads {
  #section = el("section", { class: "notice", id: "under-way", "aria-labelledby": "under-way-title" },
    el("h2", { id: "under-way-title" }, "Uploads under way"));
  /** @type {Set<HTMLElement>} those that were submitted together */
  #groups = new Set();

  constructor() {
    byId("job-form", HTMLFormElement).before(this.#section);
  }

  /** @returns {boolean} */
  get isShown() {
    return this.#groups.size > 0;
  }

  /**
   * @param {string} text of all of them
   * @param {FileRow[]} rows
   * @param {UploadTotal | null} total
   */
  add(text, rows, total) {
    const group = el("div", {}, el("p", { class: "hint quote" }, `Text: ${text}`), total?.element ?? null,
      el("ul", { class: "files" }, ...rows.map(({ element }) => element)));
    this.#groups.add(group);
    this.#section.append(group);
    this.tidy();
  }

  /** Removes what has no row any more. */
  tidy() {
    for (const group of this.#groups) {
      if (group.querySelector(".file")) continue;
      group.remove();
      this.#groups.delete(group);
    }
    this.#section.hidden = !this.isShown;
  }
}
