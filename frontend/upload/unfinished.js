// @ts-check
/**
 * Submissions that have no job yet, so that a reload, or the way to the sign-in pages and back, loses none of them.
 *
 * In sessionStorage, as the sign-in is: it survives a reload and a restored tab, is this tab's alone, so that no two tabs
 * send the same parts, and is emptied by signing out, so that the next user of this computer finds no text in it.
 */

/**
 * @typedef {object} Unfinished
 * @property {string} jobId
 * @property {string} text
 * @property {string} filename
 * @property {number} size bytes
 * @property {number} lastModified milliseconds since the epoch
 * @property {import("../api.js").Overrides} [overrides]
 * @property {string} [batch]
 * @property {number} [stored] bytes of the multipart upload that the storage has
 * @property {boolean} [paused] whether its upload waits until it is resumed
 * @property {string | null} uploadId of the multipart upload that was cut off; null once the file is stored
 */

const KEY = "mayfly.unfinished";
/** Where a tab has the key to the files that kept-files.js keeps. */
export const KEPT = "mayfly.kept";

/** @returns {Unfinished[]} the oldest first */
export function unfinished() {
  return JSON.parse(sessionStorage.getItem(KEY) ?? "[]");
}

/** @returns {Unfinished[]} whose file is stored, so that nothing but the job is missing */
export const storedOnes = () => unfinished().filter(({ uploadId }) => uploadId === null);

/** @returns {Unfinished[]} whose upload was cut off and can go on */
export const cutOffOnes = () => unfinished().filter(({ uploadId }) => uploadId !== null);

/** @param {Unfinished} one */
export function save(one) {
  write([...unfinished().filter(({ jobId }) => jobId !== one.jobId), one]);
}

/** @param {string} jobId */
export function forget(jobId) {
  write(unfinished().filter((one) => one.jobId !== jobId));
}

/** @param {string} jobId @param {boolean} paused */
export function setPaused(jobId, paused) {
  write(unfinished().map((one) => (one.jobId === jobId ? { ...one, paused } : one)));
}

/** @param {Unfinished[]} all */
function write(all) {
  if (all.length) sessionStorage.setItem(KEY, JSON.stringify(all));
  else sessionStorage.removeItem(KEY);
}

/**
 * @param {File} file
 * @param {Unfinished} one
 * @returns {string} how the file is another than the one whose upload was cut off; empty when it is the same
 */
export function difference(file, { filename, size, lastModified }) {
  if (file.name !== filename) return `its name is “${file.name}”`;
  if (file.size !== size) return "its size differs";
  return file.lastModified === lastModified ? "" : "it was changed later";
}
