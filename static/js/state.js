// SPDX-License-Identifier: MIT
// What the client knows of the room it is in: messages, who is typing, what is on its way. No page, no network.
// @ts-check

/** @typedef {import('./protocol.js').Message} Message */

/**
 * A message as shown. `gap`: messages may be missing just before it.
 * @typedef {Message & {own: boolean, gap: boolean}} Entry
 */

/** What happened to the list: one entry was put at its end, more than that changed, or nothing did. */
/** @typedef {'appended' | 'changed' | 'known'} Change */

const KEEP_MAX = 2000;
const KEEP_AFTER_TRIM = 1500;
const TYPING_EXPIRES_MS = 6_000;
/** The server answers or closes within 5 s; what is silent for longer is not coming. */
export const ANSWER_MAX_MS = 10_000;

/** Who we are. A guest is never told its name and learns it from its first message coming back. */
export class Identity {
  /** @param {string} user  '' for a guest */
  constructor(user) {
    this.guest = user === '';
    this.user = user;
    /** A guest gets another name with each connection; what it wrote under the old one stays its own. */
    this.names = new Set(user === '' ? [] : [user]);
  }

  /** @param {string} user */
  learn(user) {
    this.user = user;
    this.names.add(user);
  }

  /** The server names guests anew at each connection. */
  forgetGuestName() {
    if (this.guest) this.user = '';
  }
}

/** The messages of one room over all connections to it. */
export class RoomLog {
  constructor() {
    /** @type {Entry[]} in order of seq */
    this.entries = [];
    /** Everyone heard of since this connection began, so that a guest does not take a stranger's name. */
    this.heard = new Set();
    /** Highest seq of this connection; 0 before the first. */
    this.connectionTop = 0;
  }

  get top() {
    return this.entries.at(-1)?.seq ?? 0;
  }

  /** A connection has opened; the server sends its latest page again. */
  connectionOpened() {
    this.connectionTop = 0;
    this.heard = new Set(this.entries.map((entry) => entry.user));
  }

  /**
   * @param {Message} message
   * @param {boolean} own
   * @returns {Change}
   */
  add(message, own) {
    this.heard.add(message.user);
    const entry = { ...message, own, gap: false };
    if (message.seq === 0) {
      this.entries.push(entry);
      return 'appended';
    }
    const first = this.connectionTop === 0;
    this.connectionTop = Math.max(this.connectionTop, message.seq);
    const top = this.top;
    if (message.seq > top) {
      // The page begins after all we hold: more was written while we were away than it has room for.
      entry.gap = first && top > 0 && message.seq > top + 1;
      this.entries.push(entry);
      return 'appended';
    }
    const at = this.entries.findLastIndex((held) => held.seq <= message.seq);
    const held = this.entries[at];
    if (held !== undefined && held.seq === message.seq) {
      if (held.user === message.user && held.text === message.text && held.ts === message.ts) return 'known';
      // The same number for another message: the store began anew, and what we hold is of its old life.
      this.entries = [entry];
      return 'changed';
    }
    this.entries.splice(at + 1, 0, entry);
    return 'changed';
  }

  /**
   * The page has come. What we hold after its end is no longer in the store (restored from a backup, say).
   * @returns {boolean} true if entries went away
   */
  pageComplete() {
    if (this.connectionTop === 0 || this.top <= this.connectionTop) return false;
    this.entries = this.entries.filter((entry) => entry.seq <= this.connectionTop);
    return true;
  }

  /** @returns {boolean} true if the oldest entries were let go */
  trim() {
    if (this.entries.length <= KEEP_MAX) return false;
    this.entries = this.entries.slice(-KEEP_AFTER_TRIM);
    return true;
  }
}

/** Who else is typing. Time comes from the caller, in ms. */
export class Typists {
  constructor() {
    /** @type {Map<string, number>} name -> when it expires */
    this.until = new Map();
  }

  /**
   * @param {string} user
   * @param {boolean} typing
   * @param {number} now
   */
  set(user, typing, now) {
    if (typing) this.until.set(user, now + TYPING_EXPIRES_MS);
    else this.until.delete(user);
  }

  /**
   * @param {number} now
   * @returns {string[]} those whose signal has not expired
   */
  names(now) {
    for (const [user, until] of this.until) if (until <= now) this.until.delete(user);
    return [...this.until.keys()];
  }

  clear() {
    this.until.clear();
  }
}

/**
 * Texts sent and not yet seen coming back. The classic dialect has no acknowledgement: the message itself is one.
 */
export class Outbox {
  constructor() {
    /** @type {{text: string, sentAt: number, after: number}[]} `after`: the room's top when it was sent */
    this.waiting = [];
    /** @type {{text: string, after: number}[]} given back when the connection broke */
    this.returned = [];
  }

  /**
   * @param {string} text
   * @param {number} after
   * @param {number} now
   */
  sent(text, after, now) {
    this.waiting.push({ text, sentAt: now, after });
  }

  /** @param {string} text */
  waits(text) {
    return this.waiting.some((item) => item.text === text);
  }

  /**
   * One of our own messages has arrived. A hook may have changed the text; then the oldest is meant.
   * @param {string} text
   */
  arrived(text) {
    const at = this.waiting.findIndex((item) => item.text === text);
    this.waiting.splice(Math.max(at, 0), 1);
  }

  /** @returns {string | undefined} the text that was refused: frames of one connection are handled in order */
  refused() {
    return this.waiting.shift()?.text;
  }

  /** @returns {string[]} what may not have reached the server; the connection is gone */
  giveBack() {
    const texts = this.waiting.map((item) => item.text);
    this.returned.push(...this.waiting);
    this.waiting = [];
    return texts;
  }

  /**
   * A message of the first page after a break.
   * @param {Message} message
   * @returns {boolean} true: it was given back and has arrived after all
   */
  arrivedAfterAll(message) {
    const at = this.returned.findIndex((item) => item.text === message.text && message.seq > item.after);
    if (at < 0) return false;
    this.returned.splice(at, 1);
    return true;
  }

  /** @param {number} now */
  overdue(now) {
    return this.waiting.some((item) => now - item.sentAt >= ANSWER_MAX_MS);
  }

  /** Waits no more for what is overdue. @param {number} now */
  forgetOverdue(now) {
    this.waiting = this.waiting.filter((item) => now - item.sentAt < ANSWER_MAX_MS);
  }
}
