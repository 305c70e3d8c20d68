// SPDX-License-Identifier: MIT
// The classic dialect: HTTP calls and one WebSocket per room. Nothing here knows the page.
// @ts-check

/**
 * A message of the room. `seq` is 0 when the server runs without a log, `ts` is 0 when unknown.
 * @typedef {{seq: number, ts: number, user: string, text: string}} Message
 */

/** @typedef {'connecting' | 'online' | 'offline'} ConnectionState */

/**
 * What a connection reports. The connection's own state is up to date before each call.
 * @typedef {object} ConnectionEvents
 * @property {(state: ConnectionState, retrying: boolean) => void} onState
 *     `retrying`: an earlier attempt has failed, or an earlier connection was lost.
 * @property {(message: Message) => void} onMessage  history first (oldest first), then live
 * @property {(user: string, typing: boolean) => void} onTyping
 * @property {(code: string, message: string) => void} onRefused  something we sent was refused
 * @property {() => void} onUnreachable  the upgrade failed; browsers do not say why
 * @property {(code: number) => void} onEnded  closed for good (4500-4999); no reconnect follows
 */

/** Delays before the next attempt, in ms. */
const RETRY_MIN_MS = 500;
const RETRY_MAX_MS = 30_000;
/** A connection that lived this long was a good one: the next failure starts from the short delay. */
const STABLE_MS = 2_000;
const CONNECT_TIMEOUT_MS = 15_000;
const HTTP_TIMEOUT_MS = 20_000;
const ROOM_MAX_BYTES = 64;

/**
 * Full jitter: anything between the minimum and a ceiling that doubles with each attempt.
 * @param {number} attempt  0 for the first retry
 * @param {() => number} [random]
 * @returns {number} ms
 */
export function retryDelay(attempt, random = Math.random) {
  const ceiling = Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** (attempt + 1));
  return RETRY_MIN_MS + random() * (ceiling - RETRY_MIN_MS);
}

/**
 * The server's rule for room names: 1-64 bytes of UTF-8 without control characters, white space, / { }.
 * @param {string} name
 */
export function isRoomName(name) {
  // \p{Cs} is a lone surrogate: it has no UTF-8 form.
  return name !== '' && !/[\p{Cc}\p{Cs}\s/{}]/u.test(name)
    && new TextEncoder().encode(name).length <= ROOM_MAX_BYTES;
}

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

/** The HTTP calls. The session token lives in an HttpOnly cookie that the browser sends by itself. */
export class Api {
  /** @param {URL} base  the address the client is served from */
  constructor(base) {
    this.base = base;
  }

  /** @returns {Promise<string>} the name we are signed in with */
  async me() {
    const body = await this.#call('GET', 'api/v1/me');
    if (typeof body.user !== 'string') throw new ApiError(0, 'internal', 'unreadable answer');
    return body.user;
  }

  /** @returns {Promise<string[]>} the rooms we may see; none when the server keeps no list */
  async rooms() {
    /** @type {Record<string, unknown>} */
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

  logout() {
    return this.#call('POST', 'logout', {});
  }

  /**
   * @param {'GET' | 'POST'} method
   * @param {string} path
   * @param {object} [body]
   * @returns {Promise<Record<string, unknown>>}
   */
  async #call(method, path, body) {
    /** @type {RequestInit} */
    const request = {
      method, cache: 'no-store', credentials: 'same-origin', signal: AbortSignal.timeout(HTTP_TIMEOUT_MS),
    };
    if (body !== undefined) {
      request.body = JSON.stringify(body);
      request.headers = { 'Content-Type': 'application/json' };
    }
    let response;
    /** @type {any} */
    let answer = null;
    try {
      response = await fetch(new URL(path, this.base), request);
      const raw = await response.text();
      try {
        answer = JSON.parse(raw);
      } catch {
        // A proxy's error page; the status says enough.
      }
    } catch (error) {
      throw new ApiError(0, 'unreachable', String(error));
    }
    if (!response.ok) {
      const { code, message } = answer?.error ?? {};
      throw new ApiError(response.status, typeof code === 'string' ? code : '',
        typeof message === 'string' ? message : '', retryAfterSeconds(response.headers.get('Retry-After')));
    }
    return answer !== null && typeof answer === 'object' ? answer : {};
  }
}

