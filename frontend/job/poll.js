// @ts-check
import * as api from "../api.js";
import { hasAlive, isLate, isOver } from "./job.js";

/** @typedef {import("../api.js").Job} Job */

const FIRST_MS = 500;
const SLOWEST_MS = 3000;
const SLOWEST_RETRY_MS = 15_000;
const LATE_MS = 15_000;
// Seldom, but so that a hidden tab can say that a job has ended.
export const HIDDEN_MS = 30_000;
const GROWTH = 1.3;

/**
 * Runs `visit` again and again, and at once when the tab or the network comes back.
 *
 * @param {() => Promise<number | null>} visit resolves to the wait in milliseconds, or null when all is said
 * @param {number} [hiddenMs] the shortest wait in a hidden tab; left out, it pauses there
 * @returns {() => void} ends it
 */
export function whileVisible(visit, hiddenMs = Infinity) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let busy = false;
  let over = false;
  let wait = 0;
  const stop = () => {
    over = true;
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", seen);
    removeEventListener("online", run);
  };
  function schedule() {
    clearTimeout(timer);
    const ms = document.hidden ? Math.max(wait, hiddenMs) : wait;
    if (!over && !busy && ms < Infinity) timer = setTimeout(run, ms);
  }
  async function run() {
    if (busy || over) return;
    busy = true;
    clearTimeout(timer);
    const next = await visit();
    busy = false;
    wait = next ?? 0;
    if (next === null) stop();
    else schedule();
  }
  function seen() {
    if (document.hidden) schedule();
    else run();
  }
  document.addEventListener("visibilitychange", seen);
  addEventListener("online", run);
  if (!document.hidden || hiddenMs < Infinity) run();
  return stop;
}

/**
 * Follows a job until it is over and its machines are confirmed terminated.
 *
 * @param {string} id
 * @param {(job: Job) => void} onJob
 * @param {(error: api.ApiError) => void} onTrouble `error.passing` when it goes on trying
 * @returns {() => void} stops following
 */
export function watchJob(id, onJob, onTrouble) {
  let wait = FIRST_MS;
  let failures = 0;
  let seen = "";
  let stopped = false;

  /** @param {Job} job */
  function next(job) {
    const now = `${job.status} ${job.timeline.length}`;
    wait = now === seen ? Math.min(wait * GROWTH, SLOWEST_MS) : FIRST_MS;
    seen = now;
    onJob(job);
    if (!isOver(job)) return wait;
    if (!hasAlive(job)) return null;
    return isLate(job) ? LATE_MS : wait;
  }

  const end = whileVisible(async () => {
    try {
      const job = await api.getJob(id);
      failures = 0;
      return stopped ? null : next(job);
    } catch (error) {
      if (!(error instanceof api.ApiError)) throw error;
      if (stopped) return null;
      failures += 1;
      onTrouble(error);
      return error.passing ? Math.min(FIRST_MS * 2 ** failures, SLOWEST_RETRY_MS) : null;
    }
  }, HIDDEN_MS);
  return () => {
    stopped = true;
    end();
  };
}
