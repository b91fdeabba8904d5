// @ts-check
import { announce, el, setText } from "../dom.js";

const COPIED_MS = 3000;

/** @param {(text: string) => void} refused told the link where the browser lets no page copy @returns {HTMLButtonElement} copies the page's address */
export function copyLink(refused) {
  const button = el("button", { class: "link", type: "button", onclick: async () => {
    const { href } = location;
    try {
      await navigator.clipboard.writeText(href);
      setText(button, "Link copied");
      announce("Link copied.");
    } catch {
      refused(`The browser does not let the page copy. The link is: ${href}`);
    }
    setTimeout(() => setText(button, "Copy link"), COPIED_MS);
  } }, "Copy link");
  return button;
}
