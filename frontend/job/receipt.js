// @ts-check
import { el, setText } from "../dom.js";
import { hasAlive, isOver, latestRun } from "./job.js";
import { between, durationText, fullText, momentText, tickingText } from "../time.js";

/**
 * @typedef {import("../api.js").Job} Job
 * @typedef {import("../api.js").Receipt} Receipt
 */

const STATES = { alive: "Alive", ending: "Being terminated", ended: "Confirmed terminated" };

/**
 * @param {Job} job
 * @param {Receipt} machine one of the job's
 * @returns {"alive" | "ending" | "ended"} `ended` only when that is confirmed
 */
function machineState(job, machine) {
  if (machine.terminated_at !== null) return "ended";
  const isNeeded = !isOver(job) && machine === job.machines.at(-1) && machine.run === job.run;
  return isNeeded && latestRun(job).at(-1)?.event !== "machine_lost" ? "alive" : "ending";
}

/** @param {string} at */
const moment = (at) => el("time", { datetime: at, title: fullText(at) }, momentText(at));

/** @param {string} at @returns {[string, HTMLElement]} of a machine that waited in the warm pool, stopped */
const prepared = (at) => ["Prepared", el("dd", {}, moment(at))];

/** @param {Job} job over @returns {string} whether its machines are gone; empty when it had none */
export function endingText(job) {
  if (!job.machines.length) return "";
  if (hasAlive(job)) return "Machine being terminated";
  return `${job.machines.length > 1 ? "All machines" : "Machine"} confirmed terminated`;
}

/** Which machines a job had, from when to when each lived, and how its end was seen. */
export class ReceiptView {
  constructor() {
    this.sum = el("span", { class: "hint" });
    this.list = el("ul", { class: "machines" });
    this.element = el("section", { class: "receipt", "aria-labelledby": "receipt-title", hidden: true },
      el("div", { class: "apart" }, el("h2", { id: "receipt-title" }, "Receipt"), this.sum), this.list);
    /** @type {{cell: HTMLElement, since: string}[]} */
    this.growing = [];
    this.drawn = "";
  }

  /** @param {Job} job */
  update(job) {
    const key = JSON.stringify(job.machines.map((machine) => [machine, machineState(job, machine)]));
    if (key !== this.drawn) {
      this.drawn = key;
      this.growing = [];
      const ended = job.machines.filter((machine) => machine.terminated_at !== null).length;
      setText(this.sum, job.machines.length > 1 ? `${ended} of ${job.machines.length} machines confirmed terminated` : "");
      this.list.replaceChildren(...job.machines.map((machine) => this.#machine(job, machine)));
      this.element.hidden = !job.machines.length;
    }
    this.tick();
  }

  /** Redraws what changes with the clock alone. */
  tick() {
    for (const { cell, since } of this.growing) setText(cell, `${tickingText(between(since))} so far`);
  }

  /**
   * @param {Job} job
   * @param {Receipt} machine
   */
  #machine(job, machine) {
    const state = machineState(job, machine);
    const { launched_at: from, terminated_at: to } = machine;
    const lived = el("dd", {}, to === null ? null : durationText(between(from, to)));
    if (to === null) this.growing.push({ cell: lived, since: from });
    const which = [`${machine.attempt}`, job.run > 1 ? `run ${machine.run}` : ""].filter(Boolean).join(", ");
    /** @type {[string, HTMLElement][]} */
    const rows = [
      ["Type", el("dd", {}, machine.instance_type)],
      ["Market", el("dd", {}, machine.market)],
      ["Zone", el("dd", {}, machine.zone)],
      ["Image", el("dd", {}, machine.image_id)],
      ...(machine.prepared_at ? [prepared(machine.prepared_at)] : []),
      ["Launched", el("dd", {}, moment(from))],
      ["Terminated", el("dd", {}, to === null ? "not yet" : moment(to))],
      ["Lifetime", lived],
      ["Attempt", el("dd", {}, which)],
      ["Confirmed", el("dd", {}, machine.verified ?? "not yet")],
    ];
    return el("li", {},
      el("div", { class: "head" }, el("h3", {}, machine.instance_id), el("span", { class: `pill is-${state}` }, STATES[state])),
      el("dl", {}, ...rows.map(([name, value]) => el("div", {}, el("dt", {}, name), value))));
  }
}
