// SPDX-License-Identifier: MIT
// Messages on their way, by room and in order, and whether one may still be repeated. Sends nothing itself.
// @ts-check

import { textBytes } from './rules.js';

/** The server knows a repeated cid for ten minutes; the last repeat needs time to get there. */
const REPEAT_MAX_MS = 540_000;
/** A clock may be set back a little. */
const CLOCK_SLACK_MS = 60_000;

/** One message. Its time starts with the first try whose outcome is not known. */
export class Item {
  /** @type {object | null} the try that is on its way */ flight = null;
  /** Our name when it was first sent; '' for one restored after a reload. */ sentAs = '';
  /** Tries that were refused for a while. */ attempt = 0;
  /** It is not its turn before the timer. */ isPaused = false;
  /** It was refused for want of a join that we thought was there. */ wasRejoined = false;
  /** It was on a line that broke, to a server that cannot tell a repeat. */ isHopeless = false;

  /**
   * @param {string} cid
   * @param {string} text
   * @param {number} firstSentAt  0: not yet
   */
  constructor(cid, text, firstSentAt) {
    this.cid = cid;
    this.text = text;
    this.firstSentAt = firstSentAt;
  }

  get mayHaveArrived() {
    return this.firstSentAt > 0;
  }

  /** For one that may have arrived. @param {number} now */
  isTooOld(now) {
    const age = now - this.firstSentAt;
    return age >= REPEAT_MAX_MS || age < -CLOCK_SLACK_MS;
  }

  /** @param {string} room */
  frame(room) {
    return { type: 'message.send', room, text: this.text, cid: this.cid };
  }

  /**
   * @param {string} room
   * @param {import('./types.js').Limits} limits
   */
  isTooLarge(room, limits) {
    // With room for the id.
    return textBytes(this.text) > limits.textBytes
      || textBytes(JSON.stringify(this.frame(room))) + 32 > limits.messageBytes;
  }
}

export class Outbox {
  /** @type {Map<string, Item[]>} */ #rooms = new Map();

  /** The rooms with something in it. */
  get rooms() {
    return [...this.#rooms.keys()];
  }

  /** @param {string} room @returns {Item[]} a copy, oldest first */
  items(room) {
    return [...this.#rooms.get(room) ?? []];
  }

  /** @param {string} room */
  head(room) {
    return this.#rooms.get(room)?.[0];
  }

  /** @param {string} room @param {string} cid */
  find(room, cid) {
    return this.#rooms.get(room)?.find((item) => item.cid === cid);
  }

  /** @param {string} room @param {Item} item */
  add(room, item) {
    const items = this.#rooms.get(room);
    if (items === undefined) this.#rooms.set(room, [item]);
    else items.push(item);
  }

  /** @param {string} room @param {Item} item @returns {boolean} false: it was not there (any more) */
  remove(room, item) {
    const items = this.#rooms.get(room) ?? [];
    const at = items.indexOf(item);
    if (at < 0) return false;
    items.splice(at, 1);
    if (items.length === 0) this.#rooms.delete(room);
    return true;
  }

  /** @param {boolean} canRepeat  the server knows a message by its cid */
  lineLost(canRepeat) {
    for (const item of [...this.#rooms.values()].flat()) {
      if (item.flight !== null && !canRepeat) item.isHopeless = true;
      item.flight = null;
      item.isPaused = false;
    }
  }
}
