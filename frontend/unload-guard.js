// @ts-check
import { el } from "./dom.js";

const DOWNLOAD_STARTS_WITHIN_MS = 2000;

let downloading = false;
let working = 0;

/** @param {BeforeUnloadEvent} event */
function ask(event) {
  if (!downloading) event.preventDefault();
}

/**
 * While the work lasts, the browser asks before it leaves the page.
 *
 * @template T
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function askBeforeLeavingDuring(work) {
  working += 1;
  addEventListener("beforeunload", ask);
  try {
    return await work();
  } finally {
    working -= 1;
    if (!working) removeEventListener("beforeunload", ask);
  }
}

/** @param {string} url answered as an attachment, so the page stays; the browser takes it for leaving all the same */
export function download(url) {
  downloading = true;
  el("a", { href: url, rel: "noopener" }).click();
  setTimeout(() => (downloading = false), DOWNLOAD_STARTS_WITHIN_MS);
}
