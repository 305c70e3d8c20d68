// SPDX-License-Identifier: MIT
// Pages of a room's history: what is older than what is shown, and what a gap skipped.
// @ts-check

import { ChatError } from '../protocol/chatd.js';

/** @typedef {import('../protocol/chatd.js').ChatClient} ChatClient */
/** @typedef {import('../protocol/types.js').Message} Message */
/** @typedef {import('../state/room.js').RoomState} RoomState */
/** @typedef {import('../state/room.js').Mark} Mark */

const OLDER_PAGE = 100;
const GAP_PAGE = 200;
/** A longer gap is loaded when the person asks for it. */
const GAP_BY_ITSELF = 1_000;
/** Pages loaded for one press of the button. */
const GAP_PAGES = 10;

export class Loader {
  /**
   * @param {ChatClient} client
   * @param {(user: string) => boolean} isOurs
   * @param {(room: RoomState) => void} changed
   */
  constructor(client, isOurs, changed) {
    this.client = client;
    this.changed = changed;
    /** @param {Message} message */
    this.isOwn = (message) => isOurs(message.user);
  }

  /** @param {RoomState} room */
  async older(room) {
    if (room.older !== 'more' && room.older !== 'failed') return;
    const { epoch } = room;
    room.olderIs('loading');
    this.changed(room);
    try {
      const before = room.first;
      const page = await this.client.history(room.name, before > 0 ? { before, limit: OLDER_PAGE } : { limit: OLDER_PAGE });
      if (room.epoch === epoch && page.epoch === epoch) room.addOlder(page, this.isOwn);
      else room.olderIs('more');
    } catch (error) {
      if (!(error instanceof ChatError)) throw error;
      room.olderIs('failed');
    }
    this.changed(room);
  }

  /** What was skipped comes by itself, unless it is very much. @param {RoomState} room */
  fillGaps(room) {
    if (room.marks.length === 0 || this.client.status.phase !== 'online') return;
    for (const mark of room.marks) {
      if (mark.kind !== 'gap' || mark.phase !== 'open' || mark.filled > 0 || mark.count > GAP_BY_ITSELF) continue;
      void this.gap(room, mark);
    }
  }

  /** @param {RoomState} room @param {Mark} mark */
  async gap(room, mark) {
    if (mark.phase === 'loading') return;
    const { epoch } = room;
    room.gapIs(mark, 'loading');
    this.changed(room);
    try {
      for (let pages = 0; pages < GAP_PAGES; pages++) {
        const page = await this.client.history(room.name, { after: mark.from - 1, limit: GAP_PAGE });
        // A store that began a new life meanwhile numbers its records anew.
        if (room.epoch !== epoch || page.epoch !== epoch) {
          room.gapIs(mark, 'failed');
          return;
        }
        if (!room.fillGap(mark, page, this.isOwn)) return;
        this.changed(room);
      }
      room.gapIs(mark, 'open');
    } catch (error) {
      if (!(error instanceof ChatError)) throw error;
      // Cut off: the gap is still there when the line is, and then it is tried again.
      room.gapIs(mark, error.code === 'lost' || error.code === 'offline' ? 'open' : 'failed');
    } finally {
      this.changed(room);
    }
  }
}
