// @ts-check
import * as api from "./api.js";
import { announce, byId, el, setText } from "./dom.js";
import { askBeforeLeavingDuring } from "./leave.js";
import { limitText, sizeText } from "./size.js";
import { submit } from "./submission.js";
import { durationText } from "./time.js";
import { UploadError } from "./upload.js";

/**
 * @typedef {import("./api.js").Job} Job
 * @typedef {import("./upload.js").Progress} Progress
 */

const DRAFT = "mayfly.draft";

/** @param {string} text @returns {number} Unicode characters, as the API counts them */
const lengthOf = (text) => [...text].length;

/** @param {number} count */
const grouped = (count) => count.toLocaleString("en-GB");

/** The form: what was typed stays until the job exists. */
export class JobForm {
  #text = byId("input-text", HTMLTextAreaElement);
  #file = byId("input-file", HTMLInputElement);
  #drop = byId("drop", HTMLElement);
  #chosen = byId("file-chosen", HTMLElement);
  #button = byId("submit", HTMLButtonElement);
  #problem = byId("form-error", HTMLElement);
  #upload = byId("upload", HTMLElement);
  #label = byId("upload-label", HTMLElement);
  #figures = byId("upload-figures", HTMLElement);
  #bar = byId("upload-bar", HTMLProgressElement);
  #stop = byId("upload-stop", HTMLButtonElement);
  #emptyChoice = [...this.#chosen.childNodes];
  /** @type {api.Limits | null} */
  #limits = null;
  /** @type {() => void} */
  #stopUpload = () => {};

