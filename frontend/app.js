// @ts-check
/** What a signed-in person works with: the form, the machines and the jobs. */
import { ApiError, owner } from "./api.js";
import { addressOfBatch } from "./job/batch.js";
import { Connection } from "./connection.js";
import { announce, byId, setText } from "./dom.js";
import { Endings } from "./list/endings.js";
import { JobForm } from "./submit/form.js";
import { JobsPanel } from "./list/jobs-panel.js";
import { addressOf, hasAlive, isOver } from "./job/job.js";
import { Jobs } from "./list/jobs.js";
import { listenForKeys } from "./keyboard.js";
import { MachineList } from "./list/machine-list.js";
import { Machines } from "./list/machines.js";
import { session } from "./sign-in/session.js";
import { HIDDEN_MS, watchJob, whileVisible } from "./job/poll.js";
import { cutOffOnes, storedOnes } from "./upload/unfinished.js";

/**
 * @typedef {import("./api.js").Job} Job
 * @typedef {object} App
 * @property {() => string} kept what is left of the work when the sign-in has expired
 */

const LIST_MS = 4000;
const LIST_RETRY_MS = 10_000;
const WHEN_THE_TAB_RETURNS_MS = 2 ** 31 - 1;

const jobs = new Jobs();
const machines = new Machines();
const endings = new Endings();
const panel = new JobsPanel(jobs, { changed: bulkChanged, removed: bulkRemoved });
const machineList = new MachineList();
const title = byId("new-job-title", HTMLElement);
const card = byId("job", HTMLElement);

/** @type {import("./list/batch-view.js").BatchView | import("./job/job-view.js").JobView | null} */
let view = null;
/** The same, if it is a job's. @type {import("./job/job-view.js").JobView | null} */
let jobView = null;
let stopWatching = () => {};
let stopLooking = () => {};
/** How often the address has named something else: what is loaded for an earlier one comes too late. */
let routed = 0;
/** Of the job that is shown. */
let aliveOfView = "";

/** @returns {{kind: "job" | "batch", id: string, line: number | null} | null} what the address names */
function addressed() {
  const found = /^#\/(job|batche)s\/([\w.-]+)(?:\?line=(\d+))?$/.exec(location.hash);
  if (!found) return null;
  return { kind: found[1] === "job" ? "job" : "batch", id: found[2], line: found[3] ? Number(found[3]) : null };
}

/** @param {Job} job @param {boolean} isAlone then it is shown at once; of several, none is */
function accept(job, isAlone = true) {
  if (owner) { // an administrator's own copy of another's job
    location.assign(`/${addressOf(job.id)}`);
    return;
  }
  jobs.put(job);
  lookAround();
  if (isAlone) location.hash = addressOf(job.id);
}

/** @param {Job} job */
function removed(job) {
  const say = () => announce(`${job.filename} is deleted.`);
  const isShown = jobView?.id === job.id;
  if (isShown) stopWatching(); // an answer that is under way still has it
  jobs.remove(job.id);
  lookAround();
  if (isShown) toList(say);
  else say(); // it was left meanwhile
}

/** @param {Job} job one of several that an action changed */
function bulkChanged(job) {
  jobs.put(job);
  if (jobView?.id === job.id) follow();
  if (!isOver(job)) lookAround();
}

/** @param {Job[]} found of a batch, as just received */
function batchSeen(found) {
  for (const job of found) jobs.put(job);
  if (!found.every(isOver)) lookAround();
}

/** @param {Job} job one of several that were deleted */
function bulkRemoved(job) {
  if (jobView?.id === job.id) removed(job);
  else jobs.remove(job.id);
}

function drawMachines() {
  machineList.update(machines.alive, (id) => jobs.find(id)?.filename);
}

/** Asks for all jobs and machines now, then again and again while any of them may change. */
function lookAround() {
  stopLooking();
  stopLooking = whileVisible(look, HIDDEN_MS);
}

async function refreshJobs() {
  await jobs.refresh();
  panel.report("");
}

/** @returns {Promise<number | null>} */
async function look() {
  const worked = await Promise.all([
    attempt(refreshJobs, (why) => panel.report(`The list cannot be loaded. ${why}`)),
    attempt(() => machines.refresh(), (why) => machineList.report(`Their number is unknown. ${why}`)),
  ]);
  if (!session.isUsable) return null;
  if (worked.includes(false)) return LIST_RETRY_MS;
  const isCalm = !machines.alive?.length && jobs.all.every((job) => isOver(job) && !hasAlive(job));
  return isCalm ? WHEN_THE_TAB_RETURNS_MS : LIST_MS;
}

/**
 * @param {() => Promise<void>} work
 * @param {(why: string) => void} onTrouble
 * @returns {Promise<boolean>} whether it worked
 */
async function attempt(work, onTrouble) {
  try {
    await work();
    return true;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    onTrouble(error.message);
    return false;
  }
}

/** Follows a job whose state changed by an action of this page. @param {Job} job */
function changed(job) {
  if (jobView?.id === job.id) jobView.update(job);
  jobs.put(job);
  follow();
  lookAround();
}

