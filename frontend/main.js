// @ts-check
import { ApiError } from "./api.js";
import { byId, setText } from "./dom.js";
import { JobForm } from "./form.js";
import { JobList } from "./job-list.js";
import { JobView } from "./job-view.js";
import { Jobs } from "./jobs.js";
import { resume } from "./submission.js";
import { isOver } from "./timeline.js";
import { watchJob, whileVisible } from "./watch.js";

/** @typedef {import("./api.js").Job} Job */

const LIST_MS = 4000;
const LIST_RETRY_MS = 10_000;
const WHEN_THE_TAB_RETURNS_MS = 2 ** 31 - 1;

const jobs = new Jobs();
const list = new JobList(byId("job-list", HTMLUListElement));
const card = byId("job", HTMLElement);
const note = byId("jobs-note", HTMLElement);
const more = byId("more", HTMLButtonElement);

/** @type {JobView | null} */
let view = null;
let stopWatching = () => {};
let stopListing = () => {};

/** @returns {string | null} the job that the address names */
function addressed() {
  const found = /^#\/jobs\/([\w-]+)$/.exec(location.hash);
  return found ? found[1] : null;
}

/** @param {Job} job */
function accept(job) {
  jobs.put(job);
  stopListing();
  stopListing = whileVisible(refreshList);
  location.hash = `#/jobs/${encodeURIComponent(job.id)}`;
}

function drawList() {
  list.update(jobs.all, view?.id ?? null);
  more.hidden = !jobs.more;
  if (jobs.loaded) setText(note, jobs.all.length ? "" : "None yet. Your first job will appear here.");
}

/** @returns {Promise<number>} */
async function refreshList() {
  try {
    await jobs.refresh();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    setText(note, `The list cannot be loaded now. ${error.message}`);
    return LIST_RETRY_MS;
  }
  const others = jobs.all.some((job) => !isOver(job) && job.id !== view?.id);
  return others ? LIST_MS : WHEN_THE_TAB_RETURNS_MS;
}

async function loadMore() {
  more.disabled = true;
  try {
    await jobs.loadMore();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    setText(note, error.message);
  } finally {
    more.disabled = false;
  }
}

/** Follows a job whose state changed by an action of this page. @param {Job} job */
function changed(job) {
  view?.update(job, false);
  jobs.put(job);
}

function follow() {
  stopWatching();
  const current = view;
  if (!current) return;
  stopWatching = watchJob(
    current.id,
    (job, settled) => {
      current.update(job, settled);
      jobs.put(job);
    },
    (error) => current.report(error),
  );
}

function route() {
  const id = addressed();
  view = id ? new JobView(id, changed) : null;
  card.hidden = !view;
  card.replaceChildren(...(view ? [view.element] : []));
  document.title = "Mayfly";
  drawList();
  follow();
  (view?.title ?? byId("new-job-title", HTMLElement)).focus();
}

jobs.addEventListener("change", drawList);
more.addEventListener("click", loadMore);
addEventListener("hashchange", route);
setInterval(() => {
  if (document.hidden) return;
  view?.tick();
  drawList();
}, 1000);

const form = new JobForm(accept);
if (addressed()) route();
stopListing = whileVisible(refreshList);
resume().then((job) => {
  if (!job) return;
  form.clear();
  accept(job);
}, (error) => form.report(error));
