// SPDX-License-Identifier: MIT
// What is in a room, as far as we hold it: messages, the holes between them, one's own on their way. No page, no
// network: whoever calls says what time it is.
// @ts-check

/** @typedef {import('../protocol/types.js').Message} Message */
/** @typedef {import('../protocol/types.js').Joined} Joined */
/** @typedef {import('../protocol/types.js').Page} Page */

/**
 * A message of the log as it is shown. `hole`: without a store, some may be missing before it.
 * @typedef {Message & {key: string, own: boolean, hole: boolean}} Entry
 */

/** Why something was refused: a code of the protocol, and the server's words. @typedef {{code: string, message: string}} Refusal */

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
 * @property {Refusal | null} problem  why it failed
 */

/**
 * Something between the messages, before the record `from`. 'gap': `count` records up to `to` were skipped. 'lost': the
 * store lost `count` that were shown.
 * @typedef {object} Mark
 * @property {'gap' | 'lost'} kind
 * @property {string} key
 * @property {number} start  where a gap began before a part of it came
 * @property {number} from
 * @property {number} to
 * @property {number} count
 * @property {'open' | 'held' | 'loading' | 'failed' | 'gone'} phase  of a gap. 'open': loaded by itself; 'held': when
 *     the person asks for it; 'gone': the store has none of it
 */

/** Entries of the room on the screen; more than that are let go at the old end. */
const KEEP_SHOWN = 20_000;
/** Entries of a room that nobody looks at. */
const KEEP_HIDDEN = 2_000;
/** A longer gap is loaded when the person asks for it. */
const GAP_BY_ITSELF = 1_000;

let lastKey = 0;
/** Never the same twice: a number of the log may come again in a new life of the store. */
const newKey = () => `k${++lastKey}`;

export class History {
  /** @type {Entry[]} by seq; without a store in the order of arrival */ entries = [];
  /** @type {Mark[]} by place */ marks = [];
  /** @type {Pending[]} */ pending = [];
  epoch = '';
  /** @type {'unknown' | 'more' | 'loading' | 'failed' | 'none'} what lies before the first entry */ older = 'unknown';
  /** The `before` to ask for it with; 0: the first entry's seq. A page may hold less than it covers. */ olderBefore = 0;
  /** Goes up with each change of what is shown. */ version = 0;
  /** Something may be missing between what we hold and the next message. */ #torn = false;

  get top() {
    return this.entries.at(-1)?.seq ?? 0;
  }

  get first() {
    return this.entries[0]?.seq ?? 0;
  }

  // ---- what the server says

  /** @param {Joined} joined */
  joined(joined) {
    if (this.entries.length > 0 && !joined.recovered) {
      // Numbers of another life of the store say nothing about what we hold.
      if (joined.epoch !== this.epoch) this.#clear();
      else this.#torn = true;
    }
    if (joined.epoch === '') this.#settleSent();
    this.epoch = joined.epoch;
    if (this.entries.length === 0) this.#olderFrom(joined.top);
    this.changed();
  }

