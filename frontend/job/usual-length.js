// @ts-check
import { lengthOf, spansOf } from "./phases.js";

/**
 * @typedef {import("../api.js").Job} Job
 * @typedef {import("./phases.js").Phase} Phase
 */

/** @type {Phase[]} */
const RUN = ["fetch", "script", "store"];
// Of older jobs: what usually happens may have changed since.
const RECENT = 20;

/**
 * @param {Iterable<Job>} jobs newest first
 * @param {Phase} phase
 * @returns {number | null} the median of that phase in the last jobs that had it, milliseconds; null without any
 */
export function usualLength(jobs, phase) {
  const wanted = phase === "run" ? RUN : [phase];
  const lengths = [];
  for (const job of jobs) {
    if (job.status !== "succeeded") continue;
    const ended = spansOf(job).filter((span) => wanted.includes(span.phase) && span.to !== null);
    if (ended.length) lengths.push(ended.reduce((sum, span) => sum + lengthOf(span), 0));
    if (lengths.length === RECENT) break;
  }
  lengths.sort((a, b) => a - b);
  return lengths.length ? lengths[Math.floor((lengths.length - 1) / 2)] : null;
}
