// @ts-check
import { ApiError } from "../api.js";

/** The file did not reach the storage. */
export class UploadError extends Error {
  /**
   * @param {string} message
   * @param {object} [about]
   * @param {number} [about.status] of the storage's answer; 0 without one
   * @param {string} [about.code] S3's
   * @param {boolean} [about.passing] whether the same request may succeed later
   * @param {boolean} [about.stopped] whether that was asked for
   */
  constructor(message, { status = 0, code = "", passing = false, stopped = false } = {}) {
    super(message);
    this.name = "UploadError";
    this.status = status;
    this.code = code;
    this.passing = passing;
    this.stopped = stopped;
  }
}

/** @param {unknown} error @returns {boolean} whether the same may succeed later */
export const isPassing = (error) => (error instanceof UploadError || error instanceof ApiError) && error.passing;
