// SPDX-License-Identifier: MIT
// Reads what the server sends and believes none of it: what comes out has the types that types.js says.
// @ts-check

import { ChatError } from './errors.js';

/** @typedef {Record<string, unknown>} Frame */

/** 8.64e15 ms is where Date ends. */
const TS_MAX = 8.64e15;

/** Arrays may pass: they have none of our members. @param {unknown} value @returns {value is Frame} */
function isObject(value) {
  return value !== null && typeof value === 'object';
}

/** @param {unknown} value @returns {value is number} */
export function isCount(value) {
  return Number.isSafeInteger(value) && /** @type {number} */ (value) >= 0;
}

/** @param {unknown} value */
function countOf(value, otherwise = 0) {
  return isCount(value) ? value : otherwise;
}

/** @param {unknown} value */
function positiveOf(value, otherwise = 0) {
  return isCount(value) && value > 0 ? value : otherwise;
}

/** @param {unknown} value */
export function textOf(value, otherwise = '') {
  return typeof value === 'string' ? value : otherwise;
}

/** @param {unknown} value */
function timeOf(value) {
  return typeof value === 'number' && value > 0 && value <= TS_MAX ? value : 0;
}

/** @param {unknown} data @returns {Frame | null} null: no JSON object */
export function readFrame(data) {
  if (typeof data !== 'string') return null;
  try {
    const frame = JSON.parse(data);
    return isObject(frame) ? frame : null;
  } catch {
    return null;
  }
}

/**
 * Both are by the server's clock; ours may be wrong.
 * @param {Frame} frame
 * @returns {number} how long the session lasts; 0: it has no end, or is over
 */
export function readLeft({ expires, now }) {
  return isCount(expires) && isCount(now) ? Math.max(expires - now, 0) : 0;
}

/** @param {Frame} frame @returns {import('./types.js').Hello} */
export function readHello(frame) {
  const limits = isObject(frame.limits) ? frame.limits : {};
  const features = Array.isArray(frame.features) ? frame.features : [];
  return {
    user: textOf(frame.user),
    session: textOf(frame.session),
    instance: textOf(frame.instance),
    server: textOf(frame.server),
    features: new Set(features.filter((name) => typeof name === 'string')),
    pingMs: positiveOf(frame.ping_ms, 25_000),
    leftMs: readLeft(frame),
    limits: {
      messageBytes: positiveOf(limits.message_bytes, 65_536),
      textBytes: positiveOf(limits.text_bytes, 4_096),
      rooms: positiveOf(limits.rooms, 100),
      resume: countOf(limits.resume, 1_000),
    },
  };
}

/** @param {Frame} frame @returns {{code: number, reason: string, retryMs: number}} */
export function readBye(frame) {
  return { code: countOf(frame.code), reason: textOf(frame.reason), retryMs: countOf(frame.retry_ms) };
}

/** @param {Frame} frame @returns {ChatError} */
export function readError(frame) {
  return new ChatError(textOf(frame.code) || 'internal', textOf(frame.message), {
    temporary: frame.temporary === true,
    retryMs: countOf(frame.retry_ms),
  });
}

/** @param {unknown} value @returns {import('./types.js').Position | null} null: no position */
export function readPosition(value) {
  if (!isObject(value) || typeof value.epoch !== 'string' || value.epoch === '' || !isCount(value.seq)) return null;
  return { epoch: value.epoch, seq: value.seq };
}

/**
 * @param {Frame} ack
 * @param {boolean} resumed
 * @returns {import('./types.js').Joined}
 */
export function readJoined(ack, resumed) {
  const position = readPosition(ack);
  if (position === null) return { epoch: '', seq: 0, top: 0, recovered: false, resumed };
  const top = Math.max(position.seq, countOf(ack.top));
  return { ...position, top, recovered: ack.recovered === true, resumed };
}

/** @param {Frame} ack @returns {import('./types.js').Sent} */
export function readSent(ack) {
  return { seq: countOf(ack.seq), ts: timeOf(ack.ts), duplicate: ack.duplicate === true };
}

/** @param {Frame} frame @returns {number} its `seq`, 0 when it has none; -1: an absurd one */
export function readSeq(frame) {
  return frame.seq === undefined ? 0 : positiveOf(frame.seq, -1);
}

/** @param {Frame} frame  `kind` was looked at before  @returns {import('./types.js').Message | null} */
export function readMessage(frame) {
  const { user, text } = frame;
  const seq = readSeq(frame);
  if (typeof user !== 'string' || user === '' || typeof text !== 'string' || seq < 0) return null;
  return { seq, ts: timeOf(frame.ts), user, text, cid: textOf(frame.cid) };
}

/** @param {Frame} frame @returns {boolean} a record that is more than a text, in a way we do not know */
export function isOtherKind(frame) {
  return frame.kind !== undefined;
}

/** @param {Frame} ack @returns {import('./types.js').Page} */
export function readPage(ack) {
  const rows = (Array.isArray(ack.messages) ? ack.messages : []).filter(isObject);
  const next = positiveOf(ack.next);
  return {
    messages: rows.filter((row) => !isOtherKind(row)).map(readMessage).filter((message) => message !== null),
    epoch: textOf(ack.epoch),
    top: countOf(ack.top),
    more: ack.more === true && next > 0,
    next,
  };
}
