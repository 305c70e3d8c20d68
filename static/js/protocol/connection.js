// SPDX-License-Identifier: MIT
// A connection that comes back by itself until it is closed, by us or for good.
// @ts-check

import { retryDelay } from './backoff.js';
import { Line } from './line.js';

/** A line that lived this long after hello was a good one: the next loss starts from the short delay. */
const STABLE_MS = 5_000;

/**
 * @typedef {object} ConnectionEvents
 * @property {(status: import('./types.js').Status) => void} onStatus
 * @property {(hello: import('./types.js').Hello) => void} onHello  before status online
 * @property {(line: Line) => void} onOnline  after status online
 * @property {(frame: import('./frames.js').Frame) => void} onFrame
 * @property {() => void} onUnreachable
 */

/** @param {number} code */
function isFinal(code) {
  return code >= 4500 && code <= 4999;
}

export class Connection {
  #url;
  #seams;
  #events;
  /** @type {Line | null} */ #line = null;
  /** @type {unknown} */ #retryTimer;
  /** @type {import('./types.js').Status} */ #status;

  /**
   * @param {URL} base
   * @param {import('./types.js').Seams} seams
   * @param {ConnectionEvents} events
   */
  constructor(base, seams, events) {
    const url = new URL('ws', base);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    this.#url = url.href;
    this.#seams = seams;
    this.#events = events;
    this.#status = Object.freeze({ phase: 'closed', attempt: 0, retryAt: 0, code: 0, reason: '' });
  }

  get status() {
    return this.#status;
  }

  /** @returns {Line | null} null while not online */
  get line() {
    return this.#status.phase === 'online' ? this.#line : null;
  }

  open() {
    if (this.#status.phase !== 'closed') return;
    this.#status = { ...this.#status, attempt: 0 };
    this.#dial();
  }

  close() {
    if (this.#status.phase === 'closed') return;
    const line = this.#line;
    this.#line = null;
    this.#seams.clearTimeout(this.#retryTimer);
    this.#change({ phase: 'closed' });
    line?.close();
  }

  retryNow() {
    if (this.#status.phase !== 'waiting') return;
    this.#seams.clearTimeout(this.#retryTimer);
    this.#dial();
  }

  check() {
    this.line?.check();
  }

  #dial() {
    try {
      const line = new Line(this.#url, this.#seams, {
        onHello: (hello) => this.#greeted(line, hello),
        onFrame: (frame) => this.#events.onFrame(frame),
        onEnd: (end) => this.#ended(line.hasHello, end),
      });
      this.#line = line;
    } catch {
      // The page may not dial this address (https to ws, a policy). To the caller that is an attempt that failed.
      const failed = () => this.#ended(false, { code: 0, reason: '', retryMs: 0 });
      this.#retryTimer = this.#seams.setTimeout(failed, 0);
    }
    this.#change({ phase: 'connecting' });
  }

  /**
   * @param {Line} line
   * @param {import('./types.js').Hello} hello
   */
  #greeted(line, hello) {
    this.#events.onHello(hello);
    if (line !== this.#line) return;
    line.later(STABLE_MS, () => {
      this.#status = Object.freeze({ ...this.#status, attempt: 0 });
    });
    this.#change({ phase: 'online' });
    if (line === this.#line) this.#events.onOnline(line);
  }

  /**
   * @param {boolean} hadHello
   * @param {import('./line.js').End} end
   */
  #ended(hadHello, { code, reason, retryMs }) {
    this.#line = null;
    if (isFinal(code)) {
      this.#change({ phase: 'closed', code, reason });
      return;
    }
    const { attempt } = this.#status;
    const delay = retryDelay(attempt, retryMs, this.#seams.random);
    this.#retryTimer = this.#seams.setTimeout(() => this.#dial(), delay);
    this.#change({ phase: 'waiting', attempt: attempt + 1, retryAt: this.#seams.now() + delay, code, reason });
    if (!hadHello && this.#status.phase !== 'closed') this.#events.onUnreachable();
  }

  /** @param {Partial<import('./types.js').Status>} change */
  #change(change) {
    const { attempt } = this.#status;
    this.#status = Object.freeze({ phase: 'closed', attempt, retryAt: 0, code: 0, reason: '', ...change });
    this.#events.onStatus(this.#status);
  }
}
