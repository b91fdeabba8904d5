// @ts-check
/** How bytes get to the storage. Loaded with the first upload. */
import { Slots } from "../semaphore.js";
import { UploadError } from "./upload-error.js";

/** @typedef {import("../api.js").UploadTarget} UploadTarget */

// Browsers open six connections to a host at most. Two are left, so that nothing else of the page waits for uploads.
const connections = new Slots(4);
// A connection that is gone without a word never reports an error.
const STALLED_MS = 60_000;

/** @type {Record<string, string>} what S3's error codes mean for the person who uploads */
const REFUSALS = {
  EntityTooLarge: "it is larger than allowed",
  EntityTooSmall: "its size is not the one announced",
  AccessDenied: "the permission to upload has expired",
  NoSuchUpload: "the unfinished upload is gone",
};

/** @param {XMLHttpRequest} request @returns {UploadError} */
function refusal({ status, responseText }) {
  const code = /<Code>(\w+)<\/Code>/.exec(responseText)?.[1] ?? "";
  // RequestTimeout, a 400: S3 waited too long for the next bytes.
  const passing = status >= 500 || status === 429 || code === "RequestTimeout";
  const message = Object.hasOwn(REFUSALS, code)
    ? `The storage refused the file: ${REFUSALS[code]}.`
    : `The storage refused the file (${code || `status ${status}`}).`;
  return new UploadError(message, { status, code, passing });
}

/** @param {Blob} blob @returns {Promise<UploadError>} why sending it broke off */
async function breakOf(blob) {
  try {
    await blob.slice(0, 1).arrayBuffer();
  } catch {
    // A browser refuses to read a file that is another by now.
    return new UploadError("The file was changed or moved since it was chosen. Choose it again.");
  }
  return new UploadError("The upload was interrupted. Check the connection.", { passing: true });
}

/**
 * XMLHttpRequest, because fetch cannot report upload progress.
 *
 * @param {"POST" | "PUT"} method
 * @param {string} url
 * @param {XMLHttpRequestBodyInit} body
 * @param {Blob} blob what of the body comes from the file
 * @param {(sent: number) => void} onSent called with how much of the blob is sent
 * @param {AbortSignal} signal
 * @returns {Promise<void>} rejects with an UploadError, or with the signal's reason
 */
function send(method, url, body, blob, onSent, signal) {
  return connections.during(() => new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let stall;
    const abort = () => request.abort();
    const watch = () => {
      clearTimeout(stall);
      stall = setTimeout(abort, STALLED_MS);
    };
    request.upload.addEventListener("progress", ({ loaded, total }) => {
      watch();
      onSent(total ? Math.round((loaded / total) * blob.size) : 0);
    });
    request.addEventListener("load", () => {
      if (request.status >= 200 && request.status < 300) resolve();
      else reject(refusal(request));
    });
    request.addEventListener("error", () => breakOf(blob).then(reject));
    request.addEventListener("abort", () => {
      reject(signal.aborted ? signal.reason : new UploadError("The upload stalled. Check the connection.", { passing: true }));
    });
    request.addEventListener("loadend", () => {
      clearTimeout(stall);
      signal.removeEventListener("abort", abort);
    });
    signal.addEventListener("abort", abort);
    request.open(method, url);
    request.send(body);
    watch();
  }), signal);
}

/**
 * Sends a file as an S3 presigned POST.
 *
 * @param {UploadTarget} target
 * @param {File} file
 * @param {(sent: number) => void} onSent
 * @param {AbortSignal} signal
 */
export function sendForm(target, file, onSent, signal) {
  const form = new FormData();
  for (const [name, value] of Object.entries(target.fields)) form.append(name, value);
  // S3 ignores fields that come after the file. The key is fixed by the policy, so the real name is not sent again.
  form.append("file", file, "file");
  return send("POST", target.url, form, file, onSent, signal);
}

/**
 * Sends bytes to a presigned address.
 *
 * @param {string} url
 * @param {Blob} bytes without a type, which would be sent, and is not signed
 * @param {(sent: number) => void} onSent
 * @param {AbortSignal} signal
 */
export function sendBytes(url, bytes, onSent, signal) {
  return send("PUT", url, bytes, bytes, onSent, signal);
}