/** A room's WebSocket that comes back by itself until it is closed, by us or for good. */
export class RoomConnection {
  /** @type {WebSocket | null} */ #socket = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #timer;
  #room = '';
  #attempt = 0;
  /** A next attempt is coming. */ #waiting = false;
  /** @type {ConnectionState} */ #state = 'offline';

  /**
   * @param {URL} base
   * @param {ConnectionEvents} events
   */
  constructor(base, events) {
    this.base = base;
    this.events = events;
  }

  get state() {
    return this.#state;
  }

  /** @param {string} room */
  open(room) {
    this.close();
    this.#room = room;
    this.#attempt = 0;
    this.#dial();
  }

  /** Ends it without an event. */
  close() {
    clearTimeout(this.#timer);
    this.#waiting = false;
    const socket = this.#socket;
    this.#socket = null;
    this.#state = 'offline';
    socket?.close();
  }

  /** Does not wait for the next attempt; does nothing when none is coming. */
  retryNow() {
    if (!this.#waiting) return;
    clearTimeout(this.#timer);
    this.#dial();
  }

  /** Treats the connection as lost: the other side has fallen silent, and TCP may not say so for minutes. */
  drop() {
    const socket = this.#socket;
    if (socket === null) return;
    this.#socket = null;
    socket.close();
    this.#lost();
  }

  /**
   * @param {string} text
   * @returns {boolean} false: not connected, nothing was sent
   */
  sendText(text) {
    return this.#send({ text, typing: false });
  }

  sendTyping() {
    return this.#send({ typing: true });
  }

  /** @param {object} frame */
  #send(frame) {
    if (this.#state !== 'online' || this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  #dial() {
    const url = new URL(`ws?room=${encodeURIComponent(this.#room)}`, this.base);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    const socket = new WebSocket(url);
    let opened = false;
    this.#waiting = false;
    this.#socket = socket;
    this.#setState('connecting');
    this.#timer = setTimeout(() => this.drop(), CONNECT_TIMEOUT_MS);

    // A socket that was replaced still fires: only the present one counts.
    socket.onopen = () => {
      if (socket !== this.#socket) return;
      opened = true;
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => { this.#attempt = 0; }, STABLE_MS);
      this.#setState('online');
    };
    socket.onmessage = (event) => {
      if (socket === this.#socket) this.#receive(event.data);
    };
    socket.onclose = (event) => {
      if (socket !== this.#socket) return;
      this.#socket = null;
      if (event.code >= 4500 && event.code <= 4999) {
        clearTimeout(this.#timer);
        this.#setState('offline');
        this.events.onEnded(event.code);
        return;
      }
      this.#lost();
      if (!opened) this.events.onUnreachable();
    };
  }

  #lost() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#dial(), retryDelay(this.#attempt));
    this.#attempt += 1;
    this.#waiting = true;
    this.#setState('offline');
  }

  /** @param {ConnectionState} state */
  #setState(state) {
    this.#state = state;
    this.events.onState(state, this.#attempt > 0);
  }

  /** @param {unknown} data */
  #receive(data) {
    /** @type {any} */
    let frame;
    try {
      frame = JSON.parse(String(data));
    } catch {
      return;
    }
    if (frame === null || typeof frame !== 'object') return;
    if (frame.error !== null && typeof frame.error === 'object') {
      const { code, message } = frame.error;
      this.events.onRefused(String(code ?? ''), String(message ?? ''));
      return;
    }
    if (typeof frame.user !== 'string' || frame.user === '') return;
    if (typeof frame.text === 'string' && frame.text !== '') {
      const seq = Number.isSafeInteger(frame.seq) && frame.seq > 0 ? frame.seq : 0;
      // 8.64e15 ms is where Date ends.
      const ts = Number.isFinite(frame.ts) && frame.ts > 0 && frame.ts <= 8.64e15 ? frame.ts : 0;
      this.events.onMessage({ seq, ts, user: frame.user, text: frame.text });
    } else {
      this.events.onTyping(frame.user, frame.typing === true);
    }
  }
}
