// @ts-check
/**
 * Who is signed in, and the token for the API.
 *
 * Access and ID token stay in memory. The refresh token is in sessionStorage as well, so that a reload does not ask for the
 * password again: that storage is this tab's alone. Nothing is in localStorage or a cookie; a new tab asks those that are
 * open. Why: docs/decisions/0008-the-page-signs-people-in-itself.md and 0021.
 */
import { PoolUnreachable, randomText, TokenRefused, UserPool } from "./user-pool.js";

/**
 * @typedef {import("./user-pool.js").Tokens} Tokens
 * @typedef {"open" | "signed-out" | "signed-in" | "expired"} SessionState
 *   `open` where there is no sign-in; `expired` when it ended while the page was in use
 * @typedef {{owner: string, email: string, refreshToken: string | null}} Stored
 * @typedef {{state: string, verifier: string, hash: string}} Journey to the sign-in pages and back, to this place of the page
 */

const TIMEOUT_MS = 15_000;
const STORED = "mayfly.session";
const JOURNEY = "mayfly.sign-in";
// A lock of each tab that is signed in: a new one knows at once whether there is one to ask. A browser frees it with the tab.
const HELD_WHILE_SIGNED_IN = "mayfly.signed-in";
// A request may take a while to get to where its token is checked.
const RENEW_BEFORE_END_MS = 60_000;
// By the error codes of RFC 6749, section 4.1.2.1.
const REFUSALS = new Map([
  ["access_denied", "The sign-in was refused."],
  ["server_error", "Signing in is not possible at the moment."],
  ["temporarily_unavailable", "Signing in is not possible at the moment."],
]);
export const EXPIRED = "Your sign-in has expired. Sign in again.";

/** The sign-in is over. */
export class SignedOut extends Error {}

/** Whether people sign in here is not known yet. */
export class SettingsUnreachable extends Error {}

/** @param {string} token a JWT @returns {Record<string, any>} its claims; each server verifies the token that it is sent */
function claimsOf(token) {
  const bytes = atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/"));
  return JSON.parse(new TextDecoder().decode(Uint8Array.from(bytes, (char) => char.charCodeAt(0))));
}

/** @param {string} key @returns {any} what is stored under it; null when nothing is */
function stored(key) {
  return JSON.parse(sessionStorage.getItem(key) ?? "null");
}

/** @returns {Promise<boolean>} whether another tab is signed in, or about to be; for one that is not */
export async function isSignedInElsewhere() {
  const { held = [] } = await navigator.locks.query();
  return held.some(({ name }) => name === HELD_WHILE_SIGNED_IN);
}

