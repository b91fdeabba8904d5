// @ts-check

/** Lets at most so many go at the same time; the others wait their turn. */
export class Slots {
  #free;
  /** @type {(() => void)[]} */
  #queue = [];

  /** @param {number} most */
  constructor(most) {
    this.#free = most;
  }

  /**
   * @template T
   * @param {() => Promise<T>} work
   * @param {AbortSignal} signal rejects with its reason, if it comes before the turn does
   * @returns {Promise<T>}
   */
  async during(work, signal) {
    await this.#take(signal);
    try {
      return await work();
    } finally {
      this.#give();
    }
  }

  /** @param {AbortSignal} signal @returns {Promise<void>} */
  #take(signal) {
    if (signal.aborted) return Promise.reject(signal.reason);
    if (this.#free > 0) {
      this.#free -= 1;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      this.#queue.push(resolve);
      signal.addEventListener("abort", () => {
        const place = this.#queue.indexOf(resolve);
        if (place >= 0) this.#queue.splice(place, 1);
        reject(signal.reason);
      }, { once: true });
    });
  }

  #give() {
    const next = this.#queue.shift();
    if (next) next();
    else this.#free += 1;
  }
}
