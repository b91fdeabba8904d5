// @ts-check
import * as api from "../api.js";

/** @typedef {import("../api.js").AliveMachine} AliveMachine */

/** The machines that are alive now. Fires "change" when that may have changed. */
export class Machines extends EventTarget {
  /** @type {AliveMachine[] | null} null while it is not known */
  alive = null;
  #asked = 0;

  /** Rejects with an ApiError, and forgets what was known before: it may be wrong by then. */
  async refresh() {
    this.#asked += 1;
    const turn = this.#asked;
    try {
      const { alive } = await api.listMachines();
      this.#take(turn, alive);
    } catch (error) {
      this.#take(turn, null);
      throw error;
    }
  }

  /** @param {string} jobId @returns {string[]} the ids of a job's machines */
  of(jobId) {
    return (this.alive ?? []).filter(({ job_id: id }) => id === jobId).map(({ instance_id: id }) => id);
  }

  /**
   * @param {number} turn of the question; the answer to an earlier one comes too late
   * @param {AliveMachine[] | null} alive
   */
  #take(turn, alive) {
    if (turn !== this.#asked) return;
    this.alive = alive;
    this.dispatchEvent(new Event("change"));
  }
}
