// @ts-check
import { EXPIRED, session, SignedOut } from "./sign-in/session.js";
import { learnServerTime } from "./time.js";
import { PoolUnreachable } from "./sign-in/user-pool.js";

/**
 * @typedef {"queued" | "launching" | "running" | "succeeded" | "failed" | "cancelled"} JobStatus
 * @typedef {{event: string, at: string, detail?: string | null}} TimelineEvent
 * @typedef {{code: string, message: string, advice: string, actor: string, retry_helps: boolean}} JobError
 * @typedef {{
 *   instance_id: string, run: number, attempt: number, instance_type: string, market: string, zone: string,
 *   image_id: string, launched_at: string, terminated_at: string | null, verified: string | null,
 *   prepared_at: string | null
 * }} Receipt
 * @typedef {{
 *   id: string, owner: string, status: JobStatus, filename: string, input_text: string,
 *   input_file_path: string | null, output_file_path: string | null, created_at: string, updated_at: string,
 *   run: number, attempts: number, machines: Receipt[], timeline: TimelineEvent[], error: JobError | null,
 *   size?: number | null, output_size?: number | null, manifest_sha256?: string | null, overrides?: Overrides,
 *   batch?: string | null, output_filename?: string,
 *   cost?: {usd: string, min_usd?: string, is_final: boolean, machine_seconds: number} | null
 * }} Job
 * @typedef {{input: {sha256: string | null}, output: {size: number, sha256: string | null}}} Manifest as far as it is shown
 * @typedef {{
 *   job_id: string, instance_id: string, instance_type: string, zone: string, launched_at: string
 * }} AliveMachine
 * @typedef {{owner: string, email: string | null, machines_alive: number, usd: string}} RecentOwner
 * @typedef {{url: string, fields: Record<string, string>}} UploadTarget
 * @typedef {{number: number, size: number, url: string | null, stored?: boolean}} Part `url` is null once it is stored
 * @typedef {{upload_id: string, part_size: number, parts: Part[]}} Parts
 * @typedef {{
 *   max_upload_bytes: number, max_text_chars: number, max_filename_bytes: number, multipart_from_bytes?: number,
 *   allowed_instance_types: string[], job_timeout_minutes: number, max_job_timeout_minutes: number,
 *   price?: Price | null
 * }} Limits
 * @typedef {{instance_type: string, usd_per_minute: string, max_usd_per_minute?: string, max_usd_per_job: string}} Price as far as it is shown; decimals
 * @typedef {{instance_type: string | null, timeout_minutes: number | null}} Overrides null is as the stack's other jobs
 * @typedef {{at: string, stream: string, text: string}} LogLine
 * @typedef {{field: string, message: string}} FieldError
 */

const TIMEOUT_MS = 30_000;

/** What the API refused, as RFC 9457 problem details, or that it could not be reached (`status` 0). */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {string} code
   * @param {string} detail
   * @param {FieldError[]} [errors]
   */
  constructor(status, code, detail, errors = []) {
    super(detail);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.errors = errors;
  }

  /** @returns {boolean} whether the same request may succeed later */
  get passing() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }

  /** @returns {boolean} whether the sign-in has ended, which the page itself says */
  get signedOut() {
    return this.code === "signed_out";
  }

  /** @param {string} field @returns {string | null} what is wrong with this field of the request */
  about(field) {
    return this.errors.find((error) => error.field.split(".").pop() === field)?.message ?? null;
  }
}

/**
 * @param {Response} response
 * @returns {Promise<ApiError>}
 */
async function problem(response) {
  const body = await response.json().catch(() => ({}));
  const detail = body?.detail ?? body?.title ?? `The server answered with status ${response.status}.`;
  const errors = Array.isArray(body?.errors) ? body.errors : [];
  return new ApiError(response.status, String(body?.code ?? "unknown"), String(detail), errors);
}

/**
 * @param {string} method
 * @param {string} path below /api
 * @param {object | undefined} body
 * @param {string | null} token
 * @returns {Promise<Response>}
 */
async function send(method, path, body, token) {
  try {
    const response = await fetch(`/api${path}`, {
      method,
      headers: {
        accept: "application/json",
        ...(body ? { "content-type": "application/json" } : {}),
        ...(token ? { authorization: `Bearer ${token}` } : {}),
      },
      body: body ? JSON.stringify(body) : null,
      cache: "no-store",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    learnServerTime(response.headers.get("date"));
    return response;
  } catch {
    throw new ApiError(0, "unreachable", "The server cannot be reached. Check the connection.");
  }
}

/**
 * @param {() => Promise<string | null>} ask
 * @returns {Promise<string | null>} a token, as the session has it
 */
async function tokenBy(ask) {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof SignedOut) throw new ApiError(401, "signed_out", error.message);
    if (error instanceof PoolUnreachable) throw new ApiError(0, "unreachable", error.message);
    throw error;
  }
}

/**
 * @param {string} method
 * @param {string} path below /api
 * @param {object} [body]
 * @returns {Promise<any>}
 */
async function ask(method, path, body) {
  const token = await tokenBy(() => session.token());
  let response = await send(method, path, body, token);
  if (response.status === 401 && token) {
    const other = await tokenBy(() => session.tokenInPlaceOf(token));
    response = await send(method, path, body, other);
    if (response.status === 401) {
      session.expire();
      throw new ApiError(401, "signed_out", EXPIRED);
    }
  }
  if (!response.ok) throw await problem(response);
  if (response.status === 204) return null;
  try {
    return await response.json();
  } catch {
    throw new ApiError(0, "unreachable", "The server's answer was cut off.");
  }
}

