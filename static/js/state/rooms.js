// SPDX-License-Identifier: MIT
// The rooms one is in: which one is looked at, how much is unread in all, what is kept of them over a reload.
// @ts-check

import { RoomState } from './room.js';

/** @typedef {import('./storage.js').Kept} Kept */
/** @typedef {import('./storage.js').KeptMessage} KeptMessage */
/** @typedef {import('./storage.js').KnownRoom} KnownRoom */

export class Rooms {
  /** @type {Map<string, RoomState>} */ #rooms = new Map();
  /** @type {Map<string, KnownRoom>} how far they were read on an earlier visit */ #known = new Map();
  /** @type {Map<string, string>} drafts of rooms; those left keep theirs */ #drafts;
  /** @type {RoomState | null} the one on the screen */ current = null;

  /**
   * @param {Kept} kept
   * @param {(room: string) => {cid: string, firstSentAt: number}[]} waiting  what the protocol has not got rid of
   */
  constructor(kept, waiting) {
    this.kept = kept;
    this.waiting = waiting;
    this.#drafts = kept.drafts();
  }

  /**
   * The rooms of the last visit.
   * @param {string} otherwise  the room of a first visit
   */
  restore(otherwise) {
    const known = this.kept.rooms() ?? [{ room: otherwise, epoch: '', seq: -1 }];
    for (const one of known) {
      this.#known.set(one.room, one);
      this.add(one.room);
    }
  }

  /** @param {string} name */
  get(name) {
    return this.#rooms.get(name);
  }

  /** @param {string} name */
  add(name) {
    const room = new RoomState(name);
    room.draft = this.#drafts.get(name) ?? '';
    this.#rooms.set(name, room);
    return room;
  }

  /** @param {string} name */
  remove(name) {
    if (this.current?.name === name) this.current = null;
    this.#rooms.delete(name);
    this.#known.delete(name);
  }

  /** By name, as people look for them. */
  list() {
    return [...this.#rooms.values()].sort((a, b) => a.name.localeCompare(b.name));
  }

  get unread() {
    return this.list().reduce((total, room) => total + room.unread, 0);
  }

  /**
   * The one before or after the current one, round the ends; null if there is none.
   * @param {1 | -1} step
   * @param {boolean} onlyUnread
   */
  neighbour(step, onlyUnread) {
    const all = this.list();
    const at = all.findIndex((room) => room === this.current);
    // With none open, forward begins with the first and backward with the last.
    const from = at < 0 && step < 0 ? 0 : at;
    for (let far = 1; far <= all.length; far++) {
      const room = all[(from + step * far + all.length * far) % all.length];
      if (room !== undefined && room !== this.current && (!onlyUnread || room.unread > 0)) return room;
    }
    return null;
  }

  /** How far it was read on an earlier visit; -1 when that means nothing now. @param {RoomState} room @param {string} epoch */
  readBefore(room, epoch) {
    const known = this.#known.get(room.name);
    this.#known.delete(room.name);
    return known !== undefined && known.epoch === epoch ? known.seq : -1;
  }

  /** @param {KnownRoom} known  what another window has read */
  readElsewhere(known) {
    const room = this.#rooms.get(known.room);
    if (room === undefined) return;
    if (room.readSeq < 0) this.#known.set(known.room, known);
    else if (room.epoch === known.epoch) room.readUpTo(known.seq);
  }

  /** @param {RoomState} room @param {string} text */
  setDraft(room, text) {
    room.draft = text;
    if (text.trim() === '') this.#drafts.delete(room.name);
    else this.#drafts.set(room.name, text);
  }

  save() {
    if (this.current !== null) this.kept.saveLastRoom(this.current.name);
    this.kept.saveRooms(this.list().map((room) => {
      // Not heard of in this visit: what was known stays true.
      const known = this.#known.get(room.name);
      return known !== undefined ? { ...known, seq: -1 } : { room: room.name, epoch: room.epoch, seq: room.readSeq };
    }));
    this.saveTexts();
  }

  /** What was written and is nowhere else yet. */
  saveTexts() {
    this.kept.saveDrafts(this.#drafts);
    /** @type {Map<string, KeptMessage[]>} */ const outbox = new Map();
    for (const room of this.list()) {
      const sentAt = new Map(this.waiting(room.name).map((item) => [item.cid, item.firstSentAt]));
      const unsent = room.pending.filter((item) => item.phase !== 'sent');
      if (unsent.length === 0) continue;
      outbox.set(room.name, unsent.map(({ cid, text, at, problem }) => ({ cid, text, at, sentAt: sentAt.get(cid) ?? at, problem })));
    }
    this.kept.saveOutbox(outbox);
  }
}
