// @ts-check
import { between } from "../time.js";

/**
 * @typedef {import("../api.js").Job} Job
 * @typedef {import("../api.js").TimelineEvent} TimelineEvent
 */

// EC2 takes about a minute from "shutting-down" to "terminated".
const RECEIPT_WITHIN_MS = 180_000;

/** @param {string} id @returns {string} where the page shows the job, as the address's fragment */
export const addressOf = (id) => `#/jobs/${encodeURIComponent(id)}`;

/** @param {Job} job @returns {boolean} */
export const isOver = (job) => ["succeeded", "failed", "cancelled"].includes(job.status);

/** @param {Job} job @returns {boolean} whether it may be tried again */
export const canRetry = (job) => ["failed", "cancelled"].includes(job.status);

/** @param {Job} job @returns {boolean} whether it has a machine that is not confirmed terminated */
export const hasAlive = (job) => job.machines.some(({ terminated_at: at }) => at === null);

/** @param {Job} job over @returns {boolean} whether its machine's end should have been confirmed by now */
export const isLate = (job) => between(job.timeline.at(-1)?.at ?? job.updated_at) > RECEIPT_WITHIN_MS;

/** @param {Job} job @returns {TimelineEvent[][]} what happened, run by run */
export function runsOf(job) {
  /** @type {TimelineEvent[][]} */
  const runs = [];
  for (const happened of job.timeline) {
    if (!runs.length || happened.event === "retried") runs.push([happened]);
    else runs[runs.length - 1].push(happened);
  }
  return runs;
}

/** @param {Job} job @returns {TimelineEvent[]} what happened in its latest run */
export const latestRun = (job) => runsOf(job).at(-1) ?? [];

/** @param {Job} job @returns {number} milliseconds from the start of its latest run to the outcome, or until now */
export function jobDuration(job) {
  const run = latestRun(job);
  const start = run[0]?.at ?? job.created_at;
  if (!isOver(job)) return between(start);
  return between(start, run.findLast(({ event }) => event === job.status)?.at ?? job.updated_at);
}

/** @param {Job} job @returns {boolean} whether it is under way without a machine: none yet, or none any more */
export function waitsForMachine(job) {
  const machine = job.machines.findLast(({ run }) => run === job.run);
  return !isOver(job) && machine?.terminated_at !== null;
}

/** @param {Job} job @returns {TimelineEvent[]} the launches that were refused since it began to wait for a machine */
export function refusalsOf(job) {
  const run = latestRun(job);
  const since = run.findLastIndex(({ event }) => event === "launched") + 1;
  return run.slice(since).filter(({ event }) => event === "launch_refused");
}
