// @ts-check
/** The form's files, from being chosen to having their jobs. Loaded with the first file. */
import { ApiError } from "../api.js";
import { BatchRunner } from "./batch-runner.js";
import { ChosenFiles } from "./chosen-files.js";
import { byId } from "../dom.js";
import { FileKeeper } from "./file-keeper.js";
import { SIGN_IN_FIRST } from "./form-report.js";
import { UploadBatch } from "./upload-batch.js";
import { isPassing } from "../upload/upload-error.js";

/**
 * @typedef {import("./form.js").JobForm} JobForm
 * @typedef {import("./chosen-files.js").Entry} Entry
 * @typedef {import("../upload/unfinished.js").Unfinished} Unfinished
 */

/** @param {unknown} error of an upload that has its own “Retry” @returns {string} */
function nextStepInRow(error) {
  if (error instanceof ApiError && error.signedOut) return SIGN_IN_FIRST;
  return isPassing(error) ? "What is uploaded so far is kept. Press “Retry” to resume." : "Press “Retry” to start over.";
}

export class FormFiles {
  #form;
  #keeper;
  #runner;
  /** The last one of this form's. @type {UploadBatch | null} */
  #batch = null;
  /** @type {import("./upload-total.js").UploadTotal | null} */
  #total = null;
  /** @type {import("./background-uploads.js").BackgroundUploads | null} */
  #background = null;

  /** @param {JobForm} form */
  constructor(form) {
    this.#form = form;
    this.chosen = new ChosenFiles({
      retry: (entry) => this.#retry(entry),
      changed: () => this.#changed(),
      moved: () => form.showBusy(),
      dropped: (file) => this.#keeper.forget(file),
    });
    this.#keeper = new FileKeeper(this.chosen);
    this.#runner = new BatchRunner({
      multipartFrom: () => form.limits.multipartFrom(),
      changed: () => form.showBusy(),
      created: (job, file, batch) => {
        this.#keeper.forget(file);
        form.onJob(job, batch.isOneJob && !batch.isAside && !(batch.isDetached && this.#hasOther(batch)));
      },
      ended: (batch) => this.#sumUp(batch),
    });
  }

  /** @returns {boolean} whether files of the form are on their way */
  get isBusy() {
    return Boolean(this.#batch?.running);
  }

  /** @returns {boolean} whether all that is on its way is paused */
  get isPaused() {
    const busy = this.chosen.all.filter(({ isBusy }) => isBusy);
    return busy.length > 0 && busy.every(({ row }) => row.isPaused);
  }

  /** @returns {string} of what is on its way, such as " (1 of 3 done)" */
  get progress() {
    return this.#batch?.progress ?? "";
  }

  /** @returns {boolean} */
  get isInUse() {
    return Boolean(this.isBusy || this.#background?.isShown || this.chosen.all.length);
  }

  /** @returns {number} how many chosen files a reload loses */
  get lost() {
    return this.#keeper.lost;
  }

  /** @param {File[]} files */
  add(files) {
    this.#keeper.keep(this.chosen.add(files.filter((file) => !this.#keeper.goOnWith(file, this.#form.text.value))));
  }

  /** Submits all of them. */
  submit() {
    this.#submit(this.chosen.all);
  }

  /** Frees the form while its files are uploaded: they go on above it, with their text. */
  async detach() {
    const batch = this.#batch;
    if (!batch?.running) return;
    batch.isDetached = batch.isAside = true; // at once: it may end while the next line loads
    // Loaded when it is wanted: few submit a second batch while the first is uploaded.
    const loaded = await import("./background-uploads.js").catch(() => null);
    if (!loaded) {
      batch.isDetached = batch.isAside = false;
      this.#form.sayNotFreed();
    }
    if (!loaded || batch !== this.#batch || !batch.entries.size) return;
    this.#background ??= new loaded.BackgroundUploads();
    this.#background.add(batch.text, this.chosen.all.map(({ row }) => row), this.#total);
    this.#batch = this.#total = null;
    // After a reload they would go with the next text.
    for (const { file } of this.chosen.release()) this.#keeper.forget(file);
    this.#form.text.set("");
    this.#form.showBusy();
  }

  /** Takes up again what a reload interrupted. @param {Unfinished[]} before what there was when the page was loaded */
  takeUp(before) {
    const { text } = this.#form;
    return this.#keeper.takeUp(before, {
      goOn: (submission, row, itsText) => this.#goOn(submission, row, itsText),
      created: (job, one, isLast) => {
        if (text.value === one.text) text.set("");
        this.#form.onJob(job, isLast);
      },
      failed: (message, nextStep) => this.#form.showError(message, nextStep),
    });
  }

  /** @param {Entry} entry */
  #retry(entry) {
    if (entry.batch?.isDetached) this.#runner.repeat(entry, entry.batch);
    else if (this.#form.check()) this.#submit([entry]);
  }

  /** @param {Entry[]} entries */
  #submit(entries) {
    const id = entries.length > 1 ? crypto.randomUUID() : undefined;
    const batch = this.#batch?.running ? this.#batch : new UploadBatch(this.#form.text.value);
    this.#batch = batch;
    for (const { submission } of entries) {
      submission.batch ??= id;
      submission.overrides = this.#form.limits.overrides;
    }
    for (const entry of entries) this.#runner.repeat(entry, batch);
    this.#showTotal(batch, entries);
  }

  /** An upload that was cut off, with a text of its own. @type {import("./resumable-uploads.js").GoOn} */
  async #goOn(submission, row, itsText) {
    const { text } = this.#form;
    const batch = new UploadBatch(itsText);
    batch.isDetached = true;
    const isDone = await this.#runner.run(submission, row, batch);
    if (isDone && text.value === itsText && !this.chosen.all.length) text.set("");
    if (!isDone) this.#form.showError(batch.troubles[0].message, nextStepInRow(batch.troubles[0]));
    return isDone;
  }

  /** @param {UploadBatch} batch @returns {boolean} whether the form has something else to submit */
  #hasOther({ text }) {
    const { value } = this.#form.text;
    return this.isBusy || this.chosen.all.length > 0 || Boolean(value && value !== text);
  }

  #changed() {
    this.#background?.tidy();
    this.#keeper.show();
    this.#form.filesChanged();
  }

  /** @param {UploadBatch} batch @param {Entry[]} entries */
  async #showTotal(batch, entries) {
    if (entries.length < 2) return;
    const loaded = await import("./upload-total.js").catch(() => null);
    if (!loaded || !batch.running || batch.isDetached) return;
    this.#total?.element.remove();
    const total = this.#total = new loaded.UploadTotal(entries);
    for (const { row } of entries) row.onChange = () => total.update();
    byId("file-list", HTMLElement).before(total.element);
  }

  /** Says what came of a batch, once nothing of it is under way any more. @param {UploadBatch} batch */
  #sumUp(batch) {
    const { troubles, isDetached } = batch;
    this.chosen.finished(batch.takeDone());
    if (!isDetached || batch === this.#batch) {
      this.#total?.element.remove();
      this.#total = null;
      if (!troubles.length && !this.chosen.all.length) this.#form.text.set("");
    }
    if (troubles.length && !isDetached) this.#form.showWhy(troubles[0], batch.problem);
    else if (batch.jobs.length > 1 || isDetached) this.#form.report.praise(batch);
  }
}
