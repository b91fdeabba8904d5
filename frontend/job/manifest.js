// @ts-check
import * as api from "../api.js";
import { announce, el, setText } from "../dom.js";
import { sizeText } from "../size.js";

const MOST_BYTES = 100 * 2 ** 20; // hashed in memory

/** @param {string} name @param {string} value */
function copyButton(name, value) {
  const button = el("button", { class: "link", type: "button", "aria-label": `Copy: ${name}`, onclick: async () => {
    await navigator.clipboard.writeText(value).then(() => "Copied", () => "Not allowed").then((said) => setText(button, said));
    announce(`${button.textContent}.`);
  } }, "Copy");
  return button;
}

/** @param {string} url presigned @returns {Promise<string>} the SHA-256 of what is there, in hex */
async function hashOf(url) {
  const response = await fetch(url, { credentials: "omit" });
  if (!response.ok) throw new TypeError(`status ${response.status}`);
  const digest = await crypto.subtle.digest("SHA-256", await response.arrayBuffer());
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * @param {string} id the job's
 * @param {HTMLButtonElement} button
 * @param {string | null} sha256
 */
async function check(id, button, sha256) {
  let said = "Could not be downloaded. Verify again";
  setText(button, "Verifying…");
  try {
    const { url } = await api.getOutput(id);
    said = (await hashOf(url)) === sha256 ? "Verified: the stored result has this hash" : "The stored result differs";
  } catch (error) {
    if (!(error instanceof api.ApiError || error instanceof TypeError)) throw error; // a TypeError: fetch() failed
  }
  setText(button, said);
  announce(`${said}.`);
}

/**
 * Shows what a result was made of: its hashes, to copy and to check, and the whole manifest, to keep.
 *
 * @param {string} id the job's
 * @param {string} filename of the result
 * @param {HTMLElement} place
 */
export async function showManifest(id, filename, place) {
  const manifest = await api.getManifest(id);
  const { input, output } = manifest;
  const verify = el("button", { class: "quiet small", type: "button", onclick: () => check(id, verify, output.sha256) }, "Verify result");
  const isLarge = output.size > MOST_BYTES;
  verify.hidden = !output.sha256 || isLarge;
  const command = `sha256sum -- '${filename.replaceAll("'", "'\\''")}'`;
  /** @type {[string, string | null][]} */
  const rows = [["Input SHA-256", input.sha256], ["Result SHA-256", output.sha256]];
  // The API writes it as JSON.stringify does (RFC 8785): these are the bytes that the job's `manifest_sha256` is of.
  const href = `data:application/json,${encodeURIComponent(JSON.stringify(manifest))}`;
  place.replaceChildren(
    el("dl", {}, ...rows.map(([name, value]) => el("div", {}, el("dt", {}, name),
      el("dd", {}, value ?? "not known", " ", value && copyButton(name, value))))),
    el("div", { class: "actions" }, el("a", { class: "hint", href, download: `manifest-${id}.json` }, "Download manifest"), verify,
      isLarge && output.sha256 ? el("p", { class: "hint" },
        `Results above ${sizeText(MOST_BYTES)} are too large for the browser to verify. Download the result, then compare its hash with what this prints: `,
        el("code", {}, command), " ", copyButton("the command", command), ` Or run mayfly verify ${id}`) : null));
}
