// @ts-check
import { ApiError } from "../api.js";
import { announce, byId, el, setText } from "../dom.js";
import { acceptFiles } from "./file-intake.js";
import { FormLimits } from "./form-limits.js";
import { counted, FormReport, SIGN_IN_FIRST } from "./form-report.js";
import { sayOf, TextField } from "./text-field.js";
import { KEPT, unfinished } from "../upload/unfinished.js";

/**
 * @typedef {import("../api.js").Job} Job
 * @typedef {import("./form-files.js").FormFiles} FormFiles
 * @typedef {ApiError | import("../upload/upload-error.js").UploadError} Trouble
 */

const NOT_LOADED = "A part of the page cannot be loaded. Check the connection, then choose the file again.";

/** The form: a text and files, each of which becomes a job of its own. What has no job yet stays. */
export class JobForm {
  text = new TextField(() => this.#showUse());
  report = new FormReport();
  #element = byId("job-form", HTMLFormElement);
  #file = byId("input-file", HTMLInputElement);
  #drop = byId("drop", HTMLElement);
  #invitation = byId("file-chosen", HTMLElement);
  #button = byId("submit", HTMLButtonElement);
  #nextBatch = byId("next-batch", HTMLButtonElement);
  #sample = byId("sample-line", HTMLElement);
  #invitationToChoose = [...this.#invitation.childNodes];
  #isFirstJob = false;
  /** @type {FormFiles | null} */
  #files = null;
  /** @type {Promise<FormFiles | null> | null} */
  #loading = null;
  /** How many files wait for what files need. */
  #arriving = 0;
  /** Settled once what a reload interrupted is back: a file that is chosen before that may be one of these. */
  #takenUp = Promise.resolve();

  /** @param {(job: Job, isAlone: boolean) => void} onJob called with each new job, and whether nothing else is under way */
  constructor(onJob) {
    this.onJob = onJob;
    this.limits = new FormLimits(() => {
      this.text.limitTo(/** @type {import("../api.js").Limits} */ (this.limits.current).max_text_chars);
      this.checkFiles();
    });
    this.#listen();
    this.#takenUp = this.#takeUp();
    this.#showUse();
  }

  /** @returns {boolean} whether files are chosen */
  get hasFile() {
    return this.#count > 0;
  }

  /** @returns {boolean} whether files are chosen that are lost when the page is left */
  get losesFiles() {
    return this.#arriving + (this.#files?.lost ?? 0) > 0;
  }

  get #count() {
    return this.#files?.chosen.all.length ?? 0;
  }

  /** @param {boolean} isFirstJob whether the list has no job: then there is something to try Mayfly with */
  offerSample(isFirstJob) {
    this.#isFirstJob = isFirstJob;
    this.#sample.hidden = !isFirstJob || this.hasFile;
  }

