// SPDX-License-Identifier: MIT
// What is known of one room: its messages, the holes between them, one's own on their way, what is unread.
// No page, no network: whoever calls says what time it is.
// @ts-check

import { Typists } from './typists.js';

/** @typedef {import('../protocol/types.js').Message} Message */
/** @typedef {import('../protocol/types.js').Joined} Joined */
/** @typedef {import('../protocol/types.js').Page} Page */

/**
 * A message of the log as it is shown. `hole`: without a store, some may be missing before it.
 * @typedef {Message & {key: string, own: boolean, hole: boolean}} Entry
 */

/**
 * One's own message until it comes back in the log. 'sent': the server has it, the log has not brought it yet.
 * @typedef {object} Pending
 * @property {string} key
 * @property {string} cid
 * @property {string} user
 * @property {string} text
 * @property {number} at  when it was written, ms
 * @property {'pending' | 'sent' | 'failed'} phase
 * @property {number} seq  0 until it is sent
 * @property {string} problem  why it failed, for people; '' else
 */

/**
 * Something between the messages, before the record `from`. 'gap': from..to were skipped. 'lost': the store lost
 * `count` that were shown.
 * @typedef {object} Mark
 * @property {'gap' | 'lost'} kind
 * @property {string} key
 * @property {number} from
 * @property {number} to
 * @property {number} count
 * @property {number} filled  records of a gap that came
 * @property {'open' | 'loading' | 'failed' | 'gone'} phase  of a gap; 'gone': the store has none of them
 */

/** @typedef {'idle' | 'joining' | 'joined' | 'refused'} Membership */

/** Entries of the room on the screen; more than that are let go at the old end. */
const KEEP_SHOWN = 20_000;
/** Entries of a room that nobody looks at. */
const KEEP_HIDDEN = 500;

let lastKey = 0;
/** Never the same twice: a number of the log may come again in a new life of the store. */
const newKey = () => `k${++lastKey}`;

export class RoomState {
  /** @param {string} name */
  constructor(name) {
    this.name = name;
    /** @type {Membership} */ this.membership = 'idle';
    /** Why we may not enter; '' while we may. */ this.refusal = '';
    /** @type {Entry[]} by seq; without a store in the order of arrival */ this.entries = [];
    /** @type {Mark[]} by place */ this.marks = [];
    /** @type {Pending[]} */ this.pending = [];
    this.epoch = '';
    /** @type {'unknown' | 'more' | 'loading' | 'failed' | 'none'} what lies before the first entry */
    this.older = 'unknown';
    this.draft = '';
    this.typists = new Typists();

    /** Highest seq that was read; -1 until we know. */ this.readSeq = -1;
    /** Messages of others after that. */ this.unread = 0;
    /** There are more of them than were counted. */ this.unreadMore = false;
    /** The line "new" stands after this seq; -1: nowhere. */ this.newAfter = -1;

    /** Goes up with each change of what is shown. */ this.version = 0;
  }

  /** Something may be missing between what we hold and the next message. */ #torn = false;

  get top() {
    return this.entries.at(-1)?.seq ?? 0;
  }

  get first() {
    return this.entries[0]?.seq ?? 0;
  }

  get hasEntries() {
    return this.entries.length > 0 || this.pending.length > 0;
  }

  // ---- what the server says

  /** @param {Joined} joined */
  joined(joined) {
    this.membership = 'joined';
    this.refusal = '';
    if (this.entries.length > 0 && !joined.recovered) {
      // Numbers of another life of the store say nothing about what we hold.
      if (joined.epoch !== this.epoch) this.#clear();
      else this.#torn = true;
    }
    if (joined.epoch === '') this.#settleSent();
    this.epoch = joined.epoch;
    if (this.readSeq < 0 || this.readSeq > joined.top) this.readSeq = joined.top;
    if (this.older === 'unknown') this.older = joined.top === 0 ? 'none' : 'more';
    this.#changed();
  }

