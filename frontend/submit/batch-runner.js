// @ts-check
import { ApiError } from "../api.js";
import { askBeforeLeavingDuring } from "../unload-guard.js";
import { UploadError } from "../upload/upload-error.js";

/**
 * @typedef {import("../api.js").Job} Job
 * @typedef {import("./chosen-files.js").Entry} Entry
 * @typedef {import("./file-row.js").FileRow} FileRow
 * @typedef {import("../upload/submission.js").Submission} Submission
 * @typedef {import("./upload-batch.js").UploadBatch} UploadBatch
 * @typedef {object} Events
 * @property {() => Promise<number>} multipartFrom bytes
 * @property {() => void} changed how many files are under way
 * @property {(job: Job, file: File, batch: UploadBatch) => void} created
 * @property {(batch: UploadBatch) => void} ended nothing of it is under way any more
 */

/** Runs the submissions of batches, and keeps count of what comes of them. */
export class BatchRunner {
  /** @param {Events} events */
  constructor(events) {
    this.events = events;
  }

  /**
   * @param {Entry} entry
   * @param {UploadBatch} batch which it goes with, for the first time or again
   */
  async repeat(entry, batch) {
    entry.batch = batch;
    batch.entries.add(entry);
    entry.isBusy = true;
    entry.row.waitForTurn();
    await this.run(entry.submission, entry.row, batch);
    entry.isBusy = false;
    if (!batch.running) this.events.ended(batch);
  }

  /**
   * @param {Submission} submission
   * @param {FileRow} row
   * @param {UploadBatch} batch
   * @returns {Promise<boolean>} whether its job exists
   */
  async run(submission, row, batch) {
    if (!batch.running) batch.restart();
    batch.running += 1;
    this.events.changed();
    /** @type {Job} */
    let job;
    try {
      job = await askBeforeLeavingDuring(() => submission.run(batch.text, this.events.multipartFrom, row.reports));
      batch.jobs.push(job);
    } catch (error) {
      if (!(error instanceof ApiError || error instanceof UploadError)) throw error;
      batch.troubles.push(error);
      row.failed(error.message);
      return false;
    } finally {
      batch.running -= 1;
      this.events.changed();
    }
    row.done();
    this.events.created(job, submission.file, batch);
    return true;
  }
}
