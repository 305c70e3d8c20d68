// SPDX-License-Identifier: MIT
// One WebSocket from dialing to its end: hello, requests and their answers, and whether anybody is still there.
// @ts-check

import { ChatError } from './errors.js';
import { readBye, readError, readFrame, readHello, textOf } from './frames.js';

const SUBPROTOCOL = 'chatd.v1';
const HELLO_TIMEOUT_MS = 15_000;
const ANSWER_TIMEOUT_MS = 15_000;
const CHECK_TIMEOUT_MS = 5_000;
/** A timer this late means that the page was asleep. */
const ASLEEP_MS = 2_000;
const QUIET_MIN_MS = 10_000;
const QUIET_MAX_MS = 600_000;

/** @typedef {import('./frames.js').Frame} Frame */

/**
 * Takes the answer: an ack, or an error and an empty frame.
 * @typedef {(error: ChatError | null, ack: Frame) => void} Answered
 */

/** @typedef {{action: Answered, cancel: () => void}} Pending */

/** @typedef {{code: number, reason: string, retryMs: number}} End */

/**
 * @typedef {object} LineEvents
 * @property {(hello: import('./types.js').Hello) => void} onHello  once, before any onFrame
 * @property {(frame: Frame) => void} onFrame  what comes after it and is no bye and no answer
 * @property {(end: End) => void} onEnd  once, but not after close()
 */

function lost() {
  return new ChatError('lost', 'The connection broke before the answer.', { temporary: true });
}

export class Line {
  #seams;
  #events;
  /** @type {import('./types.js').Socket | null} null: it is over */ #socket = null;
  /** @type {Set<unknown>} */ #timers = new Set();
  /** @type {Map<string, Pending>} */ #pending = new Map();
  #nextId = 1;
  /** How many frames have come. */ #heard = 0;
  #heardAt = 0;
  #isChecking = false;
  #hasHello = false;
  #cancelDial;

  /**
   * @param {string} url
   * @param {import('./types.js').Seams} seams
   * @param {LineEvents} events
   * @throws what the WebSocket's constructor throws
   */
  constructor(url, seams, events) {
    this.#seams = seams;
    this.#events = events;
    const socket = new seams.WebSocket(url, SUBPROTOCOL);
    this.#socket = socket;
    this.#cancelDial = this.later(HELLO_TIMEOUT_MS, () => this.drop());
    // A socket that was given up still fires: nothing of it counts.
    socket.onmessage = (event) => {
      if (socket === this.#socket) this.#receive(event.data);
    };
    socket.onclose = (event) => this.#end({ code: event.code, reason: textOf(event.reason), retryMs: 0 });
    // A close follows, and says more. Outside of browsers an error that nobody listens to ends the process.
    socket.onerror = () => {};
  }

  get isOver() {
    return this.#socket === null;
  }

  get hasHello() {
    return this.#hasHello;
  }

  /**
   * `done` is called once: with the answer, or with `timeout` or `lost`. Answers come in the order of the frames
   * around them, which promises would not keep.
   * @param {Frame} frame
   * @param {Answered} done
   */
  request(frame, done) {
    if (this.isOver) {
      done(lost(), {});
      return;
    }
    const id = this.#drawId();
    const heard = this.#heard;
    const cancel = this.later(ANSWER_TIMEOUT_MS, () => {
      this.#pending.delete(id);
      const isSilent = this.#heard === heard;
      done(new ChatError('timeout', 'The server did not answer in time.', { temporary: true }), {});
      if (isSilent) this.drop();
    });
    this.#pending.set(id, { action: done, cancel });
    this.post({ ...frame, id });
  }

  /** Sends what needs no answer. @param {Frame} frame */
  post(frame) {
    this.#socket?.send(JSON.stringify(frame));
  }

  /**
   * A timer that ends with the line.
   * @param {number} ms
   * @param {() => void} action
   * @returns {() => void} cancels it
   */
  later(ms, action) {
    if (this.isOver) return () => {};
    const timer = this.#seams.setTimeout(() => {
      this.#timers.delete(timer);
      action();
    }, ms);
    this.#timers.add(timer);
    return () => {
      this.#timers.delete(timer);
      this.#seams.clearTimeout(timer);
    };
  }

  /** Asks for a sign of life. TCP may not say for minutes that the other side is gone. */
  check() {
    if (this.#isChecking || this.isOver) return;
    this.#isChecking = true;
    this.#ask(true);
  }

  /** Gives the line up as lost, without waiting for a close, which may come late on a dead line. */
  drop() {
    this.#end({ code: 0, reason: '', retryMs: 0 });
  }

  /** Ends it without onEnd. */
  close() {
    this.#release();
    this.#answerLost();
  }

  /** @param {boolean} isFirst */
  #ask(isFirst) {
    const heard = this.#heard;
    const due = this.#seams.now() + CHECK_TIMEOUT_MS;
    // Whatever the answer is, somebody is there: servers that do not know the type say so.
    this.post({ type: 'ping', id: this.#drawId() });
    this.later(CHECK_TIMEOUT_MS, () => {
      const wasAsleep = this.#seams.now() > due + ASLEEP_MS;
      // What came while the page was asleep may still be queued behind this timer; in a hidden page all are late.
      if (this.#heard !== heard) this.#isChecking = false;
      else if (wasAsleep && isFirst) this.#ask(false);
      else this.drop();
    });
  }

  #drawId() {
    return String(this.#nextId++);
  }

  /** @param {End} end */
  #end(end) {
    if (this.isOver) return;
    this.#release();
    this.#events.onEnd(end);
    this.#answerLost();
  }

  #release() {
    const socket = this.#socket;
    this.#socket = null;
    for (const timer of this.#timers) this.#seams.clearTimeout(timer);
    this.#timers.clear();
    socket?.close();
  }

  #answerLost() {
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { action } of pending) action(lost(), {});
  }

  /** @param {unknown} data */
  #receive(data) {
    this.#heard += 1;
    this.#heardAt = this.#seams.now();
    const frame = readFrame(data);
    if (frame === null) return;
    if (frame.type === 'bye') this.#end(readBye(frame));
    else if (!this.#hasHello) this.#receiveFirst(frame);
    else if (frame.type === 'ack' || frame.type === 'error') this.#receiveAnswer(frame);
    else this.#events.onFrame(frame);
  }

  /** @param {Frame} frame */
  #receiveFirst(frame) {
    if (frame.type !== 'hello') return;
    const hello = readHello(frame);
    this.#hasHello = true;
    this.#cancelDial();
    this.#watchSilence(Math.min(Math.max(hello.pingMs, QUIET_MIN_MS), QUIET_MAX_MS));
    this.#events.onHello(hello);
  }

  /** @param {Frame} frame */
  #receiveAnswer(frame) {
    const id = textOf(frame.id);
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    this.#pending.delete(id);
    pending.cancel();
    if (frame.type === 'ack') pending.action(null, frame);
    else pending.action(readError(frame), {});
  }

  /**
   * The server's own pings do not reach a script. A frame only writes a time; the timer works out what is left.
   * @param {number} quietMs
   */
  #watchSilence(quietMs, leftMs = quietMs) {
    this.later(leftMs, () => {
      const quietSince = this.#seams.now() - this.#heardAt;
      const isQuiet = quietSince >= quietMs || quietSince < 0;
      if (isQuiet) this.check();
      this.#watchSilence(quietMs, isQuiet ? quietMs : quietMs - quietSince);
    });
  }
}
