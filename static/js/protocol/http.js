// SPDX-License-Identifier: MIT
// The HTTP calls: accounts and the list of rooms.
// @ts-check

import { isRoomName } from './rules.js';

const TIMEOUT_MS = 20_000;

/** An HTTP answer that is not a success. `status` is 0 when no answer came. */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {string} code
   * @param {string} message
   * @param {number} [retrySeconds]  from Retry-After; 0 if the server did not say
   */
  constructor(status, code, message, retrySeconds = 0) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.code = code;
    this.retrySeconds = retrySeconds;
  }
}

/**
 * Retry-After holds seconds or a date.
 * @param {string | null} value
 * @param {number} now  ms
 * @returns {number} seconds, 0 when absent or unreadable
 */
export function retryAfterSeconds(value, now = Date.now()) {
  if (value === null) return 0;
  if (/^\s*\d{1,9}\s*$/.test(value)) return Number(value);
  const at = Date.parse(value);
  return Number.isNaN(at) ? 0 : Math.max(0, Math.ceil((at - now) / 1000));
}

/** @param {string} raw @returns {Record<string, unknown>} empty when it is no JSON object, a proxy's error page say */
function objectOf(raw) {
  try {
    const value = JSON.parse(raw);
    return value !== null && typeof value === 'object' ? value : {};
  } catch {
    return {};
  }
}

/** @param {Record<string, unknown>} answer */
function nameOf({ user }) {
  if (typeof user !== 'string' || user === '') throw new ApiError(0, 'internal', 'unreadable answer');
  return user;
}

/** In a browser the session's token lives in an HttpOnly cookie that comes and goes by itself. */
export class HttpApi {
  #base;
  #fetch;

  /**
   * @param {URL | string} base  the folder the server's calls are in, with a slash at its end
   * @param {{fetch?: (url: URL, request: RequestInit) => Promise<Response>}} [seams]
   */
  constructor(base, { fetch: call } = {}) {
    this.#base = new URL(base);
    // The browser's fetch must be called as a function of the window.
    this.#fetch = call ?? ((/** @type {URL} */ url, /** @type {RequestInit} */ request) => fetch(url, request));
  }

  /** @returns {Promise<string>} the name we are signed in with */
  async me() {
    return nameOf(await this.#call('GET', 'api/v1/me'));
  }

  /** @returns {Promise<string[]>} the rooms we may see; none when the server keeps no list */
  async rooms() {
    let body;
    try {
      body = await this.#call('GET', 'api/v1/rooms');
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return [];
      throw error;
    }
    const list = Array.isArray(body.rooms) ? body.rooms : [];
    return list.map((entry) => entry?.room).filter((room) => typeof room === 'string' && isRoomName(room));
  }

  /**
   * @param {string} user
   * @param {string} password
   */
  register(user, password) {
    return this.#call('POST', 'register', { user, password });
  }

  /**
   * @param {string} user
   * @param {string} password
   */
  login(user, password) {
    return this.#call('POST', 'login', { user, password });
  }

  /**
   * Renews the session in the cookie, without the password.
   * @returns {Promise<string>} the name we are signed in with
   */
  async renew() {
    return nameOf(await this.#call('POST', 'api/v1/session', {}));
  }

  logout() {
    return this.#call('POST', 'logout', {});
  }

  /** Ends all sessions of the account, this one too. */
  logoutAll() {
    return this.#call('POST', 'api/v1/logout-all', {});
  }

  /**
   * Ends all other sessions of the account; this one goes on with a new cookie, its sockets are closed.
   * @param {string} old
   * @param {string} fresh
   */
  changePassword(old, fresh) {
    return this.#call('POST', 'api/v1/password', { old, new: fresh });
  }

  /**
   * @param {'GET' | 'POST'} method
   * @param {string} path
   * @param {object} [body]
   * @returns {Promise<Record<string, unknown>>}
   */
  async #call(method, path, body) {
    const { response, raw } = await this.#exchange(method, path, body);
    const answer = objectOf(raw);
    if (response.ok) return answer;
    const { code, message } = /** @type {Record<string, unknown>} */ (answer.error ?? {});
    throw new ApiError(response.status, typeof code === 'string' ? code : '',
      typeof message === 'string' ? message : '', retryAfterSeconds(response.headers.get('Retry-After')));
  }

  /**
   * @param {'GET' | 'POST'} method
   * @param {string} path
   * @param {object | undefined} body
   */
  async #exchange(method, path, body) {
    /** @type {RequestInit} */
    const request = {
      method, cache: 'no-store', credentials: 'same-origin', signal: AbortSignal.timeout(TIMEOUT_MS),
    };
    if (body !== undefined) {
      request.body = JSON.stringify(body);
      request.headers = { 'Content-Type': 'application/json' };
    }
    try {
      const response = await this.#fetch(new URL(path, this.#base), request);
      return { response, raw: await response.text() };
    } catch (error) {
      throw new ApiError(0, 'unreachable', String(error));
    }
  }
}
