// @ts-check
/** The results of several jobs as one ZIP archive, straight from the storage to the disk. */
import * as api from "../api.js";
import { el } from "../dom.js";
import { sizeText } from "../size.js";
import { zip } from "./zip.js";

/**
 * @typedef {import("../api.js").Job} Job
 * @typedef {{createWritable: () => Promise<WritableStream<Uint8Array>>}} SaveFile
 * @typedef {(options: object) => Promise<SaveFile>} SavePicker
 */

// Where a browser cannot write to a file as it goes, the archive is kept in memory until it is complete.
export const MOST_BYTES_IN_MEMORY = 2 ** 30;
const REVOKE_AFTER_MS = 60_000;

/** The archive cannot be made; the message says why and what helps. */
export class ZipError extends Error {}

/** @param {Job[]} jobs @returns {string[]} a name for each result, all different, none a hidden file's or a device's */
export function archiveNames(jobs) {
  /** @type {Set<string>} in lower case: on many computers names that differ in case alone are the same */
  const taken = new Set();
  return jobs.map((job) => {
    const plain = job.output_filename ?? job.filename;
    const stem = plain.split(".")[0].trimEnd().toUpperCase();
    const safe = !stem || /^(CON|PRN|AUX|NUL|(COM|LPT)\d)$/.test(stem) ? `_${plain}` : plain;
    const dot = safe.lastIndexOf(".");
    const [before, after] = dot > 0 ? [safe.slice(0, dot), safe.slice(dot)] : [safe, ""];
    let name = safe;
    for (let number = 2; taken.has(name.toLowerCase()); number += 1) name = `${before} (${number})${after}`;
    taken.add(name.toLowerCase());
    return name;
  });
}

/** @param {Job} job @returns {Promise<ReadableStream<Uint8Array>>} its result; rejects with an ApiError or a ZipError */
async function resultOf(job) {
  const { url } = await api.getOutput(job.id); // only now: such an address is good for a quarter of an hour
  try {
    const response = await fetch(url, { credentials: "omit" });
    if (response.ok && response.body) return response.body;
  } catch {
    throw new ZipError(`The result of “${job.filename}” cannot be downloaded. Check the connection.`);
  }
  throw new ZipError(`The storage refused the result of “${job.filename}”.`);
}

/**
 * Has to be called in a click's handler, before anything is waited for: else the browser shows no save dialog.
 *
 * @param {Job[]} jobs succeeded
 * @param {string} name of the archive
 * @param {(sent: number, total: number) => void} onProgress bytes
 * @returns {Promise<boolean>} false when the dialog was closed; rejects with an ApiError or a ZipError
 */
export async function downloadAll(jobs, name, onProgress) {
  const total = jobs.reduce((sum, { output_size: size }) => sum + (size ?? 0), 0);
  const picker = /** @type {{showSaveFilePicker?: SavePicker}} */ (/** @type {unknown} */ (globalThis)).showSaveFilePicker;
  const names = archiveNames(jobs);
  let sent = 0;
  const parts = zip(jobs.map((job, index) => ({
    name: names[index], size: job.output_size ?? 0, modified: new Date(job.updated_at), open: () => resultOf(job),
  })));
  const counted = async function* () {
    for await (const part of parts) {
      sent += part.length;
      onProgress(Math.min(sent, total), total);
      yield part;
    }
  };
  try {
    const file = picker ? await pick(picker, name) : null;
    if (file === "closed") return false;
    if (file) return await saveAsItGoes(file, counted());
    if (total > MOST_BYTES_IN_MEMORY) throw new ZipError(tooLarge(total));
    await saveAtOnce(name, counted());
    return true;
  } catch (error) {
    // What breaks off a stream while it is read, or a full disk while it is written.
    if (error instanceof TypeError || error instanceof DOMException) throw new ZipError("The download was interrupted. Try again.");
    throw error;
  }
}

/** @param {number} bytes @returns {string} */
const tooLarge = (bytes) =>
  `The results have ${sizeText(bytes)}. This browser can save ${sizeText(MOST_BYTES_IN_MEMORY)} at a time: select fewer jobs, or use Chrome or Edge.`;

/**
 * @param {SavePicker} picker
 * @param {string} suggestedName
 * @returns {Promise<SaveFile | "closed" | null>} null where the browser shows no dialog, by a policy or since the click was too long ago
 */
async function pick(picker, suggestedName) {
  try {
    return await picker.call(globalThis, { suggestedName, types: [{ description: "ZIP archive", accept: { "application/zip": [".zip"] } }] });
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
    return error.name === "AbortError" ? "closed" : null;
  }
}

/**
 * @param {SaveFile} file
 * @param {AsyncGenerator<Uint8Array>} parts
 */
async function saveAsItGoes(file, parts) {
  const writer = (await file.createWritable()).getWriter();
  try {
    for await (const part of parts) await writer.write(part);
    await writer.close();
  } catch (error) {
    await writer.abort(error).catch(() => {}); // so that no half archive is left
    throw error;
  }
  return true;
}

/**
 * @param {string} name
 * @param {AsyncGenerator<Uint8Array>} parts
 */
async function saveAtOnce(name, parts) {
  /** @type {BlobPart[]} */
  const all = [];
  for await (const part of parts) all.push(/** @type {Uint8Array<ArrayBuffer>} */ (part));
  const href = URL.createObjectURL(new Blob(all, { type: "application/zip" }));
  el("a", { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), REVOKE_AFTER_MS);
}
