// @ts-check
import * as api from "../api.js";
import { orAborted, retrying } from "./retrying.js";
import { Slots } from "../semaphore.js";
import { forget, save, setPaused } from "./unfinished.js";
import { isPassing, UploadError } from "./upload-error.js";

/**
 * @typedef {import("../api.js").Job} Job
 * @typedef {import("./speed.js").Progress} Progress
 * @typedef {import("./unfinished.js").Unfinished} Unfinished
 * @typedef {object} Reports
 * @property {() => void} uploading
 * @property {(progress: Progress) => void} progress
 * @property {(isOffline: boolean) => void} waiting for the connection
 * @property {(kept: number) => void} paused with so many bytes that need not be sent again
 * @property {() => void} joining all parts are stored
 * @property {() => void} uploaded
 */

// More would only share the connections there are.
const turns = new Slots(3);
const TRIES = 3;
const UNREACHABLE = "The upload cannot begin: the server cannot be reached. Check the connection.";
// The multipart upload is not there, or not any more.
const GONE = [404, 410];

/**
 * Creates the job of a stored file, repeating the request while only the connection or the server's health stands in the
 * way: the job id makes sure that a lost answer never makes two jobs. What is unfinished stays so while only the
 * connection or the sign-in is to blame.
 *
 * @param {Unfinished} one
 * @param {(isOffline: boolean) => void} [waiting]
 * @returns {Promise<Job>} rejects with an ApiError
 */
export async function finish(one, waiting) {
  save({ ...one, uploadId: null });
  try {
    const job = await retrying(() => api.createJob(one.jobId, one.text, one.overrides, one.batch), { passes: isPassing, tries: TRIES, waiting });
    forget(one.jobId);
    return job;
  } catch (error) {
    if (error instanceof api.ApiError && !error.passing && !error.signedOut) forget(one.jobId);
    throw error;
  }
}

/** A file and a text on their way to a job. It can be run again after it failed: what is done is not done twice. */
export class Submission {
  #jobId = "";
  #isStored = false;
  /** @type {import("./multipart.js").MultipartUpload | null} */
  #parts = null;
  #stop = new AbortController();
  /** While it is paused. @type {{end: Promise<void>, resume: () => void, fail: (reason: Error) => void} | null} */
  #pause = null;
  /** An upload that goes on. @type {Unfinished | null} */
  #before = null;
  /** Whether its job exists. */
  isDone = false;

  /**
   * @param {File} file
   * @param {Unfinished} [before] what it goes on with
   */
  constructor(file, before) {
    this.file = file;
    this.overrides = before?.overrides;
    this.batch = before?.batch;
    this.#before = before?.uploadId ? before : null;
  }

