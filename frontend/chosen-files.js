// @ts-check
import { byId } from "./dom.js";
import { fileProblem } from "./file-check.js";
import { FileRow } from "./file-row.js";
import { Submission } from "./submission.js";

/**
 * @typedef {import("./api.js").Limits} Limits
 * @typedef {object} Entry
 * @property {File} file
 * @property {Submission} submission
 * @property {FileRow} row
 * @property {boolean} isBusy
 */

/** @param {File} a @param {File} b */
const isSame = (a, b) => a.name === b.name && a.size === b.size && a.lastModified === b.lastModified;

/** The files that the form has, each on its way to a job of its own. */
export class ChosenFiles {
  #list = byId("file-list", HTMLUListElement);
  #input = byId("input-file", HTMLInputElement);
  /** @type {Entry[]} */
  #entries = [];

  /**
   * @param {object} actions
   * @param {(entry: Entry) => void} actions.retry
   * @param {() => void} actions.changed
   */
  constructor({ retry, changed }) {
    this.retry = retry;
    this.changed = changed;
  }

  /** @returns {Entry[]} in the order they were chosen */
  get all() {
    return [...this.#entries];
  }

  /** @param {Iterable<File>} files one that is there already is not taken twice */
  add(files) {
    for (const file of files) {
      if (!this.#entries.some((entry) => isSame(entry.file, file))) this.#add(file);
    }
    this.changed();
  }

  /** @param {Entry} entry */
  remove(entry) {
    entry.submission.abandon();
    this.#drop(entry);
    this.changed();
    this.#input.focus(); // as the row had the focus
  }

  /** Takes out those whose jobs exist. @param {Entry[]} entries */
  finished(entries) {
    for (const entry of entries) this.#drop(entry);
    this.changed();
  }

  /** @param {Limits | null} limits @returns {string[]} what is wrong with files, each named; their rows are marked */
  check(limits) {
    const problems = [];
    for (const { file, row, isBusy } of this.#entries) {
      const problem = fileProblem(file, limits);
      if (problem && !isBusy) row.chosen("Cannot be uploaded.");
      if (problem) problems.push(problem);
    }
    return problems;
  }

  /** @param {File} file */
  #add(file) {
    const submission = new Submission(file);
    /** @type {Entry} */
    const entry = {
      file,
      submission,
      isBusy: false,
      row: new FileRow(file.name, file.size, {
        pause: () => submission.pause(),
        resume: () => submission.resume(),
        stop: () => submission.stop(),
        retry: () => this.retry(entry),
        remove: () => this.remove(entry),
      }),
    };
    this.#entries.push(entry);
    this.#list.append(entry.row.element);
  }

  /** @param {Entry} entry */
  #drop(entry) {
    this.#entries = this.#entries.filter((other) => other !== entry);
    entry.row.element.remove();
  }
}
