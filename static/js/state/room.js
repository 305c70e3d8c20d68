// SPDX-License-Identifier: MIT
// A room: what is in it (history.js), whether we are, how far it was read, and what is being written in it.
// @ts-check

import { History } from './history.js';
import { Typists } from './typists.js';

/** @typedef {import('./history.js').Entry} Entry */
/** @typedef {import('./history.js').Mark} Mark */
/** @typedef {import('./history.js').Pending} Pending */
/** @typedef {import('./history.js').Refusal} Refusal */
/** @typedef {import('../protocol/types.js').Message} Message */
/** @typedef {import('../protocol/types.js').Joined} Joined */

export class RoomState extends History {
  /** @type {'joining' | 'joined' | 'refused'} over a lost connection it stays as it was */ membership = 'joining';
  /** @type {Refusal | null} why we may not enter */ refusal = null;
  draft = '';
  typists = new Typists();
  /** Highest seq that was read; -1 until we know. */ readSeq = -1;
  /** Messages of others after that. */ unread = 0;
  /** There are more of them than were counted. */ unreadMore = false;
  /** The line "new" stands after this seq; -1: nowhere. */ newAfter = -1;
  /** Records up to this one are on their way; 0: none that we know of. */ comingUpTo = 0;
  #wasJoined = false;

  /** @param {string} name */
  constructor(name) {
    super();
    this.name = name;
  }

  get hasMessages() {
    return this.entries.length > 0 || this.pending.length > 0;
  }

  /**
   * @param {Joined} joined
   * @param {number} [readBefore]  how far it was read on an earlier visit; -1: not known
   * @override
   */
  joined(joined, readBefore = -1) {
    this.membership = 'joined';
    this.refusal = null;
    const isOther = joined.epoch !== this.epoch && !joined.recovered;
    if (this.readSeq < 0) this.readSeq = readBefore;
    if (this.readSeq < 0 || this.readSeq > joined.top || (isOther && this.#wasJoined)) this.readSeq = joined.top;
    this.#wasJoined = true;
    this.comingUpTo = 0;
    super.joined(joined);
    if (isOther || this.newAfter > this.readSeq) this.newAfter = -1;
  }

  /** @param {Refusal} refusal */
  refused(refusal) {
    this.membership = 'refused';
    this.refusal = refusal;
    this.changed();
  }

  /** @param {Message} message @param {boolean} own @override */
  add(message, own) {
    // Without a store nothing has a number to compare.
    if (message.seq === 0 && !own) this.unread += 1;
    return super.add(message, own);
  }

  /** @param {number} seq @param {string} epoch @override */
  reset(seq, epoch) {
    this.readSeq = Math.min(this.readSeq, seq);
    this.newAfter = Math.min(this.newAfter, seq);
    super.reset(seq, epoch);
  }

  /** @param {string} cid @param {string} user @param {string} text @param {number} at @override */
  sending(cid, user, text, at) {
    this.newAfter = -1;
    super.sending(cid, user, text, at);
  }

  /** @override */
  changed() {
    super.changed();
    this.#count();
  }

  /** @returns {boolean} true if anything was unread */
  markRead() {
    // Before the join's answer it is not known what there is to read.
    if (this.readSeq < 0) return false;
    const end = Math.max(this.top, this.marks.at(-1)?.to ?? 0);
    const had = this.unread > 0 || this.readSeq < end;
    this.readSeq = Math.max(this.readSeq, end);
    this.unread = 0;
    this.unreadMore = false;
    return had;
  }

  /** Read in another window. @param {number} seq */
  readUpTo(seq) {
    // It may be further than what has come here; the next join sets it right if that was lost.
    if (this.readSeq < 0 || seq <= this.readSeq) return;
    this.readSeq = seq;
    this.changed();
  }

  /** Where the line "new" goes while the room is looked at. */
  placeNewLine() {
    this.newAfter = this.unread > 0 && this.top > 0 ? this.readSeq : -1;
    this.changed();
  }

  forgetNewLine() {
    this.newAfter = -1;
    this.changed();
  }

  #count() {
    if (this.epoch === '' || this.readSeq < 0) return;
    let unread = 0;
    for (let at = this.entries.length - 1; at >= 0; at--) {
      const entry = /** @type {Entry} */ (this.entries[at]);
      if (entry.seq <= this.readSeq) break;
      if (!entry.own) unread += 1;
    }
    for (const mark of this.marks) {
      if (mark.kind === 'gap' && mark.phase !== 'gone') unread += Math.max(0, mark.to - Math.max(mark.from - 1, this.readSeq));
    }
    this.unread = unread;
    this.unreadMore = unread > 0 && this.first > this.readSeq + 1;
  }
}
