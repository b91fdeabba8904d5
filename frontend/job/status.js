// @ts-check
import { setText } from "../dom.js";
import { latestRun, refusalsOf, waitsForMachine } from "./job.js";

/**
 * @typedef {import("../api.js").Job} Job
 * @typedef {import("../api.js").JobStatus} JobStatus
 */

/** @type {Record<JobStatus, {label: string, sentence: string}>} */
const STATUSES = {
  queued: { label: "Queued", sentence: "Waiting for a free machine." },
  launching: { label: "Launching", sentence: "The machine is starting up." },
  running: { label: "Running", sentence: "The machine is working on the job." },
  succeeded: { label: "Succeeded", sentence: "Done. The result is ready to download." },
  failed: { label: "Failed", sentence: "The job failed." },
  cancelled: { label: "Cancelled", sentence: "The job was cancelled." },
};

/**
 * What EC2's error codes mean for a user who waits (EC2 API reference, "Error codes").
 *
 * @type {[RegExp, string][]}
 */
const REFUSALS = [
  [/Throttl|^RequestLimit|^RateExceeded|^TooManyUpdates/, "AWS is limiting the request rate."],
  [/(Limit|Count)Exceeded$/, "The account's quota for machines is used up."],
  [/^Insufficient|^SpotMaxPrice|^Unsupported/, "AWS has no capacity at the moment."],
];

/** @param {string} name such as "retry_scheduled" @returns {string} such as "Retry scheduled" */
export function readable(name) {
  const words = name.replace(/[_\s]+/g, " ").trim();
  return words ? words[0].toUpperCase() + words.slice(1) : "Unnamed event";
}

/** @param {string} status @returns {string} */
export function statusLabel(status) {
  return Object.hasOwn(STATUSES, status) ? STATUSES[/** @type {JobStatus} */ (status)].label : readable(status);
}

/** @param {Job} job @returns {string} what is going on, or how it ended */
export function sentenceOf(job) {
  if (waitsForMachine(job)) return waitingSentence(job);
  if (latestRun(job).at(-1)?.event === "machine_lost") return "The machine was lost.";
  return Object.hasOwn(STATUSES, job.status) ? STATUSES[job.status].sentence : `${readable(job.status)}.`;
}

/** @param {Job} job */
function waitingSentence(job) {
  const isFirst = job.machines.at(-1)?.run !== job.run;
  const words = isFirst ? STATUSES.queued.sentence : "The last machine has ended. Waiting for another one.";
  const last = refusalsOf(job).at(-1);
  if (!last) return words;
  const code = /(\w+)\.?$/.exec(last.detail ?? "")?.[1] ?? "";
  const why = REFUSALS.find(([pattern]) => pattern.test(code))?.[1] ?? "AWS refused the launch.";
  return `${words} ${why} Mayfly keeps trying.`;
}

/** @param {HTMLElement} pill @param {string} status */
export function setPill(pill, status) {
  pill.className = `pill is-${status}`;
  setText(pill, statusLabel(status));
}
