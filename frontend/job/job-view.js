// @ts-check
import * as api from "../api.js";
import { addressOfBatch } from "./batch.js";
import { copyLink } from "./copy-link.js";
import { costReason, costText } from "../cost.js";
import { askToDelete, askToRunAgain } from "./dialogs.js";
import { announce, el, setText } from "../dom.js";
import { canRetry, hasAlive, isOver, jobDuration } from "./job.js";
import { download } from "../unload-guard.js";
import { LogView } from "./log.js";
import { PhaseBar } from "./phase-bar.js";
import { PHASES } from "./phases.js";
import { Preview } from "./preview.js";
import { endingText, ReceiptView } from "./receipt.js";
import { sizeText } from "../size.js";
import { sentenceOf, setPill, statusLabel } from "./status.js";
import { agoText, durationText, fullText, tickingText } from "../time.js";
import { TimelineView } from "./timeline.js";
import { usualLength } from "./usual-length.js";

/**
 * @typedef {import("../api.js").Job} Job
 * @typedef {object} Events what an action here made of jobs
 * @property {(job: Job) => void} changed
 * @property {() => void} doubted when an action failed: the job may be another by now than the one shown
 * @property {(job: Job) => void} created
 * @property {(job: Job) => void} removed
 * @property {() => Job[]} all that are known, newest first
 */

// As functions/jobs/failure_catalog.py names who has to act.
const OPERATOR = "the stack's operator";

/**
 * @param {HTMLElement} notice
 * @param {string} text empty when there is nothing to say
 */
function say(notice, text) {
  setText(notice, text);
  notice.hidden = !text;
}

/**
 * @param {Job} job
 * @returns {[string, string][]}
 */
function facts(job) {
  /** @type {[string, string][]} */
  const all = [
    ["Job", job.id],
    ["Owner", job.owner],
    ["Submitted", fullText(job.created_at)],
    ["Runs", String(job.run)],
    ["Attempts", String(job.attempts)],
    ["File", job.input_file_path ?? ""],
    ["Result", job.output_file_path ?? ""],
    ["Machine type", job.overrides?.instance_type ?? ""],
    ["Cost", costReason(job)],
    ["Time-out", job.overrides?.timeout_minutes ? `${job.overrides.timeout_minutes}\xa0min` : ""],
  ];
  return all.filter(([, value]) => value !== "");
}

/** @param {Job} job @returns {string} which command's output the log is: each attempt, and each storing again, has its own */
function commandOf({ run, attempts, timeline }) {
  return [run, attempts, timeline.filter(({ event }) => event === "storing_again").length].join("/");
}

