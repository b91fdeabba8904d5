// @ts-check
import * as api from "./api.js";
import { addressOfBatch } from "./batch.js";
import { ChosenFiles } from "./chosen-files.js";
import { priceText } from "./cost.js";
import { byId, el, setText } from "./dom.js";
import { grouped, lengthOf, limitsText } from "./file-check.js";
import { askBeforeLeavingDuring } from "./unload-guard.js";
import { cutOffOnes, finish, isPassing, storedOnes } from "./submission.js";
import { UploadError } from "./upload.js";

/**
 * @typedef {import("./api.js").Job} Job
 * @typedef {import("./chosen-files.js").Entry} Entry
 * @typedef {import("./file-row.js").FileRow} FileRow
 * @typedef {import("./submission.js").Submission} Submission
 * @typedef {api.ApiError | UploadError} Trouble
 */

const DRAFT = "mayfly.draft";

/** @param {number} count @param {string} one @returns {string} such as "1 job", "3 jobs" */
const counted = (count, one) => `${count} ${one}${count === 1 ? "" : "s"}`;

/** @param {unknown} error @returns {Trouble} */
function trouble(error) {
  if (error instanceof api.ApiError || error instanceof UploadError) return error;
  throw error;
}

/** The form: a text and files, each of which becomes a job of its own. What has no job yet stays. */
export class JobForm {
  #text = byId("input-text", HTMLTextAreaElement);
  #file = byId("input-file", HTMLInputElement);
  #drop = byId("drop", HTMLElement);
  #invitation = byId("file-chosen", HTMLElement);
  #button = byId("submit", HTMLButtonElement);
  #problem = byId("form-error", HTMLElement);
  #success = byId("form-done", HTMLElement);
  #files = new ChosenFiles({ retry: (entry) => this.#submit([entry]), changed: () => this.#filesChanged() });
  #invitationToChoose = [...this.#invitation.childNodes];
  /** @type {api.Limits | null} */
  #limits = null;
  #limitsKnown;
  /** @type {import("./options.js").Options | null} */
  #options = null;
  /** What came of the files since the button was pressed. */
  #jobs = /** @type {Job[]} */ ([]);
  #troubles = /** @type {Trouble[]} */ ([]);
  #running = 0;

