// @ts-check

/**
 * Made when first used: each format takes a browser some ten milliseconds, and no view needs all of them.
 *
 * @template T
 * @param {() => T} make
 * @returns {() => T}
 */
function once(make) {
  /** @type {T | undefined} */
  let made;
  return () => (made ??= make());
}

/** @param {Intl.DateTimeFormatOptions} options */
const moments = (options) => once(() => new Intl.DateTimeFormat("en-GB", options));
const clock = moments({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = moments({ day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const moment = moments({ dateStyle: "medium", timeStyle: "medium" });
const full = moments({ dateStyle: "long", timeStyle: "long" });
const relative = once(() => new Intl.RelativeTimeFormat("en-GB", { numeric: "auto" }));

let serverAheadMs = 0;

/** @param {string | null} date an HTTP Date header: durations that still run must not depend on this computer's clock */
export function learnServerTime(date) {
  const server = date ? Date.parse(date) : NaN;
  if (Number.isNaN(server)) return;
  const ahead = server - Date.now();
  // The header has whole seconds, so anything below two is rounding and travel time, not a wrong clock.
  serverAheadMs = Math.abs(ahead) < 2000 ? 0 : ahead;
}

/** @returns {number} milliseconds since the epoch, by the server's clock */
export function serverNow() {
  return Date.now() + serverAheadMs;
}

/**
 * @param {string} from RFC 3339
 * @param {string | number} [to] RFC 3339 or milliseconds; now when left out
 * @returns {number} milliseconds, never negative
 */
export function between(from, to = serverNow()) {
  const end = typeof to === "number" ? to : Date.parse(to);
  return Math.max(0, end - Date.parse(from)) || 0;
}

/**
 * @param {number} ms
 * @returns {string} such as "<0.1 s", "0.4 s", "42 s", "3 min 05 s", "1 h 04 min", each number and its unit with a no-break space between them
 */
export function durationText(ms) {
  if (ms < 50) return "<0.1\xa0s";
  if (ms < 9950) return `${Number((ms / 1000).toFixed(1))}\xa0s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds}\xa0s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}\xa0min ${String(seconds % 60).padStart(2, "0")}\xa0s`;
  return `${Math.floor(minutes / 60)}\xa0h ${String(minutes % 60).padStart(2, "0")}\xa0min`;
}

/** @param {number} ms @returns {string} the same in whole seconds, for a figure that ticks */
export function tickingText(ms) {
  return ms < 1000 ? "<1\xa0s" : durationText(Math.floor(ms / 1000) * 1000);
}

/** @param {string} at @returns {string} time of day */
export function clockText(at) {
  return Number.isNaN(Date.parse(at)) ? at : clock().format(new Date(at));
}

/** @param {string} at @returns {string} date and time of day */
export function momentText(at) {
  return Number.isNaN(Date.parse(at)) ? at : moment().format(new Date(at));
}

/** @param {string} at @returns {string} date, time and zone in full */
export function fullText(at) {
  return Number.isNaN(Date.parse(at)) ? at : full().format(new Date(at));
}

/** @param {string} at @returns {string} such as "5 minutes ago"; a date when older than a day */
export function agoText(at) {
  if (Number.isNaN(Date.parse(at))) return at;
  const seconds = between(at) / 1000;
  if (seconds < 45) return "just now";
  if (seconds < 3600) return relative().format(-Math.max(1, Math.round(seconds / 60)), "minute");
  if (seconds < 86400) return relative().format(-Math.round(seconds / 3600), "hour");
  return day().format(new Date(at));
}
