// @ts-check
/** Jobs that were submitted together. */
import { isOver } from "./job.js";

/**
 * @typedef {import("../api.js").Job} Job
 * @typedef {{kind: "job", key: string, job: Job}} JobEntry
 * @typedef {{kind: "batch", key: string, id: string, jobs: Job[]}} BatchEntry
 * @typedef {{queued: number, running: number, succeeded: number, failed: number, cancelled: number}} Counts
 */

/** @param {string} id @returns {string} where the page shows the batch, as the address's fragment */
export const addressOfBatch = (id) => `#/batches/${encodeURIComponent(id)}`;

/** @param {Job[]} jobs newest first @returns {(JobEntry | BatchEntry)[]} each batch where its newest job is */
export function grouped(jobs) {
  /** @type {Map<string, BatchEntry>} */
  const batches = new Map();
  /** @type {(JobEntry | BatchEntry)[]} */
  const entries = [];
  for (const job of jobs) {
    const known = job.batch && batches.get(job.batch);
    if (known) known.jobs.push(job);
    else if (job.batch) {
      /** @type {BatchEntry} */
      const entry = { kind: "batch", key: `batch ${job.batch}`, id: job.batch, jobs: [job] };
      batches.set(job.batch, entry);
      entries.push(entry);
    } else entries.push({ kind: "job", key: job.id, job });
  }
  return entries;
}

/** @param {Job[]} jobs @returns {Counts} */
export function countsOf(jobs) {
  const counts = { queued: 0, running: 0, succeeded: 0, failed: 0, cancelled: 0 };
  for (const { status } of jobs) counts[status === "launching" ? "running" : status] += 1;
  return counts;
}

/** @param {Job[]} jobs @returns {import("../api.js").JobStatus} of them together */
export function statusOf(jobs) {
  if (jobs.some((job) => ["launching", "running"].includes(job.status))) return "running";
  if (jobs.some((job) => !isOver(job))) return "queued";
  if (jobs.some((job) => job.status === "failed")) return "failed";
  return jobs.every((job) => job.status === "cancelled") ? "cancelled" : "succeeded";
}

/** @param {Job[]} jobs @returns {string} such as "3 of 5 done, 1 failed" */
export function progressText(jobs) {
  const { failed, cancelled } = countsOf(jobs);
  const parts = [`${jobs.filter(isOver).length} of ${jobs.length} done`];
  if (failed) parts.push(`${failed} failed`);
  if (cancelled) parts.push(`${cancelled} cancelled`);
  return parts.join(", ");
}