/**
 * The same, but what comes after the user has signed out comes to nothing: the page has no place for it any more.
 *
 * @param {string} method
 * @param {string} path below /api
 * @param {object} [body]
 * @returns {Promise<any>}
 */
function call(method, path, body) {
  return new Promise((resolve, reject) => {
    const ifHere = (/** @type {(value: any) => void} */ settle) => (/** @type {any} */ value) => {
      if (session.state !== "signed-out") settle(value);
    };
    ask(method, path, body).then(ifHere(resolve), ifHere(reject));
  });
}

/** @param {Record<string, string | number | null>} values */
function query(values) {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value !== null) search.set(name, String(value));
  return search.size ? `?${search}` : "";
}

/** Whose jobs are asked for, where an administrator has named a user; null for the caller's own. */
export const owner = /^[0-9a-f-]{36}$/.exec(new URLSearchParams(location.search).get("owner") ?? "")?.[0] ?? null;

/** @param {string} id @param {string} [part] of the job @param {Record<string, string | null>} [values] */
const at = (id, part = "", values = {}) => `/jobs/${encodeURIComponent(id)}${part}${query({ ...values, owner })}`;

/** @returns {Promise<Limits>} */
export const getLimits = () => call("GET", "/limits");

// A browser may know no type, or one with parameters, which the API does not take.
const MEDIA_TYPE = /^[\w.+-]+\/[\w.+-]+$/;

/**
 * @param {File} file
 * @param {boolean} isMultipart
 * @returns {Promise<{job_id: string, upload: UploadTarget | null, multipart: Parts | null, expires_at: string}>} one of both
 */
export const createUpload = (file, isMultipart) =>
  call("POST", "/uploads", {
    filename: file.name,
    size: file.size,
    ...(MEDIA_TYPE.test(file.type) ? { content_type: file.type } : {}),
    ...(isMultipart ? { multipart: true } : {}),
  });

/**
 * @param {string} jobId
 * @param {string} uploadId
 * @param {File} file
 * @returns {Promise<Parts & {expires_at: string}>} new addresses for what is not stored yet
 */
export const missingParts = (jobId, uploadId, { name, size }) =>
  call("POST", `/uploads/${jobId}/parts`, { upload_id: uploadId, filename: name, size });

/**
 * @param {string} jobId
 * @param {string} uploadId
 * @param {File} file
 * @returns {Promise<void>} also when repeated; 409 while a part is missing
 */
export const completeUpload = (jobId, uploadId, { name, size }) =>
  call("POST", `/uploads/${jobId}/complete`, { upload_id: uploadId, filename: name, size });

/**
 * @param {string} jobId
 * @param {string} uploadId
 * @param {string} filename
 * @returns {Promise<void>}
 */
export const abortUpload = (jobId, uploadId, filename) =>
  call("POST", `/uploads/${jobId}/abort`, { upload_id: uploadId, filename });

/**
 * @param {string} jobId
 * @param {string} text
 * @param {Overrides} [overrides]
 * @param {string} [batch] of those that are submitted together
 * @returns {Promise<Job>} the same job when repeated
 */
export const createJob = (jobId, text, overrides, batch) =>
  call("POST", "/jobs", { job_id: jobId, input_text: text, overrides, batch });

/**
 * @param {number} limit
 * @param {string | null} cursor
 * @param {string | null} [batch] only its jobs
 * @returns {Promise<{jobs: Job[], next_cursor: string | null}>}
 */
export const listJobs = (limit, cursor, batch = null) => call("GET", `/jobs${query({ limit, cursor, batch, owner })}`);

/** @param {string} id @returns {Promise<Job>} */
export const getJob = (id) => call("GET", at(id));

/** @param {string} id @returns {Promise<{url: string, expires_at: string}>} */
export const getOutput = (id) => call("GET", at(id, "/output"));

/** @param {string} id @returns {Promise<Manifest>} */
export const getManifest = (id) => call("GET", at(id, "/manifest"));

/**
 * @param {string} id
 * @param {string | null} after
 * @returns {Promise<{lines: LogLine[], next: string | null}>}
 */
export const getLog = (id, after) => call("GET", at(id, "/log", { after }));

/** @param {string} id @returns {Promise<Job>} */
export const cancelJob = (id) => call("POST", at(id, "/cancel"));

/** @param {string} id @returns {Promise<Job>} waiting for a machine again, in a new run */
export const retryJob = (id) => call("POST", at(id, "/retry"));

/** @param {string} id @returns {Promise<{job_id: string, expires_at: string}>} a copy of its file, for a new job */
export const copyInput = (id) => call("POST", at(id, "/copy"));

/** @param {string} id @returns {Promise<unknown>} a receipt; its file, result and record are gone */
export const deleteJob = (id) => call("DELETE", at(id));

/** @returns {Promise<RecentOwner[]>} users with machines since yesterday: an administrator's answer has all */
export const listOwners = async () => (await call("GET", "/owners")).owners;

/** @param {string} user an id or e-mail address @returns {Promise<RecentOwner>} of an administrator's choice; rejects with ApiError */
export const findOwner = async (user) => (await call("GET", `/owners${query({ user })}`)).owners[0];

/** @returns {Promise<{alive: AliveMachine[]}>} those not confirmed terminated */
export const listMachines = () => call("GET", `/machines${query({ owner })}`);
