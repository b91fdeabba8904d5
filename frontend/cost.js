// @ts-check

/** @typedef {import("./api.js").Job} Job */

/** @param {string} usd a decimal @returns {string} such as "$0", "$0.00044", "$1.25": two digits that say something, rounded up */
export function dollars(usd) {
  const amount = Number(usd);
  if (!amount) return "$0";
  const digits = Math.min(6, Math.max(2, 1 - Math.floor(Math.log10(amount))));
  return `$${(Math.ceil(amount * 10 ** digits - 1e-6) / 10 ** digits).toFixed(digits)}`;
}

/** @param {import("./api.js").Price} price @returns {string} what a job will cost */
export function priceText({ usd_per_minute: minute, max_usd_per_minute: busy = minute, max_usd_per_job: most }) {
  const burst = Number(busy) > Number(minute) ? ` (${dollars(busy)} with busy processors)` : "";
  return `About ${dollars(minute)} per minute${burst}. One minute is the minimum; a job costs at most ${dollars(most)}.`;
}

/** @param {Job} job @returns {string} what it has cost up to now; empty while that is nothing, or where it is unknown */
export function costText({ cost }) {
  if (!cost || !Number(cost.usd)) return "";
  return `${Number(cost.min_usd ?? cost.usd) < Number(cost.usd) ? "up to " : ""}${dollars(cost.usd)}`;
}
