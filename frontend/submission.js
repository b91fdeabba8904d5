// @ts-check
import * as api from "./api.js";
import { uploadFile } from "./upload.js";

/**
 * @typedef {import("./api.js").Job} Job
 * @typedef {import("./upload.js").Progress} Progress
 * @typedef {object} Reports
 * @property {(stop: () => void) => void} uploading
 * @property {(progress: Progress) => void} progress
 * @property {() => void} uploaded
 */

const PENDING = "mayfly.pending";
const RETRY_AFTER_MS = [500, 2000];

/**
 * The file that is stored but has no job yet: pressing the button again uses the same job id, so that a lost answer
 * can never make two jobs.
 *
 * @type {{file: File, jobId: string} | null}
 */
let stored = null;

/** @param {number} ms */
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Creates the job, repeating the request while only the connection or the server's health stands in the way.
 *
 * @param {string} jobId
 * @param {string} text
 * @returns {Promise<Job>}
 */
async function createJob(jobId, text) {
  for (const wait of RETRY_AFTER_MS) {
    try {
      return await api.createJob(jobId, text);
    } catch (error) {
      if (!(error instanceof api.ApiError && error.passing)) throw error;
      await pause(wait);
    }
  }
  return api.createJob(jobId, text);
}

/**
 * Creates the job of a stored file. What is pending stays so while only the connection or the sign-in is to blame.
 *
 * @param {string} jobId
 * @param {string} text
 * @returns {Promise<Job>}
 */
async function finish(jobId, text) {
  try {
    const job = await createJob(jobId, text);
    sessionStorage.removeItem(PENDING);
    return job;
  } catch (error) {
    if (error instanceof api.ApiError && !error.passing && !error.signedOut) {
      sessionStorage.removeItem(PENDING);
      // The id is used up, or nothing is stored under it: the next attempt starts afresh.
      if ([404, 409, 410].includes(error.status)) stored = null;
    }
    throw error;
  }
}

/**
 * Uploads the file, then creates the job.
 *
 * @param {File} file
 * @param {string} text
 * @param {Reports} reports
 * @returns {Promise<Job>} rejects with an ApiError or an UploadError
 */
export async function submit(file, text, reports) {
  if (stored?.file !== file) {
    stored = null;
    const grant = await api.createUpload(file);
    const { done, stop } = uploadFile(grant.upload, file, reports.progress);
    reports.uploading(stop);
    await done;
    stored = { file, jobId: grant.job_id };
  }
  reports.uploaded();
  const { jobId } = stored;
  sessionStorage.setItem(PENDING, JSON.stringify({ jobId, text }));
  const job = await finish(jobId, text);
  stored = null;
  return job;
}

/** @returns {boolean} whether an uploaded file waits for its job */
export const isPending = () => sessionStorage.getItem(PENDING) !== null;

/**
 * Finishes a submission that a reload, or a sign-in, cut off between the end of the upload and the answer to "create the
 * job".
 *
 * @returns {Promise<Job | null>} null when there was none; rejects with an ApiError
 */
export async function resume() {
  const pending = sessionStorage.getItem(PENDING);
  if (!pending) return null;
  const { jobId, text } = JSON.parse(pending);
  return finish(jobId, text);
}
