// @ts-check
/** What a reload interrupts is taken up again: files that were chosen, and uploads that were under way. Loaded with the first. */
import { ApiError } from "../api.js";
import { announce, byId, setText } from "../dom.js";
import { KeptFiles } from "./kept-files.js";
import { finish } from "../upload/submission.js";
import { difference, KEPT, storedOnes } from "../upload/unfinished.js";

/**
 * @typedef {import("../upload/unfinished.js").Unfinished} Unfinished
 * @typedef {import("./chosen-files.js").ChosenFiles} ChosenFiles
 * @typedef {object} Ways
 * @property {import("./resumable-uploads.js").GoOn} goOn
 * @property {(job: import("../api.js").Job, one: Unfinished, isLast: boolean) => void} created
 * @property {(message: string, nextStep: string) => void} failed
 */

/** Keeps the form's files over a reload, where the browser can, and says so. */
export class FileKeeper {
  #note = byId("kept-note", HTMLElement);
  /** @type {Promise<KeptFiles | null> | null} */
  #kept = null;
  #files;
  #isFromBefore = false;
  /** @type {import("./resumable-uploads.js").CutOffUploads | null} */
  #cutOff = null;
  /** How many of the form's files a reload loses. */
  lost = 0;

  /** @param {ChosenFiles} files */
  constructor(files) {
    this.#files = files;
  }

  #open() {
    this.#kept ??= KeptFiles.open();
    return this.#kept;
  }

  /** @param {File[]} files which were just chosen */
  async keep(files) {
    this.lost += files.length;
    const kept = files.length ? await this.#open() : null;
    const isWanted = (/** @type {File} */ file) => this.#files.all.some((entry) => entry.file === file);
    for (const file of files) if (isWanted(file)) await kept?.add(file);
    await this.show();
  }

  /**
   * @param {File} file which was just chosen
   * @param {string} text the form's
   * @returns {boolean} whether an upload that was cut off goes on with it
   */
  goOnWith(file, text) {
    return this.#cutOff?.take(file, text) ?? false;
  }

  /** @param {File} file that has its job, or is not wanted any more */
  async forget(file) {
    (await this.#kept)?.remove(file);
  }

  /** Says which of the form's files are kept. */
  async show() {
    const kept = await this.#kept;
    const all = this.#files.all.filter(({ submission }) => !submission.isDone).map(({ file }) => file);
    const count = kept ? all.filter((file) => kept.has(file)).length : 0;
    this.lost = all.length - count;
    const what = count > 1 ? "encrypted copies until the jobs are created" : "an encrypted copy until the job is created";
    if (!count) this.#isFromBefore = false;
    const before = this.#isFromBefore ? "From before the reload, and not sent yet. " : "";
    const large = all.filter((file) => kept?.isTooLarge(file)).length;
    const [others, them] = this.lost > 1 ? ["others are", "them"] : ["other is", "it"];
    if (!count) setText(this.#note, large ? `Too large to be kept if you reload: choose ${them} again then.` : "");
    else setText(this.#note, before + (this.lost
      ? `${count} of ${all.length} files are kept if you reload: this tab has ${what}. The ${others} too large for that.`
      : `Kept if you reload: this tab has ${what}.`));
    this.#note.hidden = !this.#note.textContent;
  }

  /**
   * Puts kept files back into the form, shows the uploads that were cut off, and creates the jobs of stored files.
   *
   * @param {Unfinished[]} before what there was when the page was loaded
   * @param {Ways} ways
   * @returns {Promise<boolean>} whether what that needs could be loaded
   */
  async takeUp(before, ways) {
    this.#finishStored(before.filter(({ uploadId }) => uploadId === null), ways);
    const files = sessionStorage.getItem(KEPT) ? ((await (await this.#open())?.all()) ?? []) : [];
    const fileOf = (/** @type {Unfinished} */ one) => files.find((file) => !difference(file, one)) ?? null;
    for (const one of before) {
      const file = fileOf(one);
      if (file && one.uploadId === null) this.forget(file); // its job is created without it
    }
    this.#putBack(files.filter((file) => before.every((one) => difference(file, one))));
    const cutOff = before.filter(({ uploadId }) => uploadId !== null);
    const loaded = cutOff.length ? await import("./resumable-uploads.js").catch(() => null) : null;
    if (loaded) this.#cutOff = new loaded.CutOffUploads(cutOff, { goOn: ways.goOn, fileOf, left: (file) => this.forget(file) });
    return !cutOff.length || loaded !== null;
  }

  /**
   * Creates the jobs that a reload, or a sign-in, kept from being created though their files are stored.
   *
   * @param {Unfinished[]} stored
   * @param {Ways} ways
   */
  async #finishStored(stored, { created, failed }) {
    for (const one of stored) {
      try {
        const job = await finish(one);
        created(job, one, !storedOnes().length);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        failed(`“${one.filename}” was uploaded, but its job could not be created. ${error.message}`, error.passing
          ? "The upload is kept. Reload the page to try again."
          : "Choose the file again, then press “Run job”.");
      }
    }
  }

  /** @param {File[]} files */
  #putBack(files) {
    if (!files.length) return;
    this.#files.add(files);
    announce(`${files.length} file${files.length > 1 ? "s" : ""} kept from before.`);
    this.#isFromBefore = true;
    this.show();
  }
}
