// @ts-check

/**
 * @typedef {{domain: string, client_id: string, scope: string}} PoolSettings as /config.json has them
 * @typedef {{access_token: string, id_token: string, refresh_token?: string, expires_in: number}} Tokens
 */

const TIMEOUT_MS = 15_000;
const REVOKE_WITHIN_MS = 2000;

/** The user pool does not give tokens for this, however often it is asked. */
export class TokenRefused extends Error {}

/** The user pool cannot be asked now. */
export class PoolUnreachable extends Error {}

/** @param {Uint8Array} bytes @returns {string} base64url without padding (RFC 7636, appendix A) */
function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** @returns {string} 256 random bits, for a `state` or a code verifier */
export const randomText = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

/** @param {string} verifier @returns {Promise<string>} its S256 code challenge */
async function challengeOf(verifier) {
  return base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))));
}

/** The endpoints of a Cognito user pool as a public client uses them: authorization code grant with PKCE. */
export class UserPool {
  #domain;
  #client;
  #scope;

  /** @param {PoolSettings} settings */
  constructor({ domain, client_id: client, scope }) {
    this.#domain = domain;
    this.#client = client;
    this.#scope = scope;
  }

  /**
   * @param {string} state
   * @param {string} verifier
   * @returns {Promise<string>} where people sign in; they come back to this origin
   */
  async signInAddress(state, verifier) {
    return this.#address("/oauth2/authorize", {
      response_type: "code",
      redirect_uri: location.origin,
      scope: this.#scope,
      state,
      code_challenge: await challengeOf(verifier),
      code_challenge_method: "S256",
    });
  }

  /** @returns {string} where the pool's own session ends; people come back to this origin */
  signOutAddress() {
    return this.#address("/logout", { logout_uri: location.origin });
  }

  /**
   * @param {string} code
   * @param {string} verifier
   * @returns {Promise<Tokens>} rejects with TokenRefused or PoolUnreachable
   */
  exchange(code, verifier) {
    return this.#ask({ grant_type: "authorization_code", code, code_verifier: verifier, redirect_uri: location.origin });
  }

  /** @param {string} refreshToken @returns {Promise<Tokens>} rejects with TokenRefused or PoolUnreachable */
  renew(refreshToken) {
    return this.#ask({ grant_type: "refresh_token", refresh_token: refreshToken });
  }

  /**
   * Makes the refresh token worthless, if the pool can be reached.
   *
   * @param {string} refreshToken
   */
  async revoke(refreshToken) {
    await fetch(`${this.#domain}/oauth2/revoke`, {
      method: "POST",
      body: new URLSearchParams({ client_id: this.#client, token: refreshToken }),
      mode: "no-cors", // nothing in the answer is of use, so none of its headers is needed
      credentials: "omit",
      keepalive: true, // goes on when the page is left
      signal: AbortSignal.timeout(REVOKE_WITHIN_MS),
    }).catch(() => {});
  }

  /**
   * @param {string} path
   * @param {Record<string, string>} query
   */
  #address(path, query) {
    return `${this.#domain}${path}?${new URLSearchParams({ client_id: this.#client, ...query })}`;
  }

  /** @param {Record<string, string>} grant @returns {Promise<Tokens>} */
  async #ask(grant) {
    /** @type {Response} */
    let response;
    try {
      response = await fetch(`${this.#domain}/oauth2/token`, {
        method: "POST",
        body: new URLSearchParams({ client_id: this.#client, ...grant }),
        credentials: "omit",
        cache: "no-store",
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      if (response.ok) return await response.json();
    } catch {
      throw new PoolUnreachable("Signing in is not possible now: the server cannot be reached. Check the connection.");
    }
    if (response.status === 429 || response.status >= 500) {
      throw new PoolUnreachable("Signing in is not possible now: the server is busy or out of order.");
    }
    throw new TokenRefused((await response.json().catch(() => ({})))?.error ?? `status ${response.status}`);
  }
}
