// @ts-check
import * as api from "../api.js";
import { retrying } from "./retrying.js";
import { isPassing, UploadError } from "./upload-error.js";
import { sendBytes } from "./upload.js";

/**
 * @typedef {import("../api.js").Parts} Parts
 * @typedef {import("../api.js").Part} Part
 * @typedef {object} Reports
 * @property {(sent: number) => void} sent bytes of the whole file
 * @property {(stored: number) => void} stored bytes that the storage has for good
 * @property {() => void} joining every part is stored
 * @property {(isOffline: boolean) => void} waiting
 */

const TRIES = 6;
const ROUNDS = 3;
const FORBIDDEN = 403;

/** A file on its way to S3 in parts. It can be run again after it failed: only what is missing is sent then. */
export class MultipartUpload {
  #file;
  #jobId;
  /** @type {Parts | null} as last answered; null when they have to be asked for */
  #parts;
  /** @type {Map<number, number>} bytes sent, by the part's number */
  #sent = new Map();
  /** Bytes of the parts that are stored, as far as this page knows. */
  stored;
  /** @type {Promise<Parts> | null} */
  #renewal = null;

  /**
   * @param {File} file
   * @param {string} jobId
   * @param {string} uploadId
   * @param {Parts | null} parts
   * @param {number} [stored] bytes, as was known before a reload
   */
  constructor(file, jobId, uploadId, parts, stored = 0) {
    this.#file = file;
    this.#jobId = jobId;
    this.id = uploadId;
    this.#parts = parts;
    this.stored = stored;
  }

  /**
   * @param {Reports} reports
   * @param {AbortSignal} signal
   * @returns {Promise<void>} the whole file is stored; rejects with an ApiError, an UploadError or the signal's reason
   */
  async run(reports, signal) {
    for (let round = 1; ; round += 1) {
      try {
        await this.#sendMissing(reports, signal);
      } catch (error) {
        // Perhaps it is complete, and only the answer was lost: then completing it again changes nothing.
        if (!(error instanceof api.ApiError && error.status === 404)) throw error;
      }
      reports.joining();
      try {
        await this.#patiently(() => api.completeUpload(this.#jobId, this.id, this.#file), reports, signal);
        return;
      } catch (error) {
        // The storage lacks a part after all.
        if (!(error instanceof api.ApiError && error.status === 409) || round === ROUNDS) throw error;
      }
    }
  }

  /** Frees what is stored of it. Rejects with an ApiError. */
  async abort() {
    await api.abortUpload(this.#jobId, this.id, this.#file.name);
  }

  /**
   * @param {Reports} reports
   * @param {AbortSignal} signal
   */
  async #sendMissing(reports, signal) {
    const { parts } = this.#parts ?? await this.#renew(reports, signal);
    this.#parts = null; // whatever happens but a pause, another run has to ask what is stored by then
    this.#sent = new Map(parts.map(({ number, size, stored }) => [number, stored ? size : 0]));
    const latest = new Map(parts.map((part) => [part.number, part]));
    this.stored = parts.reduce((sum, { size, stored }) => sum + (stored ? size : 0), 0);
    reports.stored(this.stored);
    this.#reportSent(reports);
    // The first part that fails for good ends the others: nothing goes on behind words that say it has failed.
    const failed = new AbortController();
    const either = AbortSignal.any([signal, failed.signal]);
    const missing = parts.filter(({ stored }) => !stored);
    try {
      await Promise.all(missing.map(({ number }) => this.#sendPart(number, latest, reports, either).catch((error) => {
        failed.abort(error);
        throw error;
      })));
    } finally {
      // The addresses are still good: going on after a pause asks for no others.
      if (signal.aborted) this.#parts = { upload_id: this.id, part_size: parts[0].size, parts: [...latest.values()] };
    }
  }

  /**
   * @param {number} number
   * @param {Map<number, Part>} latest with the newest addresses of all parts
   * @param {Reports} reports
   * @param {AbortSignal} signal
   */
  async #sendPart(number, latest, reports, signal) {
    const { size } = /** @type {Part} */ (latest.get(number));
    const start = (number - 1) * (/** @type {Part} */ (latest.get(1))).size;
    const bytes = this.#file.slice(start, start + size);
    /** @param {number} sent */
    const onSent = (sent) => {
      this.#sent.set(number, sent);
      this.#reportSent(reports);
    };
    await retrying(async () => {
      const url = latest.get(number)?.url;
      try {
        if (url) await sendBytes(url, bytes, onSent, signal); // without one it is stored by now
      } catch (error) {
        onSent(0);
        if (!(error instanceof UploadError) || error.status !== FORBIDDEN) throw error;
        if (url === latest.get(number)?.url) {
          for (const part of (await this.#renew(reports, signal)).parts) {
            if (!latest.get(part.number)?.stored) latest.set(part.number, part);
          }
        }
        throw new UploadError(error.message, { passing: true });
      }
    }, { passes: isPassing, tries: TRIES, waiting: reports.waiting, signal });
    onSent(size);
    latest.set(number, { number, size, url: null, stored: true });
    this.stored += size;
    reports.stored(this.stored);
  }

  /**
   * Parts whose addresses expire at the same time share one renewal.
   *
   * @param {Reports} reports
   * @param {AbortSignal} signal
   */
  #renew(reports, signal) {
    this.#renewal ??= this.#patiently(() => api.missingParts(this.#jobId, this.id, this.#file), reports, signal)
      .finally(() => (this.#renewal = null));
    return this.#renewal;
  }

  /**
   * @template T
   * @param {() => Promise<T>} ask
   * @param {Reports} reports
   * @param {AbortSignal} signal
   */
  #patiently(ask, { waiting }, signal) {
    return retrying(ask, { passes: isPassing, tries: TRIES, waiting, signal });
  }

  /** @param {Reports} reports */
  #reportSent({ sent }) {
    sent([...this.#sent.values()].reduce((sum, bytes) => sum + bytes, 0));
  }
}