/** @returns {Promise<any>} what infra/site.py stored; rejects with SettingsUnreachable */
async function settings() {
  try {
    // As index.html preloads it: another cache mode would fetch it twice.
    const response = await fetch("/config.json", { signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (response.ok) return await response.json();
  } catch {
    throw new SettingsUnreachable("The server cannot be reached. Check the connection.");
  }
  throw new SettingsUnreachable("The server is busy or out of order.");
}

/**
 * @param {string} error a key of REFUSALS, or another one
 * @param {string | null} description the user pool's own words
 */
function refusalText(error, description) {
  const why = description ? `The sign-in page says: ${description}` : `(${error})`;
  return `${REFUSALS.get(error) ?? "The sign-in did not work."} ${why}`;
}

/** Fires "change" when its state is another. */
class Session extends EventTarget {
  /** @type {SessionState} */
  state = "signed-out";
  /** Of who is signed in. */
  email = "";
  /** Whether the person may see others' jobs; known with the first token. */
  isAdmin = false;
  /** Why signing in did not work; empty when there is nothing to say. */
  problem = "";
  /** @type {UserPool | null} */
  #pool = null;
  /** @type {string | null} */
  #refreshToken = null;
  /** @type {{token: string, end: number} | null} */
  #access = null;
  /** @type {Promise<string> | null} */
  #renewal = null;
  /** @type {Promise<import("./open-tabs.js").OpenTabs | null> | null} */
  #tabs = null;
  /** Ends the lock of a tab that is signed in. @type {(() => void) | null} */
  #release = null;

  /** @returns {boolean} whether the API can be asked */
  get isUsable() {
    return this.state === "open" || this.state === "signed-in";
  }

  /** @returns {string | undefined} the id of the user who is, or was, signed in in this tab */
  get owner() {
    return stored(STORED)?.owner;
  }

  /** @returns {boolean} whether `start` will probably find a sign-in */
  get isLikely() {
    return Boolean(stored(STORED)?.refreshToken) || new URLSearchParams(location.search).has("code");
  }

  /** Finds out who is signed in, once per page. Rejects with SettingsUnreachable. */
  async start() {
    const config = await settings();
    if (config.auth === "none") {
      this.#become("open");
      return;
    }
    this.#pool = new UserPool(config);
    /** @type {Stored | null} */
    const before = stored(STORED);
    this.#refreshToken = before?.refreshToken ?? null;
    this.email = before?.email ?? "";
    this.#hold(Boolean(this.#refreshToken));
    if (before && !before.refreshToken) this.problem = EXPIRED; // and the page was loaded again since
    await this.#comeBack();
    if (!this.#refreshToken) await this.#adopt();
    this.#become(this.#refreshToken ? "signed-in" : "signed-out");
  }

  /** Leaves for the sign-in pages. */
  async signIn() {
    const journey = { state: randomText(), verifier: randomText(), hash: (location.search.startsWith("?owner=") ? location.search : "") + location.hash };
    const address = await this.#requirePool().signInAddress(journey.state, journey.verifier);
    sessionStorage.setItem(JOURNEY, JSON.stringify(journey));
    location.assign(address);
  }

  /** Signs out here, in this origin's other tabs and, leaving for them, on the sign-in pages. */
  async signOut() {
    const told = this.#openTabs().then((tabs) => tabs?.tellSignedOut());
    await this.#leave(); // here at once, also while that is loaded
    await told;
    location.assign(this.#requirePool().signOutAddress());
  }

  /** @returns {Promise<string | null>} the access token; null where none is needed. Rejects with SignedOut, PoolUnreachable */
  async token() {
    if (this.state === "open") return null;
    if (this.#access && Date.now() < this.#access.end) return this.#access.token;
    return this.#renew();
  }

  /**
   * @param {string} refused the token that the API does not take
   * @returns {Promise<string | null>} another one; rejects as `token` does
   */
  async tokenInPlaceOf(refused) {
    if (this.#access?.token === refused) this.#access = null;
    return this.token();
  }

  /** Notes that the API does not take this person's tokens, not even a new one. */
  expire() {
    this.#access = this.#refreshToken = null;
    if (this.state !== "signed-in") return;
    this.#store();
    this.#become("expired");
  }

  /** Goes on where the way to the sign-in pages began, if the address says that the user comes from there. */
  async #comeBack() {
    const answer = new URLSearchParams(location.search);
    if (!answer.has("code") && !answer.has("error")) return;
    /** @type {Journey | null} */
    const journey = stored(JOURNEY);
    sessionStorage.removeItem(JOURNEY);
    const isOurs = journey !== null && journey.state === answer.get("state");
    // Neither history nor a bookmark shall have the code.
    history.replaceState(null, "", location.pathname + (isOurs ? journey.hash : location.hash));
    if (!isOurs) {
      this.problem = "This sign-in was not started in this tab, or has already ended. Sign in again.";
      return;
    }
    const error = answer.get("error");
    if (error !== null) {
      this.problem = refusalText(error, answer.get("error_description"));
      return;
    }
    try {
      this.#take(await this.#requirePool().exchange(answer.get("code") ?? "", journey.verifier));
    } catch (trouble) {
      if (!(trouble instanceof TokenRefused || trouble instanceof PoolUnreachable)) throw trouble;
      this.problem = trouble instanceof PoolUnreachable ? trouble.message : "The sign-in took too long. Sign in again.";
    }
  }

  /** Takes over the sign-in of another tab, if one has any. */
  async #adopt() {
    const other = (await isSignedInElsewhere()) ? await (await this.#openTabs())?.ask() : null;
    const mine = /** @type {Stored | null} */ (stored(STORED))?.owner;
    if (!other || (mine && mine !== other.owner)) return;
    this.#makeRoomFor(other.owner);
    this.#refreshToken = other.refreshToken;
    this.email = other.email;
    this.problem = "";
    this.#store(other.owner);
  }

  /** Their module is loaded once there is a sign-in, here or elsewhere: a first visit goes without. */
  #openTabs() {
    this.#tabs ??= import("./open-tabs.js").then(({ OpenTabs }) => new OpenTabs({
      current: () => (this.state === "signed-in" ? stored(STORED) : null),
      renewed: (before, now) => {
        if (this.#refreshToken !== before) return;
        this.#refreshToken = now;
        this.#store();
      },
      signedOut: async () => {
        await this.#leave();
        location.reload();
      },
    }), () => (this.#tabs = null)); // no network: the next use tries again
    return this.#tabs;
  }

  /** What another person typed or uploaded in this tab is kept from the next. @param {string} owner */
  #makeRoomFor(owner) {
    const before = /** @type {Stored | null} */ (stored(STORED))?.owner;
    if (before !== owner) sessionStorage.clear();
  }

  /** Calls at the same time share one renewal. @returns {Promise<string>} */
  #renew() {
    this.#renewal ??= this.#askForRenewal().finally(() => (this.#renewal = null));
    return this.#renewal;
  }

  /** @returns {Promise<string>} */
  async #askForRenewal() {
    const used = this.#refreshToken;
    if (!used) throw new SignedOut(EXPIRED);
    try {
      const tokens = await this.#requirePool().renew(used);
      if (!this.#refreshToken) throw new SignedOut(EXPIRED); // signed out meanwhile
      return this.#take(tokens);
    } catch (error) {
      if (!(error instanceof TokenRefused)) throw error;
      if (this.#refreshToken && this.#refreshToken !== used) return this.#askForRenewal();
      this.expire();
      throw new SignedOut(EXPIRED);
    }
  }

  /** @param {Tokens} tokens @returns {string} the access token */
  #take(tokens) {
    const { sub: owner, email, "cognito:groups": groups = [] } = claimsOf(tokens.id_token);
    this.#makeRoomFor(owner);
    this.#access = { token: tokens.access_token, end: Date.now() + tokens.expires_in * 1000 - RENEW_BEFORE_END_MS };
    const before = this.#refreshToken;
    this.#refreshToken = tokens.refresh_token ?? before;
    if (before && this.#refreshToken && this.#refreshToken !== before) this.#tellRenewed(before, this.#refreshToken);
    this.problem = "";
    this.email = String(email ?? "");
    this.#store(owner);
    if (groups.includes("admin") !== this.isAdmin) {
      this.isAdmin = !this.isAdmin;
      this.dispatchEvent(new Event("admin"));
    }
    return tokens.access_token;
  }

  /** @param {string} before @param {string} now the refresh token in its place */
  async #tellRenewed(before, now) {
    (await this.#openTabs())?.tellRenewed(before, now);
  }

  /** @param {string} [owner] */
  #store(owner = stored(STORED)?.owner) {
    sessionStorage.setItem(STORED, JSON.stringify({ owner, email: this.email, refreshToken: this.#refreshToken }));
  }

  /** Forgets everything about who was here, in this tab. */
  async #leave() {
    const refreshToken = this.#refreshToken;
    this.#access = this.#refreshToken = null;
    this.email = this.problem = "";
    sessionStorage.clear();
    this.#become("signed-out");
    if (refreshToken) await this.#requirePool().revoke(refreshToken);
    sessionStorage.clear();
  }

  #requirePool() {
    if (!this.#pool) throw new Error("this stack has no sign-in");
    return this.#pool;
  }

  async #answerOthers() {
    if (this.state !== "signed-in" && !this.#tabs) return;
    await this.#openTabs();
  }

  /** The lock that says so. @param {boolean} isSignedIn whether other tabs may ask this one */
  #hold(isSignedIn) {
    if (isSignedIn === Boolean(this.#release)) return;
    this.#release?.();
    this.#release = null;
    if (!isSignedIn) return;
    const isOver = new Promise((resolve) => (this.#release = () => resolve(null)));
    navigator.locks.request(HELD_WHILE_SIGNED_IN, { mode: "shared" }, () => isOver);
  }

  /** @param {SessionState} state */
  #become(state) {
    this.state = state;
    this.#hold(state === "signed-in");
    this.dispatchEvent(new Event("change"));
    this.#answerOthers();
  }
}

/** This page's. */
export const session = new Session();
