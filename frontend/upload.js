// @ts-check

/** @typedef {import("./api.js").UploadTarget} UploadTarget */

/**
 * @typedef {object} Progress
 * @property {number} sent bytes of the file
 * @property {number} total bytes of the file
 * @property {number | null} speed bytes per second over the last seconds, once it can be told
 * @property {number | null} remaining seconds
 */

/** The file did not reach the storage. `stopped` when that was asked for. */
export class UploadError extends Error {
  /**
   * @param {string} message
   * @param {boolean} [stopped]
   */
  constructor(message, stopped = false) {
    super(message);
    this.name = "UploadError";
    this.stopped = stopped;
  }
}

const WINDOW_MS = 4000;

/** @returns {(sent: number) => number | null} speed over a sliding window, so that the figure is calm but not stale */
function speedometer() {
  /** @type {{at: number, sent: number}[]} */
  const samples = [{ at: performance.now(), sent: 0 }];
  return (sent) => {
    const now = performance.now();
    samples.push({ at: now, sent });
    while (samples.length > 2 && now - samples[0].at > WINDOW_MS) samples.shift();
    const elapsed = now - samples[0].at;
    return elapsed < 200 ? null : ((sent - samples[0].sent) / elapsed) * 1000;
  };
}

/**
 * @param {XMLHttpRequest} request
 * @returns {string} what S3's XML error means for the person who uploads
 */
function refusal(request) {
  const code = /<Code>(\w+)<\/Code>/.exec(request.responseText)?.[1];
  if (code === "EntityTooLarge") return "The storage refused the file: it is larger than allowed.";
  if (code === "EntityTooSmall") return "The storage refused the file: its size is not the one announced.";
  if (code === "AccessDenied") return "The storage refused the file: the permission to upload has run out.";
  return `The storage refused the file (${code ?? `status ${request.status}`}).`;
}

/**
 * Sends a file as an S3 presigned POST. XMLHttpRequest, because fetch cannot report upload progress.
 *
 * @param {UploadTarget} target
 * @param {File} file
 * @param {(progress: Progress) => void} onProgress
 * @returns {{done: Promise<void>, stop: () => void}} `done` rejects with an UploadError
 */
export function uploadFile(target, file, onProgress) {
  const form = new FormData();
  for (const [name, value] of Object.entries(target.fields)) form.append(name, value);
  // S3 ignores fields that come after the file. The key is fixed by the policy, so the real name is not sent again.
  form.append("file", file, "file");

  const request = new XMLHttpRequest();
  const speedOf = speedometer();
  request.upload.addEventListener("progress", ({ loaded, total }) => {
    const sent = total ? Math.round((loaded / total) * file.size) : 0;
    const speed = speedOf(sent);
    onProgress({ sent, total: file.size, speed, remaining: speed ? (file.size - sent) / speed : null });
  });
  /** @type {Promise<void>} */
  const done = new Promise((resolve, reject) => {
    request.addEventListener("load", () => {
      if (request.status >= 200 && request.status < 300) resolve();
      else reject(new UploadError(refusal(request)));
    });
    request.addEventListener("error", () => reject(new UploadError("The upload broke off. Check the connection.")));
    request.addEventListener("abort", () => reject(new UploadError("The upload was stopped.", true)));
  });
  request.open("POST", target.url);
  request.send(form);
  return { done, stop: () => request.abort() };
}
