// @ts-check
import { session } from "./sign-in/session.js";

// The bundle is a classic script and leaves one global behind.
const { SwaggerUIBundle } = /** @type {any} */ (globalThis);
const API = "/api/";

/**
 * Sends the token of the user who is signed in in this tab, unless one was put in by "Authorize".
 *
 * @param {{url: string, headers: Record<string, string>}} request
 */
async function withToken(request) {
  const headers = request.headers;
  const isOurs = new URL(request.url, location.origin).href.startsWith(location.origin + API);
  if (!isOurs || !session.isUsable || headers["Authorization"]) return request;
  const token = await session.token().catch(() => null); // without one the answer says what is missing
  if (token) headers["Authorization"] = `Bearer ${token}`;
  return request;
}

/**
 * The path of an operation is a link within a button as it comes, which keyboards and screen readers cannot distinguish.
 *
 * @param {{React: {createElement: (kind: string, props: object | null, ...children: unknown[]) => unknown}}} system
 */
const plainPaths = ({ React }) => ({
  components: { DeepLink: (/** @type {{text: unknown}} */ { text }) => React.createElement("span", null, text) },
});

/** The parts of the page other than its list of operations. */
const PARTS = [
  [".information-container", "About the API"],
  [".scheme-container", "Server and authorization"],
];

/** Names what Swagger UI leaves without a name, lets keyboards scroll, and has headings follow without a gap. */
function name() {
  for (const [selector, label] of PARTS) {
    for (const part of document.querySelectorAll(`#docs ${selector}:not([role])`)) {
      part.setAttribute("role", "region");
      part.setAttribute("aria-label", label);
    }
  }
  for (const select of document.querySelectorAll("#docs select:not([aria-label])")) {
    select.setAttribute("aria-label", select.id === "servers" ? "Server" : "Choose what is shown");
  }
  for (const example of document.querySelectorAll("#docs pre.microlight:not([tabindex])")) {
    example.setAttribute("tabindex", "0");
  }
  for (const heading of document.querySelectorAll("#docs :is(h3, h4, h5):not([aria-level])")) {
    heading.setAttribute("aria-level", String(Number(heading.tagName[1]) - 1));
  }
}

new MutationObserver(name).observe(document.body, { childList: true, subtree: true });
await session.start().catch(() => {}); // then "Authorize" is still there
SwaggerUIBundle({
  url: "/api/openapi.json",
  dom_id: "#docs",
  deepLinking: true,
  validatorUrl: null, // the badge would send the specification's address to another host
  presets: [SwaggerUIBundle.presets.apis],
  plugins: [plainPaths],
  layout: "BaseLayout",
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  tryItOutEnabled: false,
  syntaxHighlight: { activated: true, theme: "tomorrow-night" },
  requestInterceptor: withToken,
});
