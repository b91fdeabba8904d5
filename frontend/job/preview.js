// @ts-check
import * as api from "../api.js";
import { el, setText } from "../dom.js";
import { sizeText } from "../size.js";

const MOST_BYTES = 4096;
const TIMEOUT_MS = 15_000;
const EMPTY = 416; // no byte of an empty object can be asked for

/** The storage refused the download. */
class PreviewError extends Error {}

/** @param {Response} response @returns {Promise<Uint8Array>} at most MOST_BYTES, also of a server that sends more */
async function beginningOf(response) {
  const reader = /** @type {ReadableStream<Uint8Array>} */ (response.body).getReader();
  const bytes = new Uint8Array(MOST_BYTES);
  let length = 0;
  while (length < MOST_BYTES) {
    const { done, value } = await reader.read();
    if (done) break;
    bytes.set(value.subarray(0, MOST_BYTES - length), length);
    length += value.length;
  }
  await reader.cancel();
  return bytes.subarray(0, Math.min(length, MOST_BYTES));
}

/** @param {string} url presigned @returns {Promise<Uint8Array>} rejects with a PreviewError */
async function fetchBeginning(url) {
  try {
    const response = await fetch(url, {
      headers: { range: `bytes=0-${MOST_BYTES - 1}` },
      credentials: "omit",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (response.status === EMPTY) return new Uint8Array();
    if (response.ok) return await beginningOf(response);
  } catch {
    throw new PreviewError("The storage cannot be reached.");
  }
  throw new PreviewError("The storage refused the download.");
}

/** @param {Uint8Array} bytes which may end in the middle of a character @returns {string | null} null for what is no text */
function textOf(bytes) {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true });
    // Control characters other than tab, line ends, form feed and escape (terminal colours) are no text's.
    return /[\0-\x08\x0b\x0e-\x1a\x1c-\x1f]/.test(text) ? null : text;
  } catch {
    return null;
  }
}

/** The beginning of a job's result, fetched once it is there. It is only ever shown as text. */
export class Preview {
  /** @param {string} jobId */
  constructor(jobId) {
    this.jobId = jobId;
    this.note = el("p", { class: "hint", id: "preview-note" });
    this.pre = el("pre", { tabindex: 0, role: "region", "aria-label": "Beginning of the result", hidden: true });
    this.again = el("button", { class: "quiet small", type: "button", hidden: true, onclick: () => this.#load() }, "Show preview");
    this.element = el("section", { class: "preview", "aria-labelledby": "preview-title", hidden: true },
      el("div", { class: "apart" }, el("h2", { id: "preview-title" }, "Result"), this.note), this.pre, this.again);
    this.path = "";
    this.size = 0;
  }

  /** @param {api.Job} job */
  update({ status, output_file_path: path, output_size: size }) {
    this.element.hidden = status !== "succeeded";
    if (this.element.hidden || !path || path === this.path) return;
    this.path = path;
    this.size = size ?? NaN;
    this.#load();
  }

  async #load() {
    const { path } = this;
    this.again.hidden = true;
    setText(this.note, "Loading…");
    try {
      const { url } = await api.getOutput(this.jobId);
      const bytes = this.size === 0 ? new Uint8Array() : await fetchBeginning(url);
      if (path === this.path) this.#show(bytes);
    } catch (error) {
      if (!(error instanceof api.ApiError || error instanceof PreviewError)) throw error;
      setText(this.note, `The preview cannot be shown. ${error.message}`);
      this.again.hidden = false;
    }
  }

  /** @param {Uint8Array} bytes */
  #show(bytes) {
    const text = textOf(bytes);
    const total = Number.isNaN(this.size) ? bytes.length : this.size;
    this.pre.hidden = !text;
    setText(this.pre, text ?? "");
    if (!bytes.length) setText(this.note, "The result is empty.");
    else if (text === null) setText(this.note, `${sizeText(total)}, binary. Download the file to view it.`);
    else setText(this.note, total > bytes.length ? `First 4\xa0KiB of ${sizeText(total)}` : sizeText(total));
  }
}