  /** @param {(job: Job, isAlone: boolean) => void} onJob told each new job, and whether nothing else is under way */
  constructor(onJob) {
    this.onJob = onJob;
    this.#text.value ||= sessionStorage.getItem(DRAFT) ?? "";
    this.#text.addEventListener("input", () => this.#textChanged());
    this.#text.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.#button.form?.requestSubmit();
    });
    this.#file.addEventListener("change", () => {
      this.#files.add(this.#file.files ?? []);
      this.#file.value = ""; // so that the same file can be chosen again
    });
    byId("job-form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      if (!this.#button.disabled) this.#submit(this.#files.all);
    });
    this.#acceptDrops();
    this.#limitsKnown = this.#showLimits();
    this.#showCutOff();
    this.#finishStored();
    this.#showUse();
  }

  /** While something is in it, the form stays in sight beside an open job. */
  #showUse() {
    const isUsed = this.#running || this.hasFile || this.#text.value || !byId("cut-off", HTMLElement).hidden || !this.#problem.hidden;
    byId("new-job", HTMLElement).classList.toggle("in-use", Boolean(isUsed));
  }

  /** @returns {boolean} whether files are chosen, which are lost when the page is left */
  get hasFile() {
    return this.#files.all.length > 0;
  }

  async #showLimits() {
    // Without them the page still works: the API and the storage hold the same limits.
    this.#limits = await api.getLimits().catch(() => null);
    if (!this.#limits) return;
    setText(byId("file-limits", HTMLElement), limitsText(this.#limits));
    if (this.#limits.price) setText(byId("price", HTMLElement), priceText(this.#limits.price));
    this.#countText();
    this.#checkFiles();
    const { allowed_instance_types: types = [], job_timeout_minutes: usual, max_job_timeout_minutes: most } = this.#limits;
    if (types.length || most > usual) await this.#showOptions(this.#limits);
  }

  /** Their module is loaded where the stack allows something: the page's first load goes without. @param {api.Limits} limits */
  async #showOptions(limits) {
    const loaded = await import("./options.js").catch(() => null); // a job without options is a job, too
    if (!loaded) return;
    this.#options = new loaded.Options(limits);
    this.#problem.before(this.#options.element);
  }

  /** Their module is loaded where an upload was cut off: the page's first load goes without. */
  async #showCutOff() {
    if (!cutOffOnes().length) return;
    const { CutOffUploads } = await import("./resumable-uploads.js");
    new CutOffUploads((submission, row, text) => this.#goOn(submission, row, text));
    this.#showUse();
  }

  #textChanged() {
    sessionStorage.setItem(DRAFT, this.#text.value);
    this.#say("text", "");
    this.#countText();
    this.#showUse();
  }

  #countText() {
    if (!this.#limits) return;
    const count = `${grouped(lengthOf(this.#text.value))} of ${grouped(this.#limits.max_text_chars)} characters`;
    setText(byId("text-count", HTMLElement), count);
  }

  #filesChanged() {
    const count = this.#files.all.length;
    this.#drop.classList.toggle("full", count > 0);
    if (count) this.#invitation.replaceChildren(el("strong", {}, "Add more files"), " or drop them here");
    else this.#invitation.replaceChildren(...this.#invitationToChoose);
    if (count) say(this.#success, "");
    this.#checkFiles();
    this.#labelButton();
    this.#showUse();
  }

  #checkFiles() {
    this.#say("file", this.#files.check(this.#limits).join("\n"));
  }

  #acceptDrops() {
    // On the whole page: a file that misses the field would otherwise replace the page.
    document.addEventListener("dragover", (event) => {
      event.preventDefault();
      this.#drop.classList.add("over");
    });
    for (const name of ["dragleave", "dragend", "drop"]) {
      document.addEventListener(name, () => this.#drop.classList.remove("over"));
    }
    document.addEventListener("drop", (event) => {
      event.preventDefault();
      if (event.dataTransfer?.files.length && !this.#button.disabled) this.#take(event.dataTransfer);
    });
  }

  /** @param {DataTransfer} dropped */
  #take({ items, files }) {
    // A folder comes as a file that cannot be read.
    const isFolder = [...items].filter(({ kind }) => kind === "file").map((item) => item.webkitGetAsEntry()?.isDirectory);
    this.#files.add([...files].filter((_, index) => !isFolder[index]));
    const folders = [...files].filter((_, index) => isFolder[index]).map(({ name }) => `“${name}” is a folder. Drop its files instead.`);
    if (folders.length) this.#say("file", folders.join("\n"));
  }

  /** @returns {string} what is wrong with the text, or nothing */
  #textProblem() {
    const most = this.#limits?.max_text_chars ?? Infinity;
    const length = lengthOf(this.#text.value);
    if (!this.#text.value.trim()) return "Enter a text for the script.";
    return length > most ? `The text has ${grouped(length)} characters. The limit is ${grouped(most)}.` : "";
  }

  /**
   * @param {"text" | "file"} field
   * @param {string} message empty when nothing is wrong
   */
  #say(field, message) {
    say(byId(`${field}-error`, HTMLElement), message);
    this.#control(field).setAttribute("aria-invalid", String(Boolean(message)));
  }

  /** @param {"text" | "file"} field */
  #control(field) {
    return field === "text" ? this.#text : this.#file;
  }

  /** @returns {boolean} whether the form can go; if not, the first field at fault has the focus */
  #check() {
    this.#say("text", this.#textProblem());
    if (this.hasFile) this.#checkFiles();
    else this.#say("file", "Choose a file.");
    const wrong = [this.#text, this.#file].find((control) => control.getAttribute("aria-invalid") === "true");
    wrong?.focus();
    return !wrong;
  }

  /** @param {Entry[]} entries */
  async #submit(entries) {
    say(this.#success, "");
    this.#problem.hidden = true;
    if (!this.#check()) return;
    const batch = entries.length > 1 ? crypto.randomUUID() : undefined;
    for (const entry of entries) {
      entry.submission.batch ??= batch;
      entry.isBusy = true;
      entry.row.waitForTurn();
      entry.submission.overrides = this.#options?.chosen;
    }
    await Promise.all(entries.map(async (entry) => {
      await this.#run(entry.submission, entry.row, this.#text.value);
      entry.isBusy = false;
    }));
  }

  /**
   * @param {Submission} submission
   * @param {FileRow} row
   * @param {string} text
   * @returns {Promise<boolean>} whether its job exists
   */
  async #run(submission, row, text) {
    if (!this.#running) this.#jobs = [], this.#troubles = [];
    this.#setRunning(this.#running + 1);
    /** @type {Job | null} */
    let job = null;
    try {
      await this.#limitsKnown; // how a file is uploaded depends on its size
      const multipartFrom = this.#limits?.multipart_from_bytes ?? Infinity;
      job = await askBeforeLeavingDuring(() => submission.run(text, multipartFrom, row.reports));
      this.#jobs.push(job);
      row.done();
    } catch (error) {
      const reason = trouble(error);
      this.#troubles.push(reason);
      row.failed(reason.message);
    }
    this.#setRunning(this.#running - 1);
    if (job) this.onJob(job, !this.#running && this.#jobs.length === 1 && !this.#troubles.length);
    if (!this.#running) this.#sumUp();
    return job !== null;
  }

  /** An upload that was cut off, with a text of its own. @type {import("./resumable-uploads.js").GoOn} */
  async #goOn(submission, row, text) {
    const isDone = await this.#run(submission, row, text);
    if (isDone && this.#text.value === text && !this.hasFile) this.clear();
    return isDone;
  }

  /** @param {number} running how many files are under way */
  #setRunning(running) {
    this.#running = running;
    this.#button.disabled = this.#text.readOnly = this.#file.disabled = running > 0;
    this.#labelButton();
    this.#showUse();
  }

  #labelButton() {
    const count = this.#files.all.length;
    const done = this.#jobs.length + this.#troubles.length;
    const progress = done + this.#running > 1 ? ` (${done} of ${done + this.#running} done)` : "";
    setText(this.#button, this.#running ? `Submitting…${progress}` : count > 1 ? `Run ${counted(count, "job")}` : "Run job");
  }

  /** Says what came of everything, once nothing is under way any more. */
  #sumUp() {
    const jobs = this.#jobs.length;
    const finished = this.#files.all.filter(({ submission }) => submission.isDone);
    this.#files.finished(finished);
    if (!this.#troubles.length) {
      if (finished.length && !this.hasFile) this.clear();
      if (jobs < 2) return;
      say(this.#success, `${counted(jobs, "job")} created, one per file.`);
      const { batch } = this.#jobs[0];
      if (batch) this.#success.append(" ", el("a", { href: addressOfBatch(batch) }, "Show the batch"));
      this.#success.focus();
      return;
    }
    const done = jobs ? `${counted(jobs, "job")} created. ` : "";
    this.#report(this.#troubles[0], this.#troubles.length > 1 || jobs
      ? `${done}${counted(this.#troubles.length, "file")} not submitted.`
      : this.#troubles[0].message);
  }

  /**
   * Shows why a job was not made where that can be mended.
   *
   * @param {Trouble} error
   * @param {string} [message]
   */
  #report(error, message = error.message) {
    const about = (/** @type {string[]} */ ...fields) =>
      error instanceof api.ApiError ? fields.map((field) => error.about(field)).find(Boolean) : null;
    const aboutText = about("input_text");
    const aboutFile = this.hasFile ? about("filename", "size") : null;
    if (aboutText || aboutFile) {
      const field = aboutText ? "text" : "file";
      this.#say(field, aboutText || aboutFile || "");
      this.#control(field).focus();
      return;
    }
    this.#tell(message, this.#nextStep(error));
  }

  /**
   * @param {string} message what went wrong
   * @param {string} nextStep what is kept, and what helps
   */
  #tell(message, nextStep) {
    this.#problem.replaceChildren(el("p", { class: "message" }, message), el("p", {}, nextStep));
    this.#problem.hidden = false;
    this.#showUse();
    this.#problem.focus();
  }

  /** @param {Trouble} error @returns {string} */
  #nextStep(error) {
    if (error instanceof api.ApiError && error.signedOut) return "Use the button at the top of the page.";
    const count = this.#files.all.length;
    if (!count) return isPassing(error) ? "What is uploaded so far is kept. Press “Retry” to resume." : "Press “Retry” to start over.";
    return `Your text and ${count > 1 ? `the ${count} files` : "file"} are kept. Press “${this.#button.textContent}” to try again.`;
  }

  /** Makes the jobs that a reload, or a sign-in, kept from being made though their files are stored. */
  async #finishStored() {
    for (const one of storedOnes()) {
      try {
        const job = await finish(one);
        if (this.#text.value === one.text) this.clear();
        this.onJob(job, !storedOnes().length);
      } catch (error) {
        const reason = trouble(error);
        this.#tell(`“${one.filename}” was uploaded, but its job could not be created. ${reason.message}`, isPassing(reason)
          ? "The upload is kept. Reload the page to try again."
          : "Choose the file again, then press “Run job”.");
      }
    }
  }

  /** Forgets the text. */
  clear() {
    sessionStorage.removeItem(DRAFT);
    this.#text.value = "";
    this.#countText();
    this.#showUse();
  }
}

/**
 * @param {HTMLElement} note
 * @param {string} message empty when there is nothing to say
 */
function say(note, message) {
  setText(note, message);
  note.hidden = !message;
}
