// @ts-check
/**
 * Keeps chosen files over a reload, in the browser's own database, until their jobs exist. Loaded with the first file.
 *
 * They are encrypted with a key that only this tab's sessionStorage has: once the tab is closed, or the user has signed
 * out, which empties that storage, what is left on disk cannot be read any more. It is deleted by the next visit that
 * keeps a file, when it is a day old.
 *
 * A record's key says whose it is, how old and how large: to keep one more file, the database hands out keys alone and
 * not the contents of all others.
 */

import { KEPT } from "../upload/unfinished.js";

/**
 * @typedef {{tab: string, key: string}} Own this tab's mark and its key, base64
 * @typedef {[at: number, tab: string, number: number, size: number]} Id milliseconds since the epoch, whose it is, which of
 *   the tab's it is, bytes of the file
 * @typedef {object} Record
 * @property {Id} id
 * @property {Uint8Array} nonce
 * @property {ArrayBuffer} sealed name, type and content, encrypted
 */

const STORE = "files";
const MOST_BYTES_OF_A_FILE = 64 * 2 ** 20; // encrypted in memory; larger ones are uploaded in parts, which are kept anyway
const MOST_BYTES = 256 * 2 ** 20;
const OLDEST_MS = 86_400_000;

/** @template T @param {IDBRequest<T>} request @returns {Promise<T>} */
function answerTo(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** @param {Own} own @returns {Promise<CryptoKey>} */
function keyOf({ key }) {
  const bytes = Uint8Array.from(atob(key), (char) => char.charCodeAt(0));
  return crypto.subtle.importKey("raw", bytes, "AES-GCM", false, ["encrypt", "decrypt"]);
}

/** @returns {Own | null} */
const stored = () => JSON.parse(sessionStorage.getItem(KEPT) ?? "null");

/** @returns {Own} */
function own() {
  const before = stored();
  if (before) return before;
  const key = btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(32))));
  const fresh = { tab: crypto.randomUUID(), key };
  sessionStorage.setItem(KEPT, JSON.stringify(fresh));
  return fresh;
}

/** The files of this tab. What it is asked to do it does one after the other, so that its bound holds. */
export class KeptFiles {
  /** @type {Map<File, Id>} the record of each file */
  #ids = new Map();
  /** @type {WeakSet<File>} */
  #tooLarge = new WeakSet();
  /** How many files it was asked to keep. */
  #added = 0;
  /** @type {Promise<unknown>} */
  #last = Promise.resolve();
  #database;

  /** @param {IDBDatabase} database */
  constructor(database) {
    this.#database = database;
  }

  /** @returns {Promise<KeptFiles | null>} null where the browser cannot, or may not, keep files */
  static async open() {
    if (!globalThis.indexedDB || !globalThis.crypto?.subtle) return null;
    try {
      const request = indexedDB.open("mayfly", 1);
      request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "id" });
      return new KeptFiles(await answerTo(request));
    } catch (error) {
      if (error instanceof DOMException) return null;
      throw error;
    }
  }

  /** @param {File} file @returns {Promise<boolean>} whether it is kept now */
  add(file) {
    return this.#inTurn(false, async () => {
      const used = (await this.#fresh()).reduce((sum, [, , , size]) => sum + size, 0);
      if (file.size > MOST_BYTES_OF_A_FILE || used + file.size > MOST_BYTES) {
        this.#tooLarge.add(file);
        return false;
      }
      const mine = own();
      const nonce = crypto.getRandomValues(new Uint8Array(12));
      const { name, type, lastModified } = file;
      const head = new TextEncoder().encode(`${JSON.stringify({ name, type, lastModified })}\n`);
      const open = await new Blob([head, file]).arrayBuffer();
      const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv: nonce }, await keyOf(mine), open);
      /** @type {Id} */
      const id = [Date.now(), mine.tab, (this.#added += 1), file.size];
      await answerTo(this.#store("readwrite").add({ id, nonce, sealed }));
      this.#ids.set(file, id);
      return true;
    });
  }

  /** @param {File} file that has its job, or is not wanted any more */
  remove(file) {
    return this.#inTurn(undefined, async () => {
      const id = this.#ids.get(file);
      if (id === undefined) return;
      this.#ids.delete(file);
      await answerTo(this.#store("readwrite").delete(id));
      if (!this.#ids.size) sessionStorage.removeItem(KEPT);
    });
  }

  /** @param {File} file @returns {boolean} whether a reload does not lose it */
  has(file) {
    return this.#ids.has(file);
  }

  /** @param {File} file @returns {boolean} whether it was refused for its size, alone or with the others */
  isTooLarge(file) {
    return this.#tooLarge.has(file);
  }

  /** @returns {Promise<File[]>} what this tab has kept, in the order it was chosen */
  all() {
    return this.#inTurn([], async () => {
      const mine = stored();
      const files = [];
      for (const id of await this.#fresh()) {
        if (!mine || id[1] !== mine.tab) continue;
        /** @type {Record} */
        const { nonce, sealed } = await answerTo(this.#store("readonly").get(id));
        const open = await crypto.subtle.decrypt({ name: "AES-GCM", iv: /** @type {BufferSource} */ (nonce) }, await keyOf(mine), sealed);
        const bytes = new Uint8Array(open);
        const end = bytes.indexOf(10);
        const { name, type, lastModified } = JSON.parse(new TextDecoder().decode(bytes.subarray(0, end)));
        const file = new File([bytes.subarray(end + 1)], name, { type, lastModified });
        this.#ids.set(file, id);
        files.push(file);
      }
      if (!files.length) sessionStorage.removeItem(KEPT);
      return files;
    });
  }

  /** Deletes what is too old. @returns {Promise<Id[]>} of all tabs, the oldest first */
  async #fresh() {
    const ids = /** @type {Id[]} */ (await answerTo(this.#store("readonly").getAllKeys()));
    const isOld = (/** @type {Id} */ id) => !(Date.now() - id[0] <= OLDEST_MS); // or a number, as ids once were
    for (const id of ids.filter(isOld)) await answerTo(this.#store("readwrite").delete(id));
    return ids.filter((id) => !isOld(id));
  }

  /** @param {IDBTransactionMode} mode */
  #store(mode) {
    return this.#database.transaction(STORE, mode).objectStore(STORE);
  }

  /**
   * @template T
   * @param {T} otherwise what comes of it where the browser refuses: it is short of room, or the file cannot be read
   * @param {() => Promise<T>} work
   * @returns {Promise<T>}
   */
  #inTurn(otherwise, work) {
    const done = this.#last.then(work).catch((error) => {
      if (error instanceof DOMException) return otherwise;
      throw error;
    });
    this.#last = done.catch(() => {});
    return done;
  }
}
