// SPDX-License-Identifier: MIT
// What a client knows of one room it wants to be in: whether it is, and its position in the room's records.
// @ts-check

import { readPosition } from './frames.js';

/**
 * - `out`: nothing has been asked for on this line
 * - `joining`: the join is on its way
 * - `later`: it was refused for a while
 * - `in`
 * @typedef {'out' | 'joining' | 'later' | 'in'} MembershipState
 */

export class Membership {
  /** @type {MembershipState} */ state = 'out';
  /** @type {import('./types.js').Position | null} */ position;
  /** Records above this one are live. */ top = 0;
  /** Joins that were refused for a while, in a row. */ attempt = 0;
  /** The server said once that we are in already. */ hadConflict = false;
  /** One of our own messages may be among the records that are still to come. */ mayShowOwn = false;

  /**
   * @param {string} room
   * @param {unknown} since  a position kept from earlier
   */
  constructor(room, since) {
    this.room = room;
    this.position = readPosition(since);
  }

  lineLost() {
    this.state = 'out';
    this.attempt = 0;
    this.hadConflict = false;
  }

  /** @param {import('./types.js').Joined} joined */
  joined(joined) {
    this.lineLost();
    this.state = 'in';
    this.position = readPosition(joined);
    this.top = joined.top;
  }

  /**
   * What a join comes to when the server has us in the room but does not say where: what we know goes on.
   * @returns {import('./types.js').Joined}
   */
  assumed() {
    const { epoch, seq } = this.position ?? { epoch: '', seq: 0 };
    return { epoch, seq, top: seq, recovered: false, resumed: this.position !== null };
  }

  /** @param {number} seq */
  isKnown(seq) {
    return this.position !== null && seq > 0 && seq <= this.position.seq;
  }

  /** @param {number} seq */
  isLive(seq) {
    return this.position === null || seq === 0 || seq > this.top;
  }

  /** @param {number} seq */
  moveTo(seq) {
    if (this.position !== null && seq > this.position.seq) this.position = { epoch: this.position.epoch, seq };
  }

  /** @param {import('./types.js').Position} position */
  reset(position) {
    this.position = position;
    this.top = position.seq;
  }
}