/** Everything about one job. Built once per job and updated in place, so that focus and open parts stay. */
export class JobView {
  /**
   * @param {string} id
   * @param {Events} events
   * @param {number | null} [line] of the log, which is shown then
   */
  constructor(id, events, line = null) {
    this.id = id;
    this.events = events;
    /** @type {Job | null} */
    this.job = null;
    this.title = el("h1", { id: "job-title", tabindex: -1 }, "Job");
    this.pill = el("span", { class: "pill", hidden: true });
    this.meta = el("p", { class: "hint" });
    this.sentence = el("p", { class: "sentence" }, "Loading…");
    this.ending = el("p", { hidden: true });
    this.connection = el("p", { class: "notice", hidden: true });
    this.failure = el("div", { class: "notice bad", hidden: true });
    this.refusal = el("p", { class: "notice bad", hidden: true });
    this.download = el("button", { class: "primary", type: "button", hidden: true, onclick: () => this.#download() }, "Download result");
    this.cancel = el("button", { class: "quiet", type: "button", hidden: true, onclick: () => this.#cancel() }, "Cancel job");
    this.retry = el("button", { type: "button", hidden: true, "aria-describedby": "job-advice", onclick: () => this.#retry() }, "Re-run");
    this.again = el("button", { class: "quiet", type: "button", hidden: true, onclick: () => this.#again() }, "Edit and run…");
    this.link = copyLink((text) => say(this.connection, text));
    this.batch = el("a", { class: "hint", href: "#/", hidden: true }, "Show its batch");
    this.delete = el("button", { class: "quiet", type: "button", hidden: true, onclick: () => this.#delete() }, "Delete…");
    this.actions = el("div", { class: "actions" }, this.download, this.again, this.retry, this.cancel, this.delete);
    this.preview = new Preview(id);
    this.phases = new PhaseBar({ withLegend: true });
    this.usual = el("p", { class: "hint usual", hidden: true });
    this.text = el("p", { class: "given-text", tabindex: 0, role: "region", "aria-label": "Text of this job" });
    this.given = el("section", { hidden: true }, el("h2", {}, "Text"), this.text);
    this.receipt = new ReceiptView();
    this.manifest = el("div", { class: "machines manifest", hidden: true });
    this.timeline = new TimelineView();
    this.log = new LogView(id, line);
    this.facts = el("dl");
    this.more = el("div", { hidden: true },
      this.log.element, el("details", { class: "steps" }, el("summary", {}, "Steps"), this.timeline.element),
      el("details", { class: "more" }, el("summary", {}, "Details"), this.receipt.element, this.manifest, this.facts));
    this.element = el("div", { class: "job" },
      el("div", { class: "job-head" }, this.title, this.pill, el("a", { class: "close", href: "#/", "aria-label": "Close this job" }, "×")),
      el("div", { class: "apart" }, this.meta, el("span", { class: "links" }, this.batch, this.link)), this.sentence, this.ending, this.phases.element, this.usual,
      this.connection, this.failure, this.refusal,
      this.actions,
      this.given, this.preview.element, this.more);
    this.said = "";
    this.pageTitle = "Mayfly";
  }

  /** @param {Job} job one that a newer answer has overtaken changes nothing */
  update(job) {
    const before = this.job;
    if (before && Date.parse(job.updated_at) < Date.parse(before.updated_at)) return;
    this.job = job;
    const label = statusLabel(job.status);
    setText(this.title, job.filename);
    this.pill.hidden = this.more.hidden = this.given.hidden = false;
    setPill(this.pill, job.status);
    say(this.connection, "");
    if (before && (before.status !== job.status || before.run !== job.run)) say(this.refusal, "");
    setText(this.sentence, job.error ? "" : sentenceOf(job)); // the reason says more than "failed", which the pill says
    this.#showEnding(job);
    this.#announceState(job);
    this.pageTitle = `${label} · ${job.filename} · Mayfly`;
    setText(this.text, job.input_text);
    this.log.filename = job.filename;
    if (job.batch) this.batch.href = addressOfBatch(job.batch);
    this.batch.hidden = !job.batch;
    this.phases.update(job);
    this.download.hidden = job.status !== "succeeded";
    this.cancel.hidden = isOver(job);
    this.again.hidden = !isOver(job);
    this.delete.hidden = !isOver(job) || hasAlive(job); // the API keeps a job whose machine lives
    this.retry.hidden = !canRetry(job);
    this.#showRemedy(job);
    this.#showFailure(job);
    this.receipt.update(job);
    if (job.manifest_sha256 && this.manifest.hidden) this.#showManifest();
    this.timeline.update(job);
    this.preview.update(job);
    this.log.follow(commandOf(job), { isRunning: job.status === "running", ended: isOver(job) });
    this.#showFacts(job);
    this.tick();
  }

  /** @param {api.ApiError} error */
  report(error) {
    const text = error.passing ? "Connection lost. Reconnecting…" : error.message;
    this.connection.classList.toggle("bad", !error.passing);
    say(this.connection, text);
    this.said = ""; // so that the recovery is announced, too
    if (!this.job) setText(this.sentence, "");
    announce(text);
  }

  /** Redraws what changes with the clock alone. */
  tick() {
    const { job } = this;
    if (!job) return;
    const took = isOver(job) ? `took ${durationText(jobDuration(job))}` : `${tickingText(jobDuration(job))} so far`;
    const parts = [agoText(job.created_at), typeof job.size === "number" ? sizeText(job.size) : "", took];
    if (job.run > 1) parts.push(`run ${job.run}`);
    if (job.attempts > job.run) parts.push(`attempt ${job.attempts}`);
    const cost = costText(job);
    if (cost) parts.push(job.cost?.is_final ? `cost ${cost}` : `${cost} so far`);
    setText(this.meta, parts.filter(Boolean).join(" · "));
    this.receipt.tick();
    this.timeline.tick();
    this.phases.tick();
    this.#showUsual(job);
  }

  /** @param {Job} job */
  #showUsual(job) {
    const { phase, to } = this.phases.spans.at(-1) ?? {};
    const usual = phase && to === null && !isOver(job) ? usualLength(this.events.all(), phase) : null;
    say(this.usual, usual && phase ? `${PHASES[phase]} usually takes ${durationText(usual)} here.` : "");
  }

  /** @param {Job} job */
  #showEnding(job) {
    this.ending.className = `pill is-${hasAlive(job) ? "ending" : "ended"}`;
    setText(this.ending, isOver(job) ? endingText(job) : "");
    this.ending.hidden = !this.ending.textContent;
  }

  /** @param {Job} job */
  #announceState(job) {
    const what = job.error?.message.split("\n")[0] ?? sentenceOf(job);
    const said = `${job.filename}: ${statusLabel(job.status)}. ${what} ${this.ending.textContent}`.trim();
    if (said === this.said) return; // what else was announced meanwhile is not to be cut off
    this.said = said;
    announce(said);
  }

  /** What can help comes first. @param {Job} job */
  #showRemedy({ error }) {
    const helps = error?.retry_helps ?? false;
    const isEdited = error !== null && !helps && error.actor !== OPERATOR;
    this.retry.className = helps ? "primary" : "quiet";
    this.again.className = isEdited ? "primary" : "quiet";
    const [first, second] = isEdited ? [this.again, this.retry] : [this.retry, this.again];
    if (first.nextElementSibling !== second) second.before(first);
  }

  /** @param {Job} job */
  #showFailure({ error }) {
    this.failure.hidden = !error;
    if (!error || this.failure.dataset["key"] === JSON.stringify(error)) return;
    this.failure.dataset["key"] = JSON.stringify(error);
    const [reason, ...output] = error.message.replace(/\s*The end of its stderr:/, "").split("\n");
    this.failure.replaceChildren(
      el("p", { class: "message" }, reason),
      ...(output.length ? [el("pre", { tabindex: 0, role: "region", "aria-label": "End of the error output" }, output.join("\n").trim())] : []),
      ...(error.actor === "nobody" ? [] : [el("p", {}, el("strong", {}, "Who can fix it: "), error.actor)]),
      el("p", { id: "job-advice" }, el("strong", {}, "What to do: "), error.advice),
      el("p", { class: "code" }, error.code));
  }

  /** @param {Job} job */
  #showFacts(job) {
    const rows = facts(job);
    const key = JSON.stringify(rows);
    if (this.facts.dataset["key"] === key) return;
    this.facts.dataset["key"] = key;
    this.facts.replaceChildren(...rows.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
  }

  /** Its module is loaded for succeeded jobs alone: the page's first load goes without. */
  async #showManifest() {
    const { job } = this;
    if (!job) return;
    this.manifest.hidden = false;
    try {
      await (await import("./manifest.js")).showManifest(this.id, job.output_filename ?? job.filename, this.manifest);
    } catch (error) {
      if (!(error instanceof api.ApiError || error instanceof TypeError)) throw error; // a TypeError: import() found no network
      this.manifest.hidden = true; // the next look tries again
    }
  }

  async #download() {
    await this.#during(this.download, async () => download((await api.getOutput(this.id)).url));
  }

  async #cancel() {
    await this.#during(this.cancel, async () => {
      const job = await api.cancelJob(this.id);
      // “Re-run” appears in this button's place, where a second click would start a machine.
      this.actions.classList.add("settling");
      setTimeout(() => this.actions.classList.remove("settling"), 1000);
      this.events.changed(job);
    });
  }

  async #retry() {
    await this.#during(this.retry, async () => this.events.changed(await api.retryJob(this.id)));
  }

  async #again() {
    if (!this.job) return;
    const job = await askToRunAgain(this.job);
    if (job) this.events.created(job);
  }

  async #delete() {
    const { job } = this;
    if (job && (await askToDelete(job))) this.events.removed(job);
  }

  /** The view is left. */
  close() {
    this.log.close();
  }

  /**
   * @param {HTMLButtonElement} button
   * @param {() => Promise<void>} work
   */
  async #during(button, work) {
    const hadFocus = document.activeElement === button;
    button.disabled = true;
    say(this.refusal, "");
    try {
      await work();
    } catch (error) {
      if (!(error instanceof api.ApiError)) throw error;
      say(this.refusal, error.message);
      announce(error.message);
      this.events.doubted();
    } finally {
      button.disabled = false;
      // A button that is disabled or hidden loses the focus, sooner or later; who works by keyboard stays in place.
      const isFree = [document.body, button].some((place) => place === document.activeElement);
      if (hadFocus && isFree) (button.hidden ? this.title : button).focus();
    }
  }
}
