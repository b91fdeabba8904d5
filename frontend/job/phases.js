// @ts-check
/** Which part of a job's run took how long, as its timeline tells. */
import { isOver, latestRun } from "./job.js";
import { serverNow } from "../time.js";

/**
 * @typedef {import("../api.js").Job} Job
 * @typedef {"wait" | "boot" | "run" | "fetch" | "script" | "store" | "end"} Phase
 * @typedef {{phase: Phase, from: number, to: number | null}} Span milliseconds since the epoch; `to` is null while it lasts
 */

/**
 * What the machine does is reported at its end; until then, and where no report came, it just runs.
 *
 * @type {Record<Phase, string>}
 */
export const PHASES = { wait: "Wait", boot: "Boot", run: "Run", fetch: "Fetch", script: "Script", store: "Store", end: "Shutdown" };

/** @type {Map<string, Phase>} which phase begins with which event; events that are not here change nothing */
const BEGINS = new Map(Object.entries({
  queued: "wait", retried: "wait", machine_lost: "wait",
  launched: "boot",
  running: "run",
  script_started: "script",
  script_finished: "store", storing_again: "store",
  succeeded: "end", failed: "end", cancelled: "end",
}));

/** @param {Job} job @returns {Span[]} of its latest run, in order and without gaps */
export function spansOf(job) {
  /** @type {Span[]} */
  const spans = [];
  const close = (/** @type {number} */ at) => {
    const last = spans.at(-1);
    if (last && last.to === null) last.to = Math.max(last.from, at);
  };
  for (const { event, at } of latestRun(job)) {
    const phase = BEGINS.get(event);
    const moment = Date.parse(at);
    if (Number.isNaN(moment)) continue;
    if (event === "input_downloaded" || event === "script_started") {
      for (const span of spans.slice(-1)) if (span.phase === "run") span.phase = "fetch";
    }
    if (event === "machine_terminated" && spans.at(-1)?.phase === "end") spans[spans.length - 1].to = moment;
    if (!phase || spans.at(-1)?.phase === phase) continue;
    close(moment);
    spans.push({ phase, from: spans.at(-1)?.to ?? moment, to: null });
  }
  const last = spans.at(-1);
  const lives = job.machines.some(({ run, terminated_at: at }) => run === job.run && at === null);
  if (isOver(job) && last?.to === null && !lives) {
    if (last.phase === "end") spans.pop();
    else last.to = last.from;
  }
  return spans;
}

/** @param {Span} span @returns {number} milliseconds, up to now for one that lasts */
export const lengthOf = ({ from, to }) => Math.max(0, (to ?? serverNow()) - from);
