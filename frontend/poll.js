// @ts-check
import * as api from "./api.js";
import { hasAlive, isOver } from "./job.js";
import { isLate } from "./timeline.js";

/** @typedef {import("./api.js").Job} Job */

const FIRST_MS = 500;
const SLOWEST_MS = 3000;
const SLOWEST_RETRY_MS = 15_000;
const LATE_MS = 15_000;
const GROWTH = 1.3;

/**
 * Runs `visit` again and again, pausing in hidden tabs and starting at once when the tab or the network comes back.
 *
 * @param {() => Promise<number | null>} visit resolves to the wait in milliseconds, or null when all is said
 * @returns {() => void} ends it
 */
export function whileVisible(visit) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let busy = false;
  let over = false;
  const stop = () => {
    over = true;
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", run);
    removeEventListener("online", run);
  };
  async function run() {
    if (busy || over || document.hidden) return;
    busy = true;
    clearTimeout(timer);
    const wait = await visit();
    busy = false;
    if (wait === null) stop();
    else if (!over) timer = setTimeout(run, wait);
  }
  document.addEventListener("visibilitychange", run);
  addEventListener("online", run);
  run();
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
  });
  return () => {
    stopped = true;
    end();
  };
}
