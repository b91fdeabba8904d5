// @ts-check
import { session } from "./session.js";

// The bundle is a classic script and leaves one global behind.
const { SwaggerUIBundle } = /** @type {any} */ (globalThis);
const API = "/api/";

/**
 * Sends the token of whoever is signed in in this tab, unless one was put in by "Authorize".
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

await session.start().catch(() => {}); // then "Authorize" is still there
SwaggerUIBundle({
  url: "/api/openapi.json",
  dom_id: "#docs",
  deepLinking: true,
  validatorUrl: null, // the badge would send the specification's address to another host
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  tryItOutEnabled: false,
  syntaxHighlight: { activated: true, theme: "agate" },
  requestInterceptor: withToken,
});
