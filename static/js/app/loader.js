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
/** Pages of a gap loaded for one press of its button. */
const GAP_PAGES = 10;

/** The line broke: it is asked for again when there is one. @param {ChatError} error */
const isCutOff = (error) => error.code === 'lost' || error.code === 'offline';

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
    if ((room.older !== 'more' && room.older !== 'failed') || this.client.status.phase !== 'online') return;
    const { epoch, first } = room;
    const before = room.olderBefore || first;
    room.olderIs('loading');
    this.changed(room);
    try {
      const page = await this.client.history(room.name, before > 0 ? { before, limit: OLDER_PAGE } : { limit: OLDER_PAGE });
      // A reset may have come meanwhile, and other entries be the first ones.
      const isSame = room.epoch === epoch && page.epoch === epoch && room.first === first;
      if (isSame) room.addOlder(page, before || Infinity, this.isOwn);
      else if (/** @type {string} */ (room.older) === 'loading') room.olderIs(page.epoch === room.epoch ? 'more' : 'failed');
    } catch (error) {
      if (!(error instanceof ChatError)) throw error;
      room.olderIs(isCutOff(error) ? 'more' : 'failed');
    }
    this.changed(room);
  }

  /** What was skipped comes by itself, unless it is very much. @param {RoomState} room */
  fillGaps(room) {
    if (room.marks.length === 0 || this.client.status.phase !== 'online') return;
    for (const mark of room.marks) {
      if (mark.kind === 'gap' && mark.phase === 'open') void this.gap(room, mark);
    }
  }

  /** @param {RoomState} room @param {Mark} mark */
  async gap(room, mark) {
    const before = mark.phase;
    if (before === 'loading') return;
    room.gapIs(mark, 'loading');
    this.changed(room);
    try {
      await this.#pagesOf(room, mark);
    } catch (error) {
      if (!(error instanceof ChatError)) throw error;
      room.gapIs(mark, isCutOff(error) ? before : 'failed');
    }
    this.changed(room);
  }

  /** @param {RoomState} room @param {Mark} mark */
  async #pagesOf(room, mark) {
    const { epoch } = room;
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
    room.gapIs(mark, 'held');
  }
}
