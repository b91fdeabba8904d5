// @ts-check
import * as api from "../api.js";
import { announce, byId, el, setText } from "../dom.js";
import { FileRow } from "./file-row.js";
import { sizeText } from "../size.js";
import { Submission } from "../upload/submission.js";
import { difference, forget } from "../upload/unfinished.js";

/**
 * @typedef {import("../upload/unfinished.js").Unfinished} Unfinished
 * @typedef {(submission: Submission, row: FileRow, text: string) => Promise<boolean>} GoOn resolves to whether its job exists
 * @typedef {object} Ways
 * @property {GoOn} goOn
 * @property {(one: Unfinished) => File | null} fileOf the file, where the browser has kept it
 * @property {(file: File) => void} left it has its job, or is not wanted any more
 */

/**
 * The uploads that a reload cut off: only what is missing is sent, at once where the browser has kept the file, else once
 * the same file is chosen again. One that was paused stays so.
 */
export class CutOffUploads {
  #section = byId("cut-off", HTMLElement);
  #list = byId("cut-off-list", HTMLUListElement);
  /** Those whose file is not there. @type {Map<Unfinished, HTMLLIElement>} */
  #waiting = new Map();
  #hint = byId("cut-off-hint", HTMLElement);

  /** @param {Unfinished[]} all @param {Ways} ways */
  constructor(all, ways) {
    this.ways = ways;
    this.#list.replaceChildren(); // their names, which were shown at once
    for (const one of all) {
      const item = this.#item(one);
      const file = ways.fileOf(one);
      this.#list.append(item);
      this.#waiting.set(one, item);
      if (file) this.#resume(item, file, one, false);
    }
    this.#update();
  }

  /**
   * @param {File} file which was chosen among others
   * @param {string} text which it is to go with; empty when there is none yet
   * @returns {boolean} whether it is one that was waited for, with that text
   */
  take(file, text) {
    const isOf = (/** @type {Unfinished} */ each) => !difference(file, each) && (!text || text === each.text);
    const [one, item] = [...this.#waiting].find(([each]) => isOf(each)) ?? [];
    if (one && item) this.#resume(item, file, one, true);
    return Boolean(one);
  }

  /** @param {Unfinished} one */
  #item(one) {
    const input = el("input", { type: "file", class: "unseen" });
    const problem = el("p", { class: "field-error", role: "alert", hidden: true });
    const abandon = el("button", { class: "quiet small", type: "button" }, "Discard", el("span", { class: "unseen" }, ` ${one.filename}`));
    const item = el("li", { class: "file" },
      el("p", { class: "what" }, el("strong", {}, one.filename), " ", el("span", { class: "hint" }, sizeText(one.size))),
      el("p", { class: "hint" }, one.stored
        ? `${sizeText(one.stored)} of ${sizeText(one.size)} are stored and are not sent again.`
        : "Nothing is stored of it yet."),
      el("p", { class: "hint quote" }, `Text: ${one.text}`),
      el("div", { class: "actions" },
        el("label", { class: "button small primary" }, "Choose the file again", el("span", { class: "unseen" }, `: ${one.filename}`), input), abandon),
      problem);
    input.addEventListener("change", () => {
      const file = input.files?.[0];
      if (!file) return;
      const how = difference(file, one);
      setText(problem, how && `This is a different file: ${how}. Choose the original file, or discard the upload.`);
      problem.hidden = !how;
      input.value = "";
      if (!how) this.#resume(item, file, one, true);
    });
    abandon.addEventListener("click", () => {
      this.#waiting.delete(one);
      forget(one.jobId);
      api.abortUpload(one.jobId, one.uploadId ?? "", one.filename).catch(() => {}); // the storage ends it after a day
      this.#leave(item, `The upload of ${one.filename} is discarded.`);
    });
    return item;
  }

  /**
   * @param {HTMLLIElement} item
   * @param {File} file
   * @param {Unfinished} one
   * @param {boolean} isAsked whether the file was just chosen
   */
  #resume(item, file, one, isAsked) {
    this.#waiting.delete(one);
    const submission = new Submission(file, one);
    const go = async () => {
      const isTouched = isAsked || row.element.contains(document.activeElement);
      row.waitForTurn();
      if (isTouched) row.stop.focus();
      if (!(await this.ways.goOn(submission, row, one.text))) return;
      this.ways.left(file);
      this.#leave(row.element, "");
    };
    const row = new FileRow(one.filename, one.size, {
      pause: () => submission.pause(),
      resume: () => submission.resume(),
      stop: () => submission.stop(),
      retry: go,
      remove: () => {
        submission.abandon();
        this.ways.left(file);
        this.#leave(row.element, `The upload of ${one.filename} is discarded.`);
      },
    });
    row.uploading = "Resuming the interrupted upload of";
    row.element.append(el("p", { class: "hint quote" }, `Resumed with its text: ${one.text}`));
    item.replaceWith(row.element);
    this.#update();
    if (one.paused && !isAsked) submission.pause();
    go();
  }

  /**
   * @param {HTMLElement} item
   * @param {string} words
   */
  #leave(item, words) {
    const hadFocus = item.contains(document.activeElement);
    item.remove();
    this.#update();
    if (words) announce(words);
    if (hadFocus && words) byId("new-job-title", HTMLElement).focus();
  }
  #update() {
    this.#section.hidden = !this.#list.children.length;
    this.#hint.hidden = !this.#list.querySelector("input");
  }
}
