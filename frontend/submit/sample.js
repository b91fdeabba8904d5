// @ts-check
/** Something to try Mayfly with. Loaded when it is wanted. */

const LINES = [
  "This file came with Mayfly, to try it with.",
  "A machine was launched for it, and runs a script over it.",
  "The standard script adds your text below this line.",
];

export const SAMPLE_TEXT = "Hello from my first job.";

/** @returns {File} the same each time, so that the form takes it once */
export const sampleFile = () => new File([`${LINES.join("\n")}\n`], "sample.txt", { type: "text/plain", lastModified: 0 });
