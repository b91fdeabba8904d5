// @ts-check
/** The ways in which files get into the form besides being chosen: dropped on the page, or pasted. */

const TYPED_INTO = "textarea, select, [contenteditable], input:not([type=file], [type=checkbox])";

/**
 * @typedef {object} Intake
 * @property {HTMLElement} zone which shows that a file may be dropped
 * @property {(files: File[], source: "dropped" | "pasted") => void} take
 * @property {(problem: string) => void} refuse
 */

/** @param {DataTransfer} dropped @param {Intake} intake */
function takeDropped({ items, files }, { take, refuse }) {
  // A folder comes as a file that cannot be read.
  const isFolder = [...items].filter(({ kind }) => kind === "file").map((item) => item.webkitGetAsEntry()?.isDirectory);
  take([...files].filter((_, index) => !isFolder[index]), "dropped");
  const folders = [...files].filter((_, index) => isFolder[index]).map(({ name }) => `“${name}” is a folder. Drop its files instead.`);
  if (folders.length) refuse(folders.join("\n"));
}

/** @param {ClipboardEvent} event @returns {File[]} none where the paste belongs to a field, or brings nothing */
function pasted({ clipboardData: data, target }) {
  if (!data || document.querySelector("dialog[open]")) return [];
  const text = data.getData("text/plain");
  // Programs that copy a table bring a picture of it along; in a field the text is what is meant.
  const isTyped = target instanceof Element && target.closest(TYPED_INTO) && (text || !data.files.length);
  if (isTyped) return [];
  if (data.files.length) return [...data.files];
  return text.trim() ? [new File([text], "pasted.txt", { type: "text/plain" })] : [];
}

/** Takes files on the whole page: one that misses the field would otherwise replace the page. @param {Intake} intake */
export function acceptFiles(intake) {
  const { zone, take } = intake;
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    zone.classList.add("over");
  });
  for (const name of ["dragleave", "dragend", "drop"]) {
    document.addEventListener(name, () => zone.classList.remove("over"));
  }
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer?.files.length) takeDropped(event.dataTransfer, intake);
  });
  document.addEventListener("paste", (event) => {
    const files = pasted(event);
    if (!files.length) return;
    event.preventDefault();
    take(files, "pasted");
  });
}
