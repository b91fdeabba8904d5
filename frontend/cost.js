// @ts-check

/**
 * @typedef {import("./api.js").Job} Job
 * @typedef {NonNullable<Job["cost"]>} Cost
 */

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

/** @param {{usd: string, min_usd?: string}} cost @returns {boolean} whether what it was exactly is not known */
const isBound = ({ usd, min_usd: least = usd }) => Number(least) < Number(usd);

/** @param {{cost?: Omit<Cost, "machine_seconds"> | null}} job @returns {string} what it has cost up to now; empty while that is nothing, or where it is unknown */
export function costText({ cost }) {
  if (!cost || !Number(cost.usd)) return "";
  return `${isBound(cost) ? (cost.is_final ? "at most " : "up to ") : ""}${dollars(cost.usd)}`;
}

/** @param {Job[]} jobs @returns {string} what they have cost together; empty while that is nothing, or where one's is unknown */
export function costOfAll(jobs) {
  const costs = jobs.flatMap(({ cost }) => cost ?? []);
  const sum = (/** @type {(cost: Cost) => string} */ read) => String(costs.reduce((total, cost) => total + Number(read(cost)), 0));
  if (jobs.some(({ cost, machines }) => !cost && machines.length)) return "";
  const is_final = costs.length === jobs.length && costs.every((cost) => cost.is_final);
  return costText({ cost: { usd: sum(({ usd }) => usd), min_usd: sum(({ usd, min_usd: least = usd }) => least), is_final } });
}

/** @param {Job} job @returns {string} why its cost is not known exactly; empty where it is, or while the job runs */
export function costReason({ cost }) {
  if (!cost?.is_final || !isBound(cost)) return "";
  return `Between ${dollars(cost.min_usd ?? cost.usd)} and ${dollars(cost.usd)}. The machine's type is billed more while its processors are busy, and how busy they were is not known.`;
}