  /** The chosen files are others than before. */
  filesChanged() {
    const count = this.#count;
    this.#drop.classList.toggle("full", count > 0);
    if (count) this.#invitation.replaceChildren(el("strong", {}, "Add more files"), ", drop or paste them here");
    else this.#invitation.replaceChildren(...this.#invitationToChoose);
    if (count) this.report.clearSuccess();
    this.checkFiles();
    this.offerSample(this.#isFirstJob);
    this.showBusy();
  }

  /** While its files are on their way, the form waits; it can be freed for others. */
  showBusy() {
    const isBusy = this.#files?.isBusy ?? false;
    const hadFocus = document.activeElement === this.#button;
    this.#button.disabled = this.text.element.readOnly = this.#file.disabled = isBusy;
    this.#nextBatch.hidden = !isBusy;
    if (isBusy && hadFocus) this.text.element.focus(); // a disabled button loses it
    const count = this.#count;
    const busy = this.#files?.isPaused ? "Paused" : "Submitting…";
    setText(this.#nextBatch, count > 1 ? "Start another batch" : "Start another job");
    setText(this.#button, isBusy ? `${busy}${this.#files?.progress}` : count > 1 ? `Run ${counted(count, "job")}` : "Run job");
    this.#showUse();
  }

  checkFiles() {
    this.#sayOfFiles(this.#files?.chosen.check(this.limits.current).join("\n") ?? "");
  }

  /** @returns {boolean} whether the form can go; if not, the first field at fault has the focus */
  check() {
    this.report.clear();
    this.text.check();
    if (this.hasFile) this.checkFiles();
    else this.#sayOfFiles("Choose a file.");
    const wrong = [this.text.element, this.#file, ...this.limits.check()].find((control) => control.getAttribute("aria-invalid") === "true");
    wrong?.focus();
    return !wrong;
  }

  /**
   * Shows why a job was not made where that can be mended.
   *
   * @param {Trouble} error
   * @param {string} [message]
   */
  showWhy(error, message = error.message) {
    const about = (/** @type {string[]} */ ...fields) =>
      error instanceof ApiError ? fields.map((field) => error.about(field)).find(Boolean) : null;
    const aboutText = about("input_text");
    const aboutFile = this.hasFile ? about("filename", "size") : null;
    if (aboutText || aboutFile) {
      const control = aboutText ? this.text.element : this.#file;
      sayOf(control, aboutText || aboutFile || "");
      control.focus();
      return;
    }
    this.showError(message, this.#nextStep(error));
  }

  /** @param {string} message @param {string} nextStep */
  showError(message, nextStep) {
    this.report.showError(message, nextStep);
    this.#showUse();
  }

  /** The files are on their way, but what lets them go on beside the form is not there. */
  sayNotFreed() {
    this.showError("The form cannot be freed: a part of the page could not be loaded.",
      `Your upload goes on. Check the connection, then press “${this.#nextBatch.textContent}” again.`);
  }

  #listen() {
    this.#file.addEventListener("change", () => {
      this.#add(this.#file.files ?? []);
      this.#file.value = ""; // so that the same file can be chosen again
    });
    this.#element.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault(); // a button would take it for a click, too
      this.#element.requestSubmit();
    });
    this.#element.addEventListener("submit", async (event) => {
      event.preventDefault();
      await this.#loading; // a file may have been chosen a moment ago
      await this.#takenUp;
      if (!this.#button.disabled && this.check()) this.#files?.submit();
    });
    acceptFiles({
      zone: this.#drop,
      take: async (files, source) => {
        await this.#files?.detach();
        if (await this.#add(files)) announce(`${counted(files.length, "file")} ${source}.`);
      },
      refuse: (problem) => this.#sayOfFiles(problem),
    });
    this.#nextBatch.addEventListener("click", async () => {
      this.report.clear();
      await this.#files?.detach();
      if (!this.report.isShown) this.text.element.focus();
    });
    byId("use-sample", HTMLButtonElement).addEventListener("click", () => this.#useSample());
    for (const name of ["focusin", "dragenter"]) {
      this.#element.addEventListener(name, () => import("./form-files.js").catch(() => {}), { once: true }); // a file comes soon
    }
  }

  async #useSample() {
    const loaded = await import("./sample.js").catch(() => null);
    if (!loaded) return this.#sayOfFiles(NOT_LOADED);
    if (!this.text.value) this.text.set(loaded.SAMPLE_TEXT);
    await this.#add([loaded.sampleFile()]);
    this.#button.focus();
  }

  /** Loads what files need, with the first one: the page's first load goes without. */
  #open() {
    this.#loading ??= import("./form-files.js").then(({ FormFiles }) => (this.#files = new FormFiles(this)), () => (this.#loading = null));
    return this.#loading;
  }

  /** @param {Iterable<File>} files @returns {Promise<boolean>} whether the form has them now */
  async #add(files) {
    const all = [...files];
    this.#arriving += all.length;
    const opened = await this.#open();
    await this.#takenUp;
    this.#arriving -= all.length;
    if (opened) opened.add(all);
    else this.#sayOfFiles(NOT_LOADED);
    return opened !== null;
  }

  async #takeUp() {
    const before = unfinished();
    if (!sessionStorage.getItem(KEPT) && !before.length) return;
    const names = this.#nameInterrupted(before);
    const opened = await this.#open();
    if (await opened?.takeUp(before)) return this.#showUse();
    names.hidden = true;
    this.report.showError("A part of the page cannot be loaded, so unfinished uploads and kept files are not shown.", "Check the connection, then reload the page. Nothing is lost.", el("button", { class: "primary", type: "button", onclick: () => location.reload() }, "Reload"));
    this.#showUse();
  }

  /** At once: what it takes to resume them is loaded meanwhile. @param {import("../upload/unfinished.js").Unfinished[]} before */
  #nameInterrupted(before) {
    const section = byId("cut-off", HTMLElement);
    const all = before.filter(({ uploadId }) => uploadId !== null);
    section.hidden = !all.length;
    if (all.length) import("./resumable-uploads.js").catch(() => {}); // not only once the form's files are loaded
    byId("cut-off-list", HTMLElement).replaceChildren(...all.map(({ filename }) => el("li", { class: "file" }, el("strong", {}, filename))));
    return section;
  }

  /** While something is in it, the form stays in sight next to an open job. */
  #showUse() {
    const isUsed = this.#files?.isInUse || this.text.value || !byId("cut-off", HTMLElement).hidden || this.report.isShown;
    byId("new-job", HTMLElement).classList.toggle("in-use", Boolean(isUsed));
  }

  /** @param {string} problem empty when nothing is wrong */
  #sayOfFiles(problem) {
    sayOf(this.#file, problem);
  }

  /** @param {Trouble} error @returns {string} */
  #nextStep(error) {
    if (error instanceof ApiError && error.signedOut) return SIGN_IN_FIRST;
    const count = this.#count;
    return `Your text and ${count > 1 ? `the ${count} files` : "file"} are kept. Press “${this.#button.textContent}” to try again.`;
  }
}