function follow() {
  stopWatching();
  const current = jobView;
  if (!current) return;
  stopWatching = watchJob(
    current.id,
    (job) => {
      const before = jobs.find(job.id)?.machines;
      current.update(job);
      endings.setTitle(current.pageTitle);
      endings.look([job]);
      jobs.put(job);
      if (before && JSON.stringify(before) !== JSON.stringify(job.machines)) lookAround();
    },
    (error) => current.report(error),
  );
}

/** Their modules are loaded when they are needed: the page's first load goes without. @param {NonNullable<ReturnType<typeof addressed>>} asked */
async function viewOf({ kind, id, line }) {
  if (kind === "batch") {
    const { BatchView } = await import("./list/batch-view.js");
    return new BatchView(id, { changed: bulkChanged, removed: bulkRemoved, seen: batchSeen, titled: (title) => endings.setTitle(title) });
  }
  const { JobView } = await import("./job/job-view.js");
  return (jobView = new JobView(id, { changed, doubted: follow, created: accept, removed, all: () => jobs.all }, line));
}

async function route() {
  const asked = addressed();
  const turn = (routed += 1);
  stopWatching();
  announce(""); // of what is left
  view?.close();
  view = jobView = null;
  const opened = asked && (await viewOf(asked).catch((error) => {
    if (!(error instanceof TypeError)) throw error; // import() found no network
    if (turn === routed) panel.report("It cannot be shown now. Check the connection, then load the page again.");
    return null;
  }));
  if (turn !== routed) { // left while it was loaded
    opened?.close();
    if (jobView === opened) jobView = null;
    return;
  }
  view = opened;
  aliveOfView = String(machines.of(asked?.id ?? ""));
  card.hidden = !view;
  card.replaceChildren(...(view ? [view.element] : []));
  document.body.classList.toggle("has-open", Boolean(view));
  endings.setTitle("Mayfly");
  panel.show(asked && (asked.kind === "job" ? addressOf(asked.id) : addressOfBatch(asked.id)));
  follow();
  (view?.title ?? title).focus();
  if (view) card.scrollIntoView({ block: "nearest" });
}

/** Closes what is open. @param {() => void} then what comes once that is gone; at once where nothing is open */
function toList(then) {
  if (location.hash && location.hash !== "#/") {
    addEventListener("hashchange", then, { once: true });
    location.hash = "#/";
  } else then();
}

function newJob() {
  toList(() => byId("input-text", HTMLElement).focus());
}

/** Leaves the selection; else goes back to the list, from which the keyboard goes on, or to the form. */
function close() {
  if (panel.leaveSelection() || !view) return;
  const link = document.querySelector(`#job-list a[href="${CSS.escape(location.hash.split("?")[0])}"]`);
  toList(() => link instanceof HTMLElement && link.focus());
}

function drawNotify() {
  const line = byId("notify-line", HTMLElement);
  line.hidden = !Endings.isSupported || (!endings.isOn && jobs.all.every(isOver));
  const button = byId("notify", HTMLButtonElement);
  setText(button, endings.isOn ? "Notifications are on. Turn off" : "Notify me when jobs end");
  button.setAttribute("aria-pressed", String(endings.isOn));
}

async function toggleNotify() {
  if (endings.isOn) endings.turnOff();
  else if (!(await endings.turnOn())) announce("The browser does not allow notifications from this page.");
  drawNotify();
}

function listen() {
  jobs.addEventListener("change", () => {
    endings.look(jobs.all);
    drawMachines();
    drawNotify();
  });
  machines.addEventListener("change", () => {
    drawMachines();
    // A job that was cancelled while its machine was being launched hears of that machine late: its receipt grows.
    const before = aliveOfView;
    aliveOfView = String(machines.of(view?.id ?? ""));
    if (before !== aliveOfView) follow();
  });
  byId("notify", HTMLButtonElement).addEventListener("click", toggleNotify);
  byId("new-job-link", HTMLAnchorElement).addEventListener("click", (event) => {
    event.preventDefault();
    newJob();
  });
  // A form that is filled in becomes a job soon.
  byId("job-form", HTMLFormElement).addEventListener("focusin", () => import("./job/job-view.js").catch(() => {}), { once: true });
  const showAdmin = async () => {
    const loaded = session.isAdmin && (await import("./list/admin.js").catch(() => null));
    if (loaded && session.state !== "signed-out") loaded.showOwnerChoice();
  };
  session.addEventListener("admin", showAdmin);
  showAdmin(); // the token may have come before
  listenForKeys({ newJob, close });
  addEventListener("hashchange", route);
  setInterval(() => {
    if (document.hidden) return;
    view?.tick();
    panel.tick();
    drawMachines();
  }, 1000);
}

/** @param {JobForm} form @returns {string} what is left of the work when the sign-in has expired */
function keptOf(form) {
  const kept = ["Your text is kept."];
  if (cutOffOnes().length) kept.push("After that, choose the same file again to resume the upload.");
  else if (storedOnes().length) kept.push("Your file is uploaded; its job is created when you have signed in.");
  else if (form.losesFiles) kept.push("The file has to be chosen again.");
  else if (form.hasFile) kept.push("Your files are kept, too.");
  return kept.join(" ");
}

/** @returns {App} */
export function openApp() {
  listen();
  const form = new JobForm(accept);
  jobs.addEventListener("change", () => form.offerSample(jobs.loaded && !jobs.all.length));
  new Connection();
  if (addressed()) route();
  lookAround();
  return { kept: () => keptOf(form) };
}