  /**
   * @param {Message} message
   * @param {boolean} own
   * @returns {boolean} false: it was there already
   */
  add(message, own) {
    const { seq } = message;
    if (seq > 0 && this.entries.length > 0 && seq <= this.top) return this.#insert(message, own) > 0;
    if (this.#torn && seq > this.top + 1) this.#mark('gap', this.top + 1, seq - 1);
    if (seq === 1) this.older = 'none';
    this.entries.push({ ...this.#entry(message, own), hole: this.#torn && seq === 0 });
    this.#torn = false;
    this.pending = this.pending.filter((item) => item.seq === 0 || item.seq > seq);
    if (!own && (seq === 0 || seq > this.readSeq)) this.unread += 1;
    this.unreadMore = this.unread > 0 && seq > 0 && this.first > this.readSeq + 1;
    this.#changed();
    return true;
  }

  /** @param {number} from @param {number} to */
  gap(from, to) {
    this.#mark('gap', from, to);
    this.unread += Math.max(0, to - Math.max(from - 1, this.readSeq));
    this.#changed();
  }

  /**
   * The store began a new life: what was after `seq` is void.
   * @param {number} seq @param {string} epoch
   */
  reset(seq, epoch) {
    const kept = this.entries.filter((entry) => entry.seq <= seq);
    const count = this.entries.length - kept.length;
    this.entries = kept;
    this.marks = this.marks.filter((mark) => mark.from <= seq);
    this.epoch = epoch;
    this.readSeq = Math.min(this.readSeq, seq);
    this.newAfter = Math.min(this.newAfter, seq);
    this.recount();
    if (count > 0) this.#mark('lost', seq + 1, seq, count);
    this.#changed();
  }

  // ---- one's own

  /** @param {string} cid @param {string} user @param {string} text @param {number} at */
  sending(cid, user, text, at) {
    this.pending.push({ key: newKey(), cid, user, text, at, phase: 'pending', seq: 0, problem: '' });
    this.newAfter = -1;
    this.#changed();
  }

  /** @param {string} cid @param {number} seq  0 without a store */
  sent(cid, seq) {
    const item = this.pending.find((one) => one.cid === cid);
    if (item === undefined) return;
    // The log has brought everything up to its top; a copy below that would stay for ever.
    if (seq > 0 && seq <= this.top) this.drop(cid);
    else Object.assign(item, { phase: 'sent', seq, problem: '' });
    this.#changed();
  }

  /** @param {string} cid @param {string} problem */
  failed(cid, problem) {
    const item = this.pending.find((one) => one.cid === cid);
    if (item !== undefined) Object.assign(item, { phase: 'failed', problem });
    this.#changed();
  }

  /** @param {string} cid @returns {Pending | undefined} what was taken away */
  drop(cid) {
    const item = this.pending.find((one) => one.cid === cid);
    this.pending = this.pending.filter((one) => one !== item);
    this.#changed();
    return item;
  }

  // ---- pages

  /** @param {'loading' | 'failed' | 'more'} phase */
  olderIs(phase) {
    this.older = phase;
    this.#changed();
  }

  /** A page of what is before the first entry. @param {Page} page @param {(message: Message) => boolean} isOwn */
  addOlder(page, isOwn) {
    const before = this.entries.length > 0 ? this.first : Infinity;
    const entries = page.messages.filter((message) => message.seq < before)
      .map((message) => this.#entry(message, isOwn(message)));
    this.entries = [...entries, ...this.entries];
    this.older = page.more && this.first !== 1 ? 'more' : 'none';
    this.recount();
    this.#changed();
  }

  /** @param {Mark} mark @param {Mark['phase']} phase */
  gapIs(mark, phase) {
    mark.phase = phase;
    this.#changed();
  }

  /**
   * A page of what a gap skipped, from its beginning.
   * @param {Mark} mark @param {Page} page @param {(message: Message) => boolean} isOwn
   * @returns {boolean} true: there is more to load
   */
  fillGap(mark, page, isOwn) {
    if (!this.marks.includes(mark)) return false; // a reset took it away
    const inside = page.messages.filter((message) => message.seq >= mark.from && message.seq <= mark.to);
    for (const message of inside) mark.filled += this.#insert(message, isOwn(message));
    const reached = page.messages.at(-1)?.seq ?? 0;
    const more = page.more && reached < mark.to && page.next > 0;
    if (more) {
      mark.from = Math.max(mark.from, page.next + 1);
      mark.count = mark.to - mark.from + 1;
    } else if (mark.filled > 0) {
      this.marks = this.marks.filter((one) => one !== mark);
    } else {
      mark.phase = 'gone';
    }
    this.recount();
    this.#changed();
    return more;
  }

  // ---- what is read

  /** @returns {boolean} true if anything was unread */
  markRead() {
    const had = this.unread > 0 || this.readSeq < this.top;
    this.readSeq = Math.max(this.readSeq, this.top);
    this.unread = 0;
    this.unreadMore = false;
    return had;
  }

  /** Where the line "new" goes while the room is looked at. */
  placeNewLine() {
    this.newAfter = this.unread > 0 && this.top > 0 ? this.readSeq : -1;
    this.#changed();
  }

  forgetNewLine() {
    this.newAfter = -1;
    this.#changed();
  }

  /** Read elsewhere, or known from an earlier visit. @param {number} seq */
  readUpTo(seq) {
    this.readSeq = Math.max(this.readSeq, seq);
    this.recount();
  }

  recount() {
    if (this.top === 0 || this.readSeq < 0) return;
    this.unread = this.entries.filter((entry) => entry.seq > this.readSeq && !entry.own).length;
    for (const mark of this.marks) {
      if (mark.kind === 'gap' && mark.phase !== 'gone') this.unread += Math.max(0, mark.to - Math.max(mark.from - 1, this.readSeq));
    }
    this.unreadMore = this.unread > 0 && this.first > this.readSeq + 1;
  }

  /** Lets old entries go. @param {boolean} isShown */
  trim(isShown) {
    const keep = isShown ? KEEP_SHOWN : KEEP_HIDDEN;
    if (this.entries.length <= keep) return;
    // A good part at once, so that this does not happen with each message.
    this.entries = this.entries.slice(-Math.ceil(keep * 0.75));
    if (this.first > 0) {
      this.marks = this.marks.filter((mark) => mark.to >= this.first);
      this.older = 'more';
    }
    this.#changed();
  }

  // ---- inside

  #changed() {
    this.version += 1;
  }

  /** Without a store nothing brings again what the server took before the line broke. */
  #settleSent() {
    for (const { cid, user, text, at, phase, key } of this.pending) {
      if (phase === 'sent') this.entries.push({ key, cid, user, text, seq: 0, ts: at, own: true, hole: false });
    }
    this.pending = this.pending.filter((item) => item.phase !== 'sent');
  }

  #clear() {
    const count = this.entries.length;
    this.entries = [];
    this.marks = [];
    this.#mark('lost', 0, -1, count);
    this.older = 'unknown';
    this.readSeq = -1;
    this.unread = 0;
    this.unreadMore = false;
    this.newAfter = -1;
  }

  /** @param {Message} message @param {boolean} own @returns {Entry} */
  #entry(message, own) {
    const mine = own && message.cid !== '' ? this.pending.find((item) => item.cid === message.cid) : undefined;
    if (mine !== undefined) this.pending = this.pending.filter((item) => item !== mine);
    return { ...message, own, key: mine?.key ?? newKey(), hole: false };
  }

  /** @param {Message} message @param {boolean} own @returns {number} 1 if it was put in, 0 if it was there */
  #insert(message, own) {
    const at = this.entries.findLastIndex((entry) => entry.seq <= message.seq);
    if (this.entries[at]?.seq === message.seq) return 0;
    this.entries.splice(at + 1, 0, this.#entry(message, own));
    this.#changed();
    return 1;
  }

  /** @param {Mark['kind']} kind @param {number} from @param {number} to @param {number} [count] */
  #mark(kind, from, to, count = to - from + 1) {
    const at = this.marks.findLastIndex((mark) => mark.from <= from);
    this.marks.splice(at + 1, 0, { kind, key: newKey(), from, to, count, filled: 0, phase: 'open' });
  }
}
