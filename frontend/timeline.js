// @ts-check
import { el } from "./dom.js";
import { between, clockText, durationText, fullText, tickingText } from "./time.js";

/**
 * @typedef {import("./api.js").Job} Job
 * @typedef {import("./api.js").JobStatus} JobStatus
 */

/** @type {Record<JobStatus, {label: string, sentence: string}>} */
const STATUSES = {
  queued: { label: "Queued", sentence: "Waiting for its turn." },
  launching: { label: "Launching", sentence: "A machine is being started for this job." },
  running: { label: "Running", sentence: "The machine is at work." },
  succeeded: { label: "Succeeded", sentence: "Done. The result is ready to download." },
  failed: { label: "Failed", sentence: "The job did not succeed." },
  cancelled: { label: "Cancelled", sentence: "The job was cancelled." },
};

/**
 * What an event says, and what is going on until the next one.
 *
 * @type {Map<string, {label: string, then: string, tone?: "good" | "bad" | "warn"}>}
 */
const EVENTS = new Map(Object.entries({
  queued: { label: "Job accepted", then: "Waiting for its turn" },
  launching: { label: "Machine requested", then: "Waiting for a machine" },
  launch_refused: { label: "Machine refused", then: "Trying elsewhere", tone: "warn" },
  launched: { label: "Machine launched", then: "The machine is starting up" },
  machine_online: { label: "Machine ready", then: "Sending the command" },
  command_sent: { label: "Command sent", then: "Waiting for the machine to begin" },
  running: { label: "Machine at work", then: "Working on the file" },
  machine_lost: { label: "Machine lost", then: "Looking for another machine", tone: "warn" },
  machine_swept: { label: "Left-over machine ended", then: "Closing the job", tone: "warn" },
  storing_again: { label: "Storing again", then: "Storing the result" },
  input_downloaded: { label: "File fetched by the machine", then: "Starting the script" },
  script_started: { label: "Script started", then: "The script is running" },
  script_finished: { label: "Script finished", then: "Storing the result" },
  output_uploaded: { label: "Result stored", then: "Completing the job" },
  succeeded: { label: "Job succeeded", then: "Ending the machine", tone: "good" },
  failed: { label: "Job failed", then: "Ending the machine", tone: "bad" },
  cancelled: { label: "Job cancelled", then: "Ending the machine", tone: "warn" },
  machine_terminated: { label: "Machine gone for good", then: "Working", tone: "good" },
}));

/** @param {string} name such as "retry_scheduled" @returns {string} such as "Retry scheduled" */
function readable(name) {
  const words = name.replace(/[_\s]+/g, " ").trim();
  return words ? words[0].toUpperCase() + words.slice(1) : "Something happened";
}

/** @param {string} status @returns {{label: string, sentence: string}} */
export function statusWords(status) {
  const label = readable(status);
  return Object.hasOwn(STATUSES, status) ? STATUSES[/** @type {JobStatus} */ (status)] : { label, sentence: `${label}.` };
}

/** @param {Job} job @returns {boolean} */
export const isOver = (job) => ["succeeded", "failed", "cancelled"].includes(job.status);

/** @param {Job} job @returns {boolean} whether a machine was launched whose end is not in the timeline yet */
export function awaitsReceipt(job) {
  const names = job.timeline.map(({ event }) => event);
  return names.lastIndexOf("launched") > names.lastIndexOf("machine_terminated");
}

/** @param {Job} job @returns {number} milliseconds from submission to the outcome, or until now */
export function jobDuration(job) {
  if (!isOver(job)) return between(job.created_at);
  const end = job.timeline.findLast(({ event }) => event === job.status);
  return between(job.created_at, end?.at ?? job.updated_at);
}

/**
 * @param {Job} job
 * @param {boolean} settled
 * @returns {string | null} what is going on now
 */
function present(job, settled) {
  const last = job.timeline.at(-1);
  if (!isOver(job)) return EVENTS.get(last?.event ?? "")?.then ?? "Working";
  if (!awaitsReceipt(job)) return null;
  return settled ? "The machine's end is not confirmed yet" : "Ending the machine";
}

/** The list of what happened to a job, each with the time since the event before it. */
export class TimelineView {
  constructor() {
    this.element = el("ol", { class: "timeline" });
    this.ticker = el("span", { class: "took", "aria-hidden": "true" });
    /** @type {string | null} */
    this.since = null;
    this.drawn = "";
  }

  /**
   * @param {Job} job
   * @param {boolean} settled
   */
  update(job, settled) {
    const now = present(job, settled);
    const key = JSON.stringify([job.timeline, now]);
    this.since = now && !settled ? (job.timeline.at(-1)?.at ?? job.created_at) : null;
    if (key !== this.drawn) {
      this.drawn = key;
      const waiting = now && el("li", { class: "now" }, el("span", { class: "what" }, now), this.ticker);
      this.element.replaceChildren(...job.timeline.map((_, index) => this.#row(job, index)), ...(waiting ? [waiting] : []));
    }
    this.tick();
  }

  tick() {
    this.ticker.textContent = this.since ? tickingText(between(this.since)) : "";
  }

  /**
   * @param {Job} job
   * @param {number} index
   */
  #row(job, index) {
    const { event, at, detail } = job.timeline[index];
    const words = EVENTS.get(event);
    const took = index ? durationText(between(job.timeline[index - 1].at, at)) : "";
    return el("li", { class: words?.tone },
      el("span", { class: "what" }, words?.label ?? readable(event)),
      el("span", { class: "took" }, took && el("span", { class: "unseen" }, "after "), took),
      el("time", { datetime: at, title: fullText(at) }, clockText(at)),
      detail ? el("span", { class: "detail" }, detail) : null);
  }
}