  /** @param {(job: Job) => void} onJob */
  constructor(onJob) {
    this.onJob = onJob;
    this.#text.value ||= sessionStorage.getItem(DRAFT) ?? "";
    this.#text.addEventListener("input", () => this.#textChanged());
    this.#text.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.#button.form?.requestSubmit();
    });
    this.#file.addEventListener("change", () => this.#fileChanged());
    this.#stop.addEventListener("click", () => this.#stopUpload());
    byId("job-form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#acceptDrops();
    this.#showLimits();
  }

  /** @returns {boolean} whether a file is chosen, which is lost when the page is left */
  get hasFile() {
    return Boolean(this.#file.files?.length);
  }

  async #showLimits() {
    // Without them the page still works: the API and the storage hold the same limits.
    this.#limits = await api.getLimits().catch(() => null);
    if (!this.#limits) return;
    byId("file-hint", HTMLElement).prepend(`Up to ${limitText(this.#limits.max_upload_bytes)}. `);
    this.#countText();
  }

  #textChanged() {
    sessionStorage.setItem(DRAFT, this.#text.value);
    this.#say("text", "");
    this.#countText();
  }

  #countText() {
    if (!this.#limits) return;
    const count = `${grouped(lengthOf(this.#text.value))} of ${grouped(this.#limits.max_text_chars)} characters`;
    setText(byId("text-count", HTMLElement), count);
  }

  #fileChanged() {
    const file = this.#file.files?.[0];
    this.#drop.classList.toggle("full", Boolean(file));
    if (file) this.#chosen.replaceChildren(el("strong", {}, file.name), ` ${sizeText(file.size)}`);
    else this.#chosen.replaceChildren(...this.#emptyChoice);
    this.#say("file", file ? this.#fileProblem(file) : "");
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
    if (items[0]?.webkitGetAsEntry()?.isDirectory) {
      this.#say("file", "That is a folder. Choose a single file.");
      return;
    }
    const one = new DataTransfer();
    one.items.add(files[0]);
    this.#file.files = one.files;
    this.#fileChanged();
    if (files.length > 1) this.#say("file", `One file per job: only ${files[0].name} was taken.`);
  }

  /** @returns {string} what is wrong with the text, or nothing */
  #textProblem() {
    const most = this.#limits?.max_text_chars ?? Infinity;
    const length = lengthOf(this.#text.value);
    if (!this.#text.value.trim()) return "Type a text for the script.";
    return length > most ? `The text has ${grouped(length)} characters. The limit is ${grouped(most)}.` : "";
  }

  /** @param {File | undefined} file @returns {string} what is wrong with the file, or nothing */
  #fileProblem(file) {
    if (!file) return "Choose a file.";
    const { max_upload_bytes: bytes = Infinity, max_filename_chars: chars = Infinity } = this.#limits ?? {};
    if (file.size > bytes) return `This file has ${exactly(file.size, bytes)}. The limit is ${limitText(bytes)}.`;
    return lengthOf(file.name) > chars ? `The file's name is too long. The limit is ${chars} characters.` : "";
  }

  /**
   * @param {"text" | "file"} field
   * @param {string} message empty when nothing is wrong
   */
  #say(field, message) {
    const note = byId(`${field}-error`, HTMLElement);
    setText(note, message);
    note.hidden = !message;
    this.#control(field).setAttribute("aria-invalid", String(Boolean(message)));
  }

  /** @param {"text" | "file"} field */
  #control(field) {
    return field === "text" ? this.#text : this.#file;
  }

  /** @returns {boolean} whether the form can go; if not, the first field at fault has the focus */
  #check() {
    this.#say("text", this.#textProblem());
    this.#say("file", this.#fileProblem(this.#file.files?.[0]));
    const wrong = [this.#text, this.#file].find((control) => control.getAttribute("aria-invalid") === "true");
    wrong?.focus();
    return !wrong;
  }

  async #submit() {
    this.#problem.hidden = true;
    const file = this.#file.files?.[0];
    if (this.#button.disabled || !this.#check() || !file) return;
    this.#setBusy(true);
    try {
      const job = await askBeforeLeavingDuring(() => submit(file, this.#text.value, {
        uploading: (stop) => this.#uploading(file, stop),
        progress: (progress) => this.#progress(progress),
        uploaded: () => this.#uploaded(),
      }));
      this.#setBusy(false);
      this.clear();
      this.onJob(job);
    } catch (error) {
      this.#setBusy(false); // before the report: a disabled field cannot take the focus
      this.report(error);
    }
  }

  /** @param {boolean} busy */
  #setBusy(busy) {
    this.#button.disabled = this.#text.readOnly = this.#file.disabled = busy;
    setText(this.#button, busy ? "Submitting…" : "Run job");
    if (!busy) this.#upload.hidden = true;
  }

  /**
   * @param {File} file
   * @param {() => void} stop
   */
  #uploading(file, stop) {
    this.#stopUpload = stop;
    this.#upload.hidden = this.#stop.hidden = false;
    setText(this.#label, "Uploading");
    this.#progress({ sent: 0, total: file.size, speed: null, remaining: null });
    announce(`Uploading ${file.name}`);
  }

  /** @param {Progress} progress */
  #progress({ sent, total, speed, remaining }) {
    const percent = total ? Math.floor((sent / total) * 100) : 100;
    this.#bar.value = percent;
    const parts = [`${percent} %`, `${sizeText(sent)} of ${sizeText(total)}`];
    if (speed && remaining) parts.push(`${sizeText(Math.round(speed))}/s`, `${durationText(Math.ceil(remaining) * 1000)} left`);
    setText(this.#figures, parts.join(" · "));
  }

  #uploaded() {
    this.#bar.value = 100;
    this.#upload.hidden = false;
    this.#stop.hidden = true;
    setText(this.#label, "Uploaded. Creating the job…");
    setText(this.#figures, "");
    announce("Uploaded. Creating the job.");
  }

  /** @param {unknown} error why the job was not made, shown where it can be mended */
  report(error) {
    if (!(error instanceof api.ApiError || error instanceof UploadError)) throw error;
    const aboutText = error instanceof api.ApiError && error.about("input_text");
    const aboutFile = error instanceof api.ApiError && (error.about("filename") ?? error.about("size"));
    if (aboutText || aboutFile) {
      const field = aboutText ? "text" : "file";
      this.#say(field, aboutText || aboutFile || "");
      this.#control(field).focus();
      return;
    }
    this.#problem.replaceChildren(
      el("p", { class: "message" }, error.message),
      el("p", {}, this.#nextStep(error)));
    this.#problem.hidden = false;
    this.#problem.focus();
  }

  /** @param {api.ApiError | UploadError} error @returns {string} */
  #nextStep(error) {
    if (error instanceof api.ApiError && error.signedOut) return "The button for that is at the top of the page.";
    return this.hasFile
      ? "Your text and file are kept. Press “Run job” to try again."
      : "Your text is kept. Choose the file again, then press “Run job”.";
  }

  clear() {
    sessionStorage.removeItem(DRAFT);
    this.#text.value = this.#file.value = "";
    this.#countText();
    this.#fileChanged();
  }
}

/**
 * @param {number} size
 * @param {number} limit
 * @returns {string} a size that does not read the same as the limit it exceeds
 */
function exactly(size, limit) {
  return sizeText(size) === limitText(limit) ? `${grouped(size)} bytes` : sizeText(size);
}
