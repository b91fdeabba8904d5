// @ts-check

/**
 * @typedef {object} Progress
 * @property {number} sent bytes of the file
 * @property {number} total bytes of the file
 * @property {number | null} speed bytes per second over the last seconds, once it is known
 * @property {number | null} remaining seconds
 */

const WINDOW_MS = 4000;
const SOONEST_MS = 200;

/**
 * @param {number} total bytes
 * @returns {(sent: number) => Progress} speed over a sliding window, so that the figure is calm but not stale
 */
export function speedometer(total) {
  /** @type {{at: number, sent: number}[]} */
  const samples = [];
  return (sent) => {
    const now = performance.now();
    samples.push({ at: now, sent });
    while (samples.length > 2 && now - samples[0].at > WINDOW_MS) samples.shift();
    const elapsed = now - samples[0].at;
    // What a part that broke off had sent is taken back, so more may be gone than has come.
    const gained = sent - samples[0].sent;
    const speed = elapsed < SOONEST_MS || gained <= 0 ? null : (gained / elapsed) * 1000;
    return { sent, total, speed, remaining: speed ? (total - sent) / speed : null };
  };
}