  /**
   * Uploads the file, when its turn comes, then creates the job.
   *
   * @param {string} text
   * @param {() => Promise<number>} multipartFrom bytes, once they are known
   * @param {Reports} reports
   * @returns {Promise<Job>} rejects with an ApiError or an UploadError
   */
  async run(text, multipartFrom, reports) {
    if (!this.#isStored) {
      await this.#store(text, multipartFrom, reports);
      this.#isStored = true;
      this.#parts = null;
    }
    reports.uploaded();
    try {
      const job = await finish(this.#record(text), reports.waiting);
      this.isDone = true;
      return job;
    } catch (error) {
      // The id is used up, or nothing is stored under it: the next attempt starts afresh.
      if (error instanceof api.ApiError && [404, 409, 410].includes(error.status)) this.#isStored = false;
      throw error;
    }
  }

  /** Stops the upload. Of parts that are stored already, none is kept. */
  stop() {
    const reason = new UploadError("The upload was stopped.", { stopped: true });
    this.#stop.abort(reason);
    this.#pause?.fail(reason);
    this.abandon();
  }

  /** Sends nothing more until `resume`, also if it is yet to run. Parts that are stored are kept. */
  pause() {
    /** @type {() => void} */
    let resume = () => {};
    /** @type {(reason: Error) => void} */
    let fail = () => {};
    const end = new Promise((/** @type {(value: void) => void} */ resolve, reject) => {
      resume = resolve;
      fail = reject;
    });
    end.catch(() => {}); // it may be stopped before anything waits for this
    this.#pause = { end, resume, fail };
    this.#stop.abort(new UploadError("The upload is paused.", { stopped: true }));
  }

  resume() {
    this.#pause?.resume();
  }

  /** Forgets what there is of it. */
  abandon() {
    const jobId = this.#before?.jobId ?? this.#jobId;
    if (jobId) forget(jobId);
    // If that does not work, the storage itself ends unfinished uploads after a day.
    this.#parts?.abort().catch(() => {});
    if (this.#before) api.abortUpload(jobId, this.#before.uploadId ?? "", this.file.name).catch(() => {});
    this.#before = null;
    this.#parts = null;
    this.#isStored = false;
  }

  /**
   * Uploads the file when its turn comes, in as many goes as there are pauses.
   *
   * @param {string} text
   * @param {() => Promise<number>} multipartFrom
   * @param {Reports} reports
   */
  async #store(text, multipartFrom, reports) {
    try {
      while (!(await this.#tryToStore(text, multipartFrom, reports))) this.#restart();
    } finally {
      this.#restart();
    }
  }

  /**
   * @param {string} text
   * @param {() => Promise<number>} multipartFrom
   * @param {Reports} reports
   * @returns {Promise<boolean>} false after a pause
   */
  async #tryToStore(text, multipartFrom, reports) {
    try {
      await turns.during(() => this.#upload(text, multipartFrom, reports), this.#stop.signal);
      return true;
    } catch (error) {
      if (!this.#pause) throw error;
      const jobId = this.#before?.jobId ?? this.#jobId;
      setPaused(jobId, true);
      reports.paused(this.#parts?.stored ?? this.#before?.stored ?? 0);
      await this.#pause.end;
      setPaused(jobId, false);
      return false;
    }
  }

  #restart() {
    this.#stop = new AbortController();
    this.#pause = null;
  }

  /**
   * @param {string} text
   * @param {() => Promise<number>} multipartFrom
   * @param {Reports} reports
   */
  async #upload(text, multipartFrom, reports) {
    const { signal } = this.#stop;
    const { file } = this;
    reports.uploading();
    const isLarge = file.size > 0 && file.size >= await orAborted(multipartFrom(), signal);
    const rules = { passes: isPassing, tries: TRIES, waiting: reports.waiting, signal };
    const [{ sendForm }, { speedometer }] = await retrying(loadTransport, rules);
    // Before anything is begun: an upload that is stopped while this loads has nothing to go on with.
    const inParts = isLarge || this.#before ? await retrying(loadMultipart, rules) : null;
    const measure = speedometer(file.size);
    const sent = (/** @type {number} */ bytes) => reports.progress(measure(bytes));
    if (inParts && this.#before?.uploadId) {
      const { jobId, uploadId, stored } = this.#before;
      this.#jobId = jobId;
      this.#parts = new inParts.MultipartUpload(file, jobId, uploadId, null, stored);
      this.#before = null;
    }
    if (!this.#parts) {
      const grant = await retrying(() => api.createUpload(file, inParts !== null), { ...rules, tries: 1 });
      signal.throwIfAborted();
      this.#jobId = grant.job_id;
      const { upload, multipart } = grant;
      if (!inParts || !multipart) {
        sent(0);
        await retrying(() => sendForm(/** @type {api.UploadTarget} */ (upload), file, sent, signal), rules);
        return;
      }
      this.#parts = new inParts.MultipartUpload(file, grant.job_id, multipart.upload_id, multipart);
    }
    const record = { ...this.#record(text), uploadId: this.#parts.id };
    const stored = (/** @type {number} */ bytes) => save({ ...record, stored: bytes, paused: this.#pause !== null });
    save({ ...record, stored: this.#parts.stored });
    try {
      await this.#parts.run({ sent, stored, joining: reports.joining, waiting: reports.waiting }, signal);
    } catch (error) {
      if (isGone(error)) {
        forget(this.#jobId);
        this.#parts = null;
        throw new UploadError("The storage no longer has the first parts of this upload. It has to start over.");
      }
      throw error;
    }
  }

  /** @param {string} text @returns {Unfinished} */
  #record(text) {
    const { name: filename, size, lastModified } = this.file;
    return { jobId: this.#jobId, text, filename, size, lastModified, overrides: this.overrides, batch: this.batch, uploadId: null };
  }
}

/** What an upload needs is loaded when a file is chosen: the page's first load goes without. Rejects with an UploadError. */
export async function loadTransport() {
  try {
    return await Promise.all([import("./upload.js"), import("./speed.js")]);
  } catch {
    throw new UploadError(UNREACHABLE, { passing: true });
  }
}

/** The same for the first large file. Rejects with an UploadError. */
async function loadMultipart() {
  try {
    return await import("./multipart.js");
  } catch {
    throw new UploadError(UNREACHABLE, { passing: true });
  }
}

/** @param {unknown} error */
function isGone(error) {
  if (error instanceof UploadError) return error.code === "NoSuchUpload";
  return error instanceof api.ApiError && GONE.includes(error.status);
}
