// @ts-check
import { byId } from "../dom.js";
import { fileProblem } from "./file-check.js";
import { FileRow } from "./file-row.js";
import { loadTransport, Submission } from "../upload/submission.js";

/**
 * @typedef {import("../api.js").Limits} Limits
 * @typedef {object} Entry
 * @property {File} file
 * @property {Submission} submission
 * @property {FileRow} row
 * @property {boolean} isBusy
 * @property {import("./upload-batch.js").UploadBatch | null} batch the last one it was submitted with
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
   * @param {() => void} actions.moved a file has begun, is paused, or has ended
   * @param {(file: File) => void} actions.dropped the file is not wanted any more, or has its job
   */
  constructor({ retry, changed, moved, dropped }) {
    this.retry = retry;
    this.changed = changed;
    this.moved = moved;
    this.dropped = dropped;
  }

  /** @returns {Entry[]} in the order they were chosen */
  get all() {
    return [...this.#entries];
  }

  /** @param {Iterable<File>} files one that is there already is not taken twice @returns {File[]} the others */
  add(files) {
    const added = [...files].filter((file) => {
      const isNew = !this.#entries.some((entry) => isSame(entry.file, file));
      if (isNew) this.#add(file);
      return isNew;
    });
    this.changed();
    return added;
  }

  /** @param {Entry} entry */
  remove(entry) {
    const at = this.#entries.indexOf(entry);
    entry.submission.abandon();
    this.#drop(entry);
    this.changed();
    const next = this.#entries[at] ?? this.#entries[at - 1];
    (next && !next.row.remove.hidden ? next.row.remove : this.#input).focus(); // as the row had the focus
  }

  /** Takes out those whose jobs exist. @param {Entry[]} entries */
  finished(entries) {
    for (const entry of entries) this.#drop(entry);
    this.changed();
  }

  /** Leaves those that are under way, or have failed, to another list. @returns {Entry[]} */
  release() {
    const entries = this.#entries;
    this.#entries = [];
    this.changed();
    return entries;
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
    loadTransport().catch(() => {}); // the upload itself tries again, and says so
    const submission = new Submission(file);
    /** @type {Entry} */
    const entry = {
      file,
      submission,
      isBusy: false,
      batch: null,
      row: new FileRow(file.name, file.size, {
        pause: () => submission.pause(),
        resume: () => submission.resume(),
        stop: () => submission.stop(),
        retry: () => this.retry(entry),
        remove: () => this.remove(entry),
      }),
    };
    entry.row.onState = () => this.moved();
    this.#entries.push(entry);
    this.#list.append(entry.row.element);
  }

  /** @param {Entry} entry */
  #drop(entry) {
    this.#entries = this.#entries.filter((other) => other !== entry);
    this.dropped(entry.file);
    entry.row.element.remove();
  }
}
