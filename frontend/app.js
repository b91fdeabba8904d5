// @ts-check
/** What somebody who may use the API works with: the form, the machines and the jobs. */
import { ApiError } from "./api.js";
import { Connection } from "./connection.js";
import { announce, byId, setText } from "./dom.js";
import { JobForm } from "./form.js";
import { JobList } from "./job-list.js";
import { JobView } from "./job-view.js";
import { addressOf, hasAlive, isOver } from "./job.js";
import { Jobs } from "./jobs.js";
import { MachineList } from "./machine-list.js";
import { Machines } from "./machines.js";
import { session } from "./session.js";
import { watchJob, whileVisible } from "./poll.js";

/** @typedef {import("./api.js").Job} Job */

const LIST_MS = 4000;
const LIST_RETRY_MS = 10_000;
const WHEN_THE_TAB_RETURNS_MS = 2 ** 31 - 1;

const jobs = new Jobs();
const machines = new Machines();
const list = new JobList(byId("job-list", HTMLUListElement));
const machineList = new MachineList();
const title = byId("new-job-title", HTMLElement);
const card = byId("job", HTMLElement);
const note = byId("jobs-note", HTMLElement);
const more = byId("more", HTMLButtonElement);

/** @type {JobView | null} */
let view = null;
let stopWatching = () => {};
let stopLooking = () => {};
/** Of the job that is shown. */
let aliveOfView = "";

/** @returns {string | null} the job that the address names */
function addressed() {
  const found = /^#\/jobs\/([\w-]+)$/.exec(location.hash);
  return found ? found[1] : null;
}

/** @param {Job} job @param {boolean} isAlone then it is shown at once; of several, none is */
function accept(job, isAlone = true) {
  jobs.put(job);
  lookAround();
  if (isAlone) location.hash = addressOf(job.id);
}

/** @param {Job} job */
function removed(job) {
  stopWatching(); // an answer that is under way still has it
  jobs.remove(job.id);
  lookAround();
  location.hash = "#/";
  announce(`${job.filename} is deleted.`);
}

function drawList() {
  list.update(jobs.all, view?.id ?? null);
  more.hidden = !jobs.more;
}

function drawMachines() {
  machineList.update(machines.alive, (id) => jobs.find(id)?.filename);
}

/** Asks for all jobs and machines now, then again and again while any of them may change. */
function lookAround() {
  stopLooking();
  stopLooking = whileVisible(look);
}

async function refreshJobs() {
  await jobs.refresh();
  setText(note, jobs.all.length ? "" : "No jobs yet. Your first one will appear here.");
}

/** @returns {Promise<number | null>} */
async function look() {
  const worked = await Promise.all([
    attempt(refreshJobs, (why) => setText(note, `The list cannot be loaded. ${why}`)),
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

async function loadMore() {
  more.disabled = true;
  const worked = await attempt(() => jobs.loadMore(), (why) => setText(note, why));
  if (worked) setText(note, "");
  more.disabled = false;
}

/** Follows a job whose state changed by an action of this page. @param {Job} job */
function changed(job) {
  if (view?.id === job.id) view.update(job);
  jobs.put(job);
  follow();
  lookAround();
}

function follow() {
  stopWatching();
  const current = view;
  if (!current) return;
  stopWatching = watchJob(
    current.id,
    (job) => {
      const before = jobs.find(job.id)?.machines;
      current.update(job);
      jobs.put(job);
      if (before && JSON.stringify(before) !== JSON.stringify(job.machines)) lookAround();
    },
    (error) => current.report(error),
  );
}

function route() {
  const id = addressed();
  view?.close();
  view = id ? new JobView(id, { changed, doubted: follow, created: accept, removed }) : null;
  aliveOfView = String(machines.of(id ?? ""));
  card.hidden = !view;
  card.replaceChildren(...(view ? [view.element] : []));
  document.title = "Mayfly";
  drawList();
  follow();
  (view?.title ?? title).focus();
}

function listen() {
  jobs.addEventListener("change", () => {
    drawList();
    drawMachines();
  });
  machines.addEventListener("change", () => {
    drawMachines();
    // A job that was cancelled while its machine was being launched hears of that machine late: its receipt grows.
    const before = aliveOfView;
    aliveOfView = String(machines.of(view?.id ?? ""));
    if (before !== aliveOfView) follow();
  });
  more.addEventListener("click", loadMore);
  addEventListener("hashchange", route);
  setInterval(() => {
    if (document.hidden) return;
    view?.tick();
    drawList();
    drawMachines();
  }, 1000);
}

/** @returns {JobForm} the form of the page that now works */
export function openDesk() {
  listen();
  const form = new JobForm(accept);
  new Connection();
  if (addressed()) route();
  lookAround();
  return form;
}
