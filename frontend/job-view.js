// @ts-check
import * as api from "./api.js";
import { announce, el, setText } from "./dom.js";
import { setPill } from "./job-list.js";
import { download } from "./leave.js";
import { LogView } from "./log.js";
import { sizeText } from "./size.js";
import { agoText, durationText, fullText, tickingText } from "./time.js";
import { isOver, jobDuration, statusWords, TimelineView } from "./timeline.js";

/** @typedef {import("./api.js").Job} Job */

/**
 * @param {Job} job
 * @returns {[string, string][]}
 */
function facts(job) {
  /** @type {[string, string][]} */
  const all = [
    ["Text", job.input_text],
    ["Job", job.id],
    ["Submitted", fullText(job.created_at)],
    ["Attempts", String(job.attempts)],
    ["File", job.input_file_path ?? ""],
    ["Result", job.output_file_path ?? ""],
  ];
  return all.filter(([, value]) => value !== "");
}

/** Everything about one job. Built once per job and updated in place, so that focus and open parts stay. */
export class JobView {
  /**
   * @param {string} id
   * @param {(job: Job) => void} onJob
   */
  constructor(id, onJob) {
    this.id = id;
    this.onJob = onJob;
    /** @type {Job | null} */
    this.job = null;
    this.title = el("h2", { id: "job-title", tabindex: -1 }, "Job");
    this.pill = el("span", { class: "pill", hidden: true });
    this.meta = el("p", { class: "hint" });
    this.sentence = el("p", { class: "sentence" }, "Loading…");
    this.trouble = el("p", { class: "notice", hidden: true });
    this.failure = el("div", { class: "notice bad", hidden: true });
    this.download = el("button", { class: "primary", type: "button", hidden: true, onclick: () => this.#download() }, "Download result");
    this.cancel = el("button", { class: "quiet", type: "button", hidden: true, onclick: () => this.#cancel() }, "Cancel job");
    this.timeline = new TimelineView();
    this.log = new LogView(id);
    this.facts = el("dl");
    this.more = el("div", { hidden: true },
      el("h3", {}, "What happened"), this.timeline.element, this.log.element,
      el("details", {}, el("summary", {}, "Details"), this.facts));
    this.element = el("div", { class: "job" },
      el("div", { class: "job-head" }, this.title, this.pill, el("a", { class: "close", href: "#/", "aria-label": "Close this job" }, "×")),
      this.meta, this.sentence, this.trouble, this.failure,
      el("div", { class: "actions" }, this.download, this.cancel), this.more);
  }

  /**
   * @param {Job} job
   * @param {boolean} settled nothing more will come
   */
  update(job, settled) {
    this.job = job;
    const { label, sentence } = statusWords(job.status);
    setText(this.title, job.filename);
    this.pill.hidden = this.more.hidden = false;
    setPill(this.pill, job.status);
    this.#say("");
    setText(this.sentence, sentence);
    announce(`${job.filename}: ${label}. ${job.error?.message.split("\n")[0] ?? sentence}`);
    document.title = `${label} · ${job.filename} · Mayfly`;
    this.download.hidden = job.status !== "succeeded";
    this.cancel.hidden = isOver(job);
    this.#showFailure(job);
    this.timeline.update(job, settled);
    this.log.ended = isOver(job);
    this.log.refresh();
    this.#showFacts(job);
    this.tick();
  }

  /** @param {api.ApiError} error */
  report(error) {
    const text = error.passing ? "Connection lost. Reconnecting…" : error.message;
    this.#say(text, !error.passing);
    if (!this.job) setText(this.sentence, "");
    announce(text);
  }

  /** Redraws what changes with the clock alone. */
  tick() {
    const { job } = this;
    if (!job) return;
    const took = isOver(job) ? `took ${durationText(jobDuration(job))}` : `${tickingText(jobDuration(job))} so far`;
    const parts = [agoText(job.created_at), typeof job.size === "number" ? sizeText(job.size) : "", took];
    if (job.attempts > 1) parts.push(`attempt ${job.attempts}`);
    setText(this.meta, parts.filter(Boolean).join(" · "));
    this.timeline.tick();
  }

  /** @param {Job} job */
  #showFailure({ error }) {
    this.failure.hidden = !error;
    if (!error || this.failure.dataset["key"] === JSON.stringify(error)) return;
    this.failure.dataset["key"] = JSON.stringify(error);
    const [reason, ...output] = error.message.split("\n");
    this.failure.replaceChildren(
      el("p", { class: "message" }, reason),
      ...(output.length ? [el("pre", { tabindex: 0, "aria-label": "End of the error output" }, output.join("\n").trim())] : []),
      ...(error.advice ? [el("p", {}, el("strong", {}, "What to do: "), error.advice)] : []),
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

  /**
   * @param {string} text empty when there is no trouble
   * @param {boolean} [bad]
   */
  #say(text, bad = true) {
    this.trouble.className = bad ? "notice bad" : "notice";
    setText(this.trouble, text);
    this.trouble.hidden = !text;
  }

  async #download() {
    await this.#during(this.download, async () => download((await api.getOutput(this.id)).url));
  }

  async #cancel() {
    await this.#during(this.cancel, async () => this.onJob(await api.cancelJob(this.id)));
  }

  /**
   * @param {HTMLButtonElement} button
   * @param {() => Promise<void>} work
   */
  async #during(button, work) {
    button.disabled = true;
    this.#say("");
    try {
      await work();
    } catch (error) {
      if (!(error instanceof api.ApiError)) throw error;
      this.#say(error.message);
      announce(error.message);
    } finally {
      button.disabled = false;
    }
  }
}
