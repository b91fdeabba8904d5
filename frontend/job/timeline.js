// @ts-check
import { el, setText } from "../dom.js";
import { hasAlive, isLate, isOver, runsOf, waitsForMachine } from "./job.js";
import { readable } from "./status.js";
import { between, clockText, durationText, fullText, tickingText } from "../time.js";

/**
 * @typedef {import("../api.js").Job} Job
 * @typedef {import("../api.js").TimelineEvent} TimelineEvent
 */

/**
 * What an event says, and what is going on until the next one, where the event tells that.
 *
 * @type {Map<string, {label: string, then?: string, tone?: "good" | "bad" | "warn"}>}
 */
const EVENTS = new Map(Object.entries({
  queued: { label: "Job accepted", then: "Waiting for a free machine" },
  retried: { label: "Re-run", then: "Waiting for a free machine" },
  launch_refused: { label: "Launch refused", then: "Retrying the launch", tone: "warn" },
  launched: { label: "Machine launched", then: "The machine is starting up" },
  running: { label: "Machine ready", then: "Fetching the file" },
  machine_lost: { label: "Machine lost", then: "Confirming that it is terminated", tone: "warn" },
  input_downloaded: { label: "File fetched", then: "Starting the script" },
  script_started: { label: "Script started", then: "The script is running" },
  script_finished: { label: "Script ended", then: "Storing the result" },
  storing_again: { label: "Storing again", then: "Storing the result", tone: "warn" },
  times_left_out: { label: "Times left out", tone: "warn" },
  output_uploaded: { label: "Result stored", then: "Completing the job" },
  succeeded: { label: "Job succeeded", tone: "good" },
  failed: { label: "Job failed", tone: "bad" },
  cancelled: { label: "Job cancelled", tone: "warn" },
  machine_swept: { label: "Leftover machine terminated", tone: "warn" },
  machine_not_needed: { label: "Unneeded machine terminated", tone: "good" },
  machine_terminated: { label: "Machine confirmed terminated", tone: "good" },
}));
/** What the machine reports comes with a sentence that says what the label says. */
const REPORTED = ["input_downloaded", "script_started", "script_finished", "output_uploaded"];
const OUTCOMES = ["succeeded", "failed", "cancelled"];

/** @param {string} event @returns {string} */
const labelOf = (event) => EVENTS.get(event)?.label ?? readable(event);

/** @param {Job} job @returns {string | null} what is going on now */
function present(job) {
  const run = runsOf(job).at(-1) ?? [];
  if (!isOver(job)) {
    const last = run.findLast(({ event }) => EVENTS.get(event)?.then)?.event ?? "";
    const isReplaced = waitsForMachine(job) && !["queued", "retried", "launch_refused"].includes(last);
    return isReplaced ? "Waiting for another machine" : (EVENTS.get(last)?.then ?? "Working");
  }
  if (!hasAlive(job)) return null;
  return isLate(job) ? "The termination is not confirmed yet" : "Terminating the machine";
}

/** @param {TimelineEvent[]} run @returns {TimelineEvent[][]} what makes one row: launches refused in a row share theirs */
function rowsOf(run) {
  /** @type {TimelineEvent[][]} */
  const rows = [];
  for (const happened of run) {
    const above = rows.at(-1);
    if (above && happened.event === "launch_refused" && above[0].event === happened.event) above.push(happened);
    else rows.push([happened]);
  }
  return rows;
}

/**
 * @param {TimelineEvent[]} row
 * @param {TimelineEvent | undefined} before
 */
function rowElement(row, before) {
  const [{ event, at }] = row;
  const took = before ? durationText(between(before.at, at)) : "";
  const details = REPORTED.includes(event) ? [] : row.map(({ detail }) => (detail ?? "").replace(/\s*The end of its stderr:$/, "")).filter(Boolean);
  return el("li", { class: EVENTS.get(event)?.tone },
    el("span", { class: "what" }, labelOf(event), row.length > 1 ? ` ${row.length} times` : null),
    el("span", { class: "took" }, took && el("span", { class: "unseen" }, "after "), took),
    el("time", { datetime: at, title: fullText(at) }, clockText(at)),
    ...details.map((detail) => el("span", { class: "detail" }, detail)));
}

/** @param {TimelineEvent[]} run */
function rowElements(run) {
  const rows = rowsOf(run);
  return rows.map((row, index) => rowElement(row, rows[index - 1]?.at(-1)));
}

/**
 * A run that another one followed: folded, as nothing happens in it any more.
 *
 * @param {TimelineEvent[]} run
 * @param {number} number
 */
function earlierRun(run, number) {
  const outcome = run.findLast(({ event }) => OUTCOMES.includes(event))?.event ?? "";
  return el("details", { class: "run" },
    el("summary", {}, `Run ${number}`, " ", el("span", { class: `pill is-${outcome}` }, labelOf(outcome))),
    el("ol", { class: "timeline" }, ...rowElements(run)));
}

/** The list of what happened to a job, run by run, each event with the time since the one before it. */
export class TimelineView {
  constructor() {
    this.earlier = el("div");
    this.title = el("h2", { hidden: true });
    this.list = el("ol", { class: "timeline" });
    this.element = el("div", { class: "runs" }, this.earlier, this.title, this.list);
    this.ticker = el("span", { class: "took", "aria-hidden": "true" });
    /** @type {string | null} */
    this.since = null;
    this.drawn = "";
  }

  /** @param {Job} job */
  update(job) {
    const now = present(job);
    this.since = now ? (job.timeline.at(-1)?.at ?? job.created_at) : null;
    const key = JSON.stringify([job.timeline, now]);
    if (key !== this.drawn) {
      this.drawn = key;
      this.#draw(runsOf(job), now);
    }
    this.tick();
  }

  tick() {
    this.ticker.textContent = this.since ? tickingText(between(this.since)) : "";
  }

  /**
   * @param {TimelineEvent[][]} runs
   * @param {string | null} now
   */
  #draw(runs, now) {
    const earlier = runs.slice(0, -1);
    const fresh = earlier.slice(this.earlier.childElementCount);
    this.earlier.append(...fresh.map((run) => earlierRun(run, earlier.indexOf(run) + 1)));
    this.title.hidden = !earlier.length;
    setText(this.title, `Run ${runs.length}`);
    const waiting = now && el("li", { class: "now" }, el("span", { class: "what" }, now), this.ticker);
    this.list.replaceChildren(...rowElements(runs.at(-1) ?? []), ...(waiting ? [waiting] : []));
  }
}