  /**
   * @param {Message} message
   * @param {boolean} own
   * @returns {boolean} false: it was there already
   */
  add(message, own) {
    const { seq } = message;
    if (seq > 0 && this.entries.length > 0 && seq <= this.top) return this.#insert(message, own);
    if (this.#torn) {
      // A gap may stand there already.
      const from = Math.max(this.top, this.marks.at(-1)?.to ?? 0) + 1;
      if (seq > from) this.#mark('gap', from, seq - 1);
    }
    if (seq === 1) this.older = 'none';
    this.entries.push({ ...this.#entry(message, own), hole: this.#torn && seq === 0 });
    this.#torn = false;
    this.pending = this.pending.filter((item) => item.seq === 0 || item.seq > seq);
    this.changed();
    return true;
  }

  /** @param {number} from @param {number} to */
  gap(from, to) {
    this.#mark('gap', from, to);
    this.changed();
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
    for (const mark of this.marks) {
      if (mark.kind !== 'gap' || mark.to <= seq) continue;
      mark.to = seq;
      mark.count = mark.to - mark.from + 1;
    }
    this.#voidSent(seq);
    this.epoch = epoch;
    if (kept.length === 0) this.#olderFrom(seq);
    if (count > 0) this.#mark('lost', seq + 1, seq, count);
    this.changed();
  }

  // ---- one's own

  /** @param {string} cid @param {string} user @param {string} text @param {number} at */
  sending(cid, user, text, at) {
    this.pending.push({ key: newKey(), cid, user, text, at, phase: 'pending', seq: 0, problem: null });
    this.changed();
  }

  /** @param {string} cid @param {number} seq  0 without a store */
  sent(cid, seq) {
    const item = this.pending.find((one) => one.cid === cid);
    if (item === undefined) return;
    // The log has brought everything up to its top; a copy below that would stay for ever.
    if (seq > 0 && seq <= this.top) this.drop(cid);
    else Object.assign(item, { phase: 'sent', seq, problem: null });
    this.changed();
  }

  /** @param {string} cid @param {Refusal} problem */
  failed(cid, problem) {
    const item = this.pending.find((one) => one.cid === cid);
    if (item !== undefined) Object.assign(item, { phase: 'failed', problem });
    this.changed();
  }

  /** @param {string} cid @returns {Pending | undefined} what was taken away */
  drop(cid) {
    const item = this.pending.find((one) => one.cid === cid);
    this.pending = this.pending.filter((one) => one !== item);
    this.changed();
    return item;
  }

  // ---- pages

  /** @param {History['older']} phase */
  olderIs(phase) {
    this.older = phase;
    this.changed();
  }

  /**
   * A page of what was before `before`.
   * @param {Page} page @param {number} before  Infinity: the latest page @param {(message: Message) => boolean} isOwn
   */
  addOlder(page, before, isOwn) {
    const entries = page.messages.filter((message) => message.seq < Math.min(before, this.first || Infinity))
      .map((message) => this.#entry(message, isOwn(message)));
    this.entries = [...entries, ...this.entries];
    this.olderBefore = page.next;
    // A server that says "more" and leads nowhere must not be asked for ever.
    const leadsOn = page.more && page.next > 1 && page.next < before;
    this.older = leadsOn && this.first !== 1 ? 'more' : 'none';
    this.changed();
  }

  /** @param {Mark} mark @param {Mark['phase']} phase */
  gapIs(mark, phase) {
    mark.phase = phase;
    this.changed();
  }

  /**
   * A page of what a gap skipped, from its beginning.
   * @param {Mark} mark @param {Page} page @param {(message: Message) => boolean} isOwn
   * @returns {boolean} true: there is more to load
   */
  fillGap(mark, page, isOwn) {
    if (!this.marks.includes(mark)) return false; // a reset took it away
    for (const message of page.messages) {
      if (message.seq >= mark.from && message.seq <= mark.to) this.#insert(message, isOwn(message));
    }
    const leadsOn = page.more && page.next >= mark.from && page.next < mark.to;
    if (leadsOn) {
      mark.from = page.next + 1;
      mark.count = mark.to - mark.from + 1;
    } else if (this.entries.some((entry) => entry.seq >= mark.start && entry.seq <= mark.to)) {
      this.marks = this.marks.filter((one) => one !== mark);
    } else {
      mark.phase = 'gone';
    }
    this.changed();
    return leadsOn;
  }

  /** Lets old entries go. @param {boolean} isShown */
  trim(isShown) {
    const keep = isShown ? KEEP_SHOWN : KEEP_HIDDEN;
    const isLoading = this.older === 'loading' || this.marks.some((mark) => mark.phase === 'loading');
    if (this.entries.length <= keep || isLoading) return;
    // A good part at once, so that this does not happen with each message.
    this.entries = this.entries.slice(-Math.ceil(keep * 0.75));
    if (this.first > 0) {
      this.marks = this.marks.filter((mark) => mark.to >= this.first);
      this.older = 'more';
      this.olderBefore = 0;
    }
    this.changed();
  }

  /** To be called after each change of what is shown. */
  changed() {
    this.version += 1;
  }

  // ---- inside

  /** Without a store nothing brings again what the server took before the line broke. */
  #settleSent() {
    for (const { cid, user, text, at, phase, key } of this.pending) {
      if (phase === 'sent') this.entries.push({ key, cid, user, text, seq: 0, ts: at, own: true, hole: false });
    }
    this.pending = this.pending.filter((item) => item.phase !== 'sent');
  }

  /** With nothing held: whether the store has anything up to `top`. @param {number} top */
  #olderFrom(top) {
    this.older = top > 0 ? 'more' : 'none';
    this.olderBefore = 0;
  }

  /** The store may have lost what it had acknowledged. @param {number} seq  after this one */
  #voidSent(seq) {
    for (const item of this.pending) {
      if (item.phase === 'sent' && item.seq > seq) Object.assign(item, { phase: 'failed', seq: 0, problem: { code: 'unknown', message: '' } });
    }
  }

  #clear() {
    this.#voidSent(0);
    const count = this.entries.length;
    this.entries = [];
    this.marks = [];
    this.#mark('lost', 0, -1, count);
  }

  /** @param {Message} message @param {boolean} own @returns {Entry} */
  #entry(message, own) {
    const mine = own && message.cid !== '' ? this.pending.find((item) => item.cid === message.cid) : undefined;
    if (mine !== undefined) this.pending = this.pending.filter((item) => item !== mine);
    return { ...message, own, key: mine?.key ?? newKey(), hole: false };
  }

  /** @param {Message} message @param {boolean} own @returns {boolean} false: it was there */
  #insert(message, own) {
    const at = this.entries.findLastIndex((entry) => entry.seq <= message.seq);
    if (this.entries[at]?.seq === message.seq) return false;
    this.entries.splice(at + 1, 0, this.#entry(message, own));
    this.changed();
    return true;
  }

  /** @param {Mark['kind']} kind @param {number} from @param {number} to @param {number} [count] */
  #mark(kind, from, to, count = to - from + 1) {
    const at = this.marks.findLastIndex((mark) => mark.from <= from);
    const phase = count > GAP_BY_ITSELF ? 'held' : 'open';
    this.marks.splice(at + 1, 0, { kind, key: newKey(), start: from, from, to, count, phase });
  }
}
