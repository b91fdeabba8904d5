// @ts-check
import { sizeText } from "../size.js";

/** @typedef {import("../api.js").Limits} Limits */

/** @param {string} text @returns {number} Unicode characters, as the API counts them */
export const lengthOf = (text) => [...text].length;

/** @param {number} count */
export const grouped = (count) => count.toLocaleString("en-GB");

/**
 * As functions/jobs/s3_keys.py has them, which decides.
 *
 * @type {[RegExp, string][]}
 */
const NAME_RULES = [
  [/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\\/]/u, "has control characters or slashes in its name"],
  [/[\u202a-\u202e\u2066-\u2069]/u, "has characters in its name that change the reading direction"],
  [/\$\{filename\}/u, "has “${filename}” in its name, which the storage would replace"],
  [/^\s*$/u, "has no name"],
];

/**
 * @param {File} file
 * @param {Limits | null} limits
 * @returns {string} why the file cannot be taken and what helps; empty when nothing is wrong
 */
export function fileProblem(file, limits) {
  const { max_upload_bytes: bytes = Infinity, max_filename_bytes: nameBytes = Infinity } = limits ?? {};
  const named = `“${file.name}”`;
  if (file.size > bytes) {
    return `${named} has ${exactly(file.size, bytes)}. The limit is ${sizeText(bytes)}. Choose a smaller file, or split it.`;
  }
  const length = new TextEncoder().encode(file.name.normalize("NFC")).length;
  if (length > nameBytes) return `The name of ${named} has ${length}\xa0bytes. The limit is ${nameBytes}. Rename the file.`;
  const rule = NAME_RULES.find(([pattern]) => pattern.test(file.name));
  return rule ? `${named} ${rule[1]}. Rename the file.` : "";
}

/**
 * @param {Limits} limits
 * @returns {string} the size limit that `fileProblem` checks
 */
export function limitsText({ max_upload_bytes: bytes }) {
  return `Up to ${sizeText(bytes)} each.`;
}

/**
 * @param {number} size
 * @param {number} limit
 * @returns {string} a size that does not read the same as the limit it exceeds
 */
function exactly(size, limit) {
  return sizeText(size) === sizeText(limit) ? `${grouped(size)}\xa0bytes` : sizeText(size);
}
