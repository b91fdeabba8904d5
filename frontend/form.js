// @ts-check
import * as api from "./api.js";
import { ChosenFiles } from "./chosen-files.js";
import { priceText } from "./cost.js";
import { announce, byId, el, setText } from "./dom.js";
import { limitsText } from "./file-check.js";
import { acceptFiles } from "./file-intake.js";
import { counted, FormReport, nextStepInRow, SIGN_IN_FIRST } from "./form-report.js";
import { askBeforeLeavingDuring } from "./unload-guard.js";
import { sayOf, TextField } from "./text-field.js";
import { KEPT, unfinished } from "./unfinished.js";
import { UploadBatch } from "./upload-batch.js";
import { UploadError } from "./upload-error.js";

/**
 * @typedef {import("./api.js").Job} Job
 * @typedef {import("./chosen-files.js").Entry} Entry
 * @typedef {import("./file-row.js").FileRow} FileRow
 * @typedef {import("./submission.js").Submission} Submission
 * @typedef {api.ApiError | UploadError} Trouble
 */

/** @param {unknown} error @returns {Trouble} */
function trouble(error) {
  if (error instanceof api.ApiError || error instanceof UploadError) return error;
  throw error;
}

/** The form: a text and files, each of which becomes a job of its own. What has no job yet stays. */
export class JobForm {
  #text = new TextField(() => this.#showUse());
  #file = byId("input-file", HTMLInputElement);
  #drop = byId("drop", HTMLElement);
  #invitation = byId("file-chosen", HTMLElement);
  #button = byId("submit", HTMLButtonElement);
  #report = new FormReport();
  #nextBatch = byId("next-batch", HTMLButtonElement);
  #sample = byId("sample-line", HTMLElement);
  #files = new ChosenFiles({
    retry: (entry) => (entry.batch?.isDetached ? this.#repeat(entry, entry.batch) : this.#submit([entry])),
    changed: () => this.#filesChanged(),
    dropped: (file) => this.#keeper?.then((keeper) => keeper?.forget(file)),
  });
  /** @type {Promise<import("./file-keeper.js").FileKeeper | null> | null} */
  #keeper = null;
  /** How many of its files a reload loses. */
  #lost = 0;
  #invitationToChoose = [...this.#invitation.childNodes];
  /** @type {api.Limits | null} */
  #limits = null;
  #limitsKnown;
  /** @type {import("./options.js").Options | null} */
  #options = null;
  /** The last one of this form's. @type {UploadBatch | null} */
  #batch = null;
  /** @type {import("./upload-total.js").UploadTotal | null} */
  #total = null;
  /** @type {import("./background-uploads.js").BackgroundUploads | null} */
  #background = null;
  #isFirstJob = false;

  /** @param {(job: Job, isAlone: boolean) => void} onJob told each new job, and whether nothing else is under way */
  constructor(onJob) {
    this.onJob = onJob;
    this.#file.addEventListener("change", () => {
      this.#add(this.#file.files ?? []);
      this.#file.value = ""; // so that the same file can be chosen again
    });
    byId("job-form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      if (!this.#button.disabled) this.#submit(this.#files.all);
    });
    acceptFiles({
      zone: this.#drop,
      take: async (files, source) => {
        await this.#detach();
        this.#add(files);
        announce(`${counted(files.length, "file")} ${source}.`);
      },
      refuse: (problem) => this.#sayOfFiles(problem),
    });
    this.#nextBatch.addEventListener("click", async () => {
      await this.#detach();
      this.#text.element.focus();
    });
    byId("use-sample", HTMLButtonElement).addEventListener("click", () => this.#useSample());
    this.#limitsKnown = this.#showLimits();
    this.#takeUp();
    this.#showUse();
  }

  /** While something is in it, the form stays in sight beside an open job. */
  #showUse() {
    const isUsed = this.#isBusy || this.#background?.isShown || this.hasFile || this.#text.value || !byId("cut-off", HTMLElement).hidden || this.#report.isShown;
    byId("new-job", HTMLElement).classList.toggle("in-use", Boolean(isUsed));
  }

  /** @returns {boolean} whether files are chosen */
  get hasFile() {
    return this.#files.all.length > 0;
  }

  /** @returns {boolean} whether files are chosen that are lost when the page is left */
  get losesFiles() {
    return this.#lost > 0;
  }

  /** @returns {boolean} whether its files are on their way */
  get #isBusy() {
    return Boolean(this.#batch?.running);
  }

  /** @param {boolean} isFirstJob whether the list has no job: then there is something to try Mayfly with */
  offerSample(isFirstJob) {
    this.#isFirstJob = isFirstJob;
    this.#sample.hidden = !isFirstJob || this.hasFile;
  }

  async #useSample() {
    const { sampleFile, SAMPLE_TEXT } = await import("./sample.js");
    if (!this.#text.value) this.#text.set(SAMPLE_TEXT);
    this.#add([sampleFile()]);
    this.#button.focus();
  }

  /** @param {Iterable<File>} files */
  #add(files) {
    this.#keep(this.#files.add(files));
  }

  /** Its module is loaded with the first file: the page's first load goes without. */
  #openKeeper() {
    this.#keeper ??= import("./file-keeper.js").then(({ FileKeeper }) => new FileKeeper(this.#files), () => null);
    return this.#keeper;
  }

  /** @param {File[]} files which were just chosen */
  async #keep(files) {
    this.#lost += files.length;
    await (await this.#openKeeper())?.keep(files);
    this.#showKept();
  }

  async #showKept() {
    const keeper = await this.#keeper;
    this.#lost = keeper ? await keeper.show() : this.#files.all.length;
  }

  async #showLimits() {
    // Without them the page still works: the API and the storage hold the same limits.
    this.#limits = await api.getLimits().catch(() => null);
    if (!this.#limits) return;
    setText(byId("file-limits", HTMLElement), limitsText(this.#limits));
    if (this.#limits.price) setText(byId("price", HTMLElement), priceText(this.#limits.price));
    this.#text.limitTo(this.#limits.max_text_chars);
    this.#checkFiles();
    const { allowed_instance_types: types = [], job_timeout_minutes: usual, max_job_timeout_minutes: most } = this.#limits;
    if (types.length || most > usual) await this.#showOptions(this.#limits);
  }

  /** Their module is loaded where the stack allows something: the page's first load goes without. @param {api.Limits} limits */
  async #showOptions(limits) {
    const loaded = await import("./options.js").catch(() => null);
    if (!loaded) return;
    this.#options = new loaded.Options(limits);
    this.#report.element.before(this.#options.element);
  }

  async #takeUp() {
    const before = unfinished();
    if (!sessionStorage.getItem(KEPT) && !before.length) return;
    await (await this.#openKeeper())?.takeUp(before, {
      goOn: (submission, row, text) => this.#goOn(submission, row, text),
      created: (job, { text }, isLast) => {
        if (this.#text.value === text) this.#text.set("");
        this.onJob(job, isLast);
      },
      failed: (message, nextStep) => this.#tell(message, nextStep),
    });
    this.#showUse();
  }

  #filesChanged() {
    const count = this.#files.all.length;
    this.#drop.classList.toggle("full", count > 0);
    if (count) this.#invitation.replaceChildren(el("strong", {}, "Add more files"), ", drop or paste them here");
    else this.#invitation.replaceChildren(...this.#invitationToChoose);
    if (count) this.#report.clearSuccess();
    this.#checkFiles();
    this.#background?.tidy();
    this.#sample.hidden = !this.#isFirstJob || count > 0;
    this.#showKept();
    this.#showBusy();
  }

  #checkFiles() {
    this.#sayOfFiles(this.#files.check(this.#limits).join("\n"));
  }

  /** @param {string} problem empty when nothing is wrong */
  #sayOfFiles(problem) {
    sayOf(this.#file, problem);
  }

  /** @returns {boolean} whether the form can go; if not, the first field at fault has the focus */
  #check() {
    this.#text.check();
    if (this.hasFile) this.#checkFiles();
    else this.#sayOfFiles("Choose a file.");
    const wrong = [this.#text.element, this.#file].find((control) => control.getAttribute("aria-invalid") === "true");
    wrong?.focus();
    return !wrong;
  }

  /** @param {Entry[]} entries */
  async #submit(entries) {
    this.#report.clear();
    if (!this.#check()) return;
    const id = entries.length > 1 ? crypto.randomUUID() : undefined;
    const batch = this.#batch?.running ? this.#batch : new UploadBatch(this.#text.value);
    this.#batch = batch;
    for (const { submission } of entries) {
      submission.batch ??= id;
      submission.overrides = this.#options?.chosen;
    }
    const all = entries.map((entry) => this.#repeat(entry, batch));
    this.#showTotal(batch, entries);
    await Promise.all(all);
  }

  /**
   * @param {Entry} entry
   * @param {UploadBatch} batch which it goes with, for the first time or again
   */
  async #repeat(entry, batch) {
    entry.batch = batch;
    batch.entries.add(entry);
    entry.isBusy = true;
    entry.row.waitForTurn();
    await this.#run(entry.submission, entry.row, batch);
    entry.isBusy = false;
    if (!batch.running) this.#sumUp(batch);
  }

  /**
   * @param {Submission} submission
   * @param {FileRow} row
   * @param {UploadBatch} batch
   * @returns {Promise<boolean>} whether its job exists
   */
  async #run(submission, row, batch) {
    if (!batch.running) batch.jobs = [], batch.troubles = [];
    batch.running += 1;
    this.#showBusy();
    /** @type {Job | null} */
    let job = null;
    try {
      await this.#limitsKnown; // how a file is uploaded depends on its size
      const multipartFrom = this.#limits?.multipart_from_bytes ?? Infinity;
      job = await askBeforeLeavingDuring(() => submission.run(batch.text, multipartFrom, row.reports));
      batch.jobs.push(job);
      row.done();
      this.#keeper?.then((keeper) => keeper?.forget(submission.file));
    } catch (error) {
      const reason = trouble(error);
      batch.troubles.push(reason);
      row.failed(reason.message);
    }
    batch.running -= 1;
    this.#showBusy();
    if (job) this.onJob(job, batch.isOneJob && !(batch.isDetached && this.#hasOther(batch)));
    return job !== null;
  }

  /** @param {UploadBatch} batch @returns {boolean} whether the form has something else to submit */
  #hasOther({ text }) {
    return this.#isBusy || this.hasFile || Boolean(this.#text.value && this.#text.value !== text);
  }

  /** An upload that was cut off, with a text of its own. @type {import("./resumable-uploads.js").GoOn} */
  async #goOn(submission, row, text) {
    const batch = new UploadBatch(text);
    batch.isDetached = true;
    const isDone = await this.#run(submission, row, batch);
    if (isDone && this.#text.value === text && !this.hasFile) this.#text.set("");
    if (!isDone) this.#tell(batch.troubles[0].message, nextStepInRow(batch.troubles[0]));
    return isDone;
  }

  /** Frees the form while its files are uploaded: they go on above it, with their text. */
  async #detach() {
    const batch = this.#batch;
    if (!batch?.running) return;
    // Loaded when it is wanted: the page's first load goes without.
    const loaded = await import("./background-uploads.js").catch(() => null);
    if (!loaded || batch !== this.#batch || !batch.running) return;
    batch.isDetached = true;
    this.#background ??= new loaded.BackgroundUploads();
    this.#background.add(batch.text, this.#files.all.map(({ row }) => row), this.#total);
    this.#batch = this.#total = null;
    // After a reload they would go with the next text.
    for (const { file } of this.#files.release()) this.#keeper?.then((keeper) => keeper?.forget(file));
    this.#text.set("");
    this.#showBusy();
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

  /** While its files are on their way, the form waits; it can be freed for others. */
  #showBusy() {
    const isBusy = this.#isBusy;
    this.#button.disabled = this.#text.element.readOnly = this.#file.disabled = isBusy;
    this.#nextBatch.hidden = !isBusy;
    const count = this.#files.all.length;
    setText(this.#button, isBusy ? `Submitting…${this.#batch?.progress}` : count > 1 ? `Run ${counted(count, "job")}` : "Run job");
    this.#showUse();
  }

  /** Says what came of a batch, once nothing of it is under way any more. @param {UploadBatch} batch */
  #sumUp(batch) {
    const { jobs, troubles, isDetached } = batch;
    const done = [...batch.entries].filter(({ submission }) => submission.isDone);
    for (const entry of done) batch.entries.delete(entry);
    this.#files.finished(done);
    if (!isDetached) {
      this.#total?.element.remove();
      if (!troubles.length && !this.hasFile) this.#text.set("");
    }
    if (troubles.length && !isDetached) {
      const done = jobs.length ? `${counted(jobs.length, "job")} created. ` : "";
      this.#showWhy(troubles[0], troubles.length > 1 || jobs.length
        ? `${done}${counted(troubles.length, "file")} not submitted.`
        : troubles[0].message);
    } else if (jobs.length > 1 || isDetached) this.#report.praise(batch);
  }

  /**
   * Shows why a job was not made where that can be mended.
   *
   * @param {Trouble} error
   * @param {string} [message]
   */
  #showWhy(error, message = error.message) {
    const about = (/** @type {string[]} */ ...fields) =>
      error instanceof api.ApiError ? fields.map((field) => error.about(field)).find(Boolean) : null;
    const aboutText = about("input_text");
    const aboutFile = this.hasFile ? about("filename", "size") : null;
    if (aboutText || aboutFile) {
      const control = aboutText ? this.#text.element : this.#file;
      sayOf(control, aboutText || aboutFile || "");
      control.focus();
      return;
    }
    this.#tell(message, this.#nextStep(error));
  }

  /** @param {string} message @param {string} nextStep */
  #tell(message, nextStep) {
    this.#report.tell(message, nextStep);
    this.#showUse();
  }

  /** @param {Trouble} error @returns {string} */
  #nextStep(error) {
    if (error instanceof api.ApiError && error.signedOut) return SIGN_IN_FIRST;
    const count = this.#files.all.length;
    return `Your text and ${count > 1 ? `the ${count} files` : "file"} are kept. Press “${this.#button.textContent}” to try again.`;
  }
}
