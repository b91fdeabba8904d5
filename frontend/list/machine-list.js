// @ts-check
import { owner } from "../api.js";
import { byId, el, setText } from "../dom.js";
import { addressOf } from "../job/job.js";
import { between, tickingText } from "../time.js";

/** @typedef {import("../api.js").AliveMachine} AliveMachine */

/** How many machines are alive, and for which jobs. A row stays the same element, so that it keeps the focus. */
export class MachineList {
  #count = byId("machines-count", HTMLElement);
  #note = byId("machines-note", HTMLElement);
  #list = byId("machine-list", HTMLUListElement);
  /** @type {Map<string, {item: HTMLLIElement, update: (name: string | undefined) => void}>} */
  #rows = new Map();

  /**
   * @param {AliveMachine[] | null} alive null when it is not known
   * @param {(jobId: string) => string | undefined} nameOf a job's file, where the job is known
   */
  update(alive, nameOf) {
    setText(this.#count, alive ? String(alive.length) : "unknown");
    this.#count.classList.toggle("some", Boolean(alive?.length));
    if (alive) setText(this.#note, alive.length ? "" : `None of ${owner ? "this user's" : "your"} jobs has a machine.`);
    const machines = alive ?? [];
    for (const [id, { item }] of this.#rows) {
      if (machines.some(({ instance_id: alive }) => alive === id)) continue;
      item.remove();
      this.#rows.delete(id);
    }
    machines.forEach((machine, index) => {
      const row = this.#rows.get(machine.instance_id) ?? this.#create(machine);
      row.update(nameOf(machine.job_id));
      if (this.#list.children[index] !== row.item) this.#list.insertBefore(row.item, this.#list.children[index] ?? null);
    });
  }

  /** @param {string} problem why it is not known */
  report(problem) {
    setText(this.#note, problem);
  }

  /** @param {AliveMachine} machine */
  #create({ job_id: jobId, instance_id: id, instance_type: type, zone, launched_at: since }) {
    const name = el("span", { class: "name" });
    const age = el("span", { class: "took" });
    const link = el("a", { href: addressOf(jobId) },
      name, age, el("span", { class: "detail" }, el("span", { class: "id" }, id), ` ${type}, ${zone}`));
    const row = {
      item: el("li", {}, link),
      /** @param {string | undefined} file */
      update(file) {
        setText(name, file ?? `Job ${jobId}`);
        setText(age, tickingText(between(since)));
      },
    };
    this.#rows.set(id, row);
    return row;
  }
}
