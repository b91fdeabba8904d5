// @ts-check

const SLOWEST_MS = 15_000;

/**
 * @param {number} ms
 * @param {AbortSignal} [signal] rejects with its reason
 * @returns {Promise<void>}
 */
export function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    }, { once: true });
    if (signal?.aborted) reject(signal.reason);
  });
}

/** Resolves when the browser says that it is online again, or after a while: it may be wrong. @param {AbortSignal} [signal] */
async function online(signal) {
  const back = new AbortController();
  const resolve = () => back.abort();
  addEventListener("online", resolve, { once: true });
  const either = signal ? AbortSignal.any([back.signal, signal]) : back.signal;
  await pause(SLOWEST_MS, either).catch(() => {});
  removeEventListener("online", resolve);
  signal?.throwIfAborted();
}

/**
 * @template T
 * @param {Promise<T>} work
 * @param {AbortSignal} [signal]
 * @returns {Promise<T>} rejects with the signal's reason at once, also where the work itself knows no signal
 */
export function orAborted(work, signal) {
  if (!signal) return work;
  return new Promise((resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    if (signal.aborted) reject(signal.reason);
    work.then(resolve, reject);
  });
}

/**
 * Repeats what may succeed later, with pauses that double and are spread by chance, so that many who were cut off
 * together do not come back together. Tries made while the browser is offline do not count.
 *
 * @template T
 * @param {() => Promise<T>} work
 * @param {object} rules
 * @param {(error: unknown) => boolean} rules.passes whether the same may succeed later
 * @param {number} rules.tries at most
 * @param {number} [rules.firstMs]
 * @param {(isOffline: boolean) => void} [rules.waiting] called before each pause
 * @param {AbortSignal} [rules.signal] ends it; its reason is what `retrying` rejects with then
 * @returns {Promise<T>}
 */
export async function retrying(work, { passes, tries, firstMs = 500, waiting = () => {}, signal }) {
  for (let tried = 1; ; ) {
    try {
      return await orAborted(work(), signal);
    } catch (error) {
      signal?.throwIfAborted();
      const isOffline = !navigator.onLine;
      if (!passes(error) || (tried >= tries && !isOffline)) throw error;
      waiting(isOffline);
      if (isOffline) {
        await online(signal);
      } else {
        await pause(Math.min(firstMs * 2 ** (tried - 1), SLOWEST_MS) * (0.75 + Math.random() / 2), signal);
        tried += 1;
      }
    }
  }
}
