// SPDX-License-Identifier: MIT
// The rows of a room's list: what stands under what, with day lines, groups and marks. Pure.
// @ts-check

/** @typedef {import('./room.js').RoomState} RoomState */
/** @typedef {import('./room.js').Entry} Entry */
/** @typedef {import('./room.js').Pending} Pending */
/** @typedef {import('./room.js').Mark} Mark */

/**
 * A row. `key` stays with it; a row whose `look` is the same looks the same.
 * @typedef {{key: string, look: string} & (
 *   {kind: 'older', phase: RoomState['older']} |
 *   {kind: 'start', isWhole: boolean} |
 *   {kind: 'day', ts: number} |
 *   {kind: 'hole'} |
 *   {kind: 'new'} |
 *   {kind: 'mark', mark: Mark} |
 *   {kind: 'message', entry: Entry, grouped: boolean} |
 *   {kind: 'pending', pending: Pending, grouped: boolean}
 * )} Row
 */

/** Messages of one author closer than this are one group. */
const GROUP_MS = 5 * 60_000;

/** Tells whether two times lie on one local day; asks the calendar once a day's run, not once a message. */
class Days {
  #begin = 0;
  #end = 0;

  /** @param {number} ts @returns {boolean} false: another day than the one asked before */
  isSame(ts) {
    if (ts >= this.#begin && ts < this.#end) return true;
    const date = new Date(ts);
    date.setHours(0, 0, 0, 0);
    this.#begin = date.getTime();
    date.setDate(date.getDate() + 1);
    this.#end = date.getTime();
    return false;
  }
}

/**
 * @param {RoomState} room
 * @returns {Row[]}
 */
export function rowsOf(room) {
  /** @type {Row[]} */ const rows = [];
  const days = new Days();
  /** Author and time of the message just above; '' after anything else. */
  let author = '';
  let time = 0;
  let at = 0; // in the marks
  let newLine = room.newAfter >= 0;

  /** @param {Row} row */
  const line = (row) => {
    rows.push(row);
    author = '';
  };
  /** @param {number} ts @param {string} key */
  const day = (ts, key) => {
    if (ts > 0 && !days.isSame(ts)) line({ kind: 'day', key: `d${key}`, look: String(ts), ts });
  };
  /** @param {string} user @param {number} ts */
  const isGrouped = (user, ts) => {
    const grouped = author === user && Math.abs(ts - time) < GROUP_MS;
    author = user;
    time = ts;
    return grouped;
  };
  /** @param {number} seq  marks up to here */
  const marks = (seq) => {
    for (let mark = room.marks[at]; mark !== undefined && mark.from <= seq; mark = room.marks[++at]) {
      line({ kind: 'mark', key: mark.key, look: `${mark.phase} ${mark.count}`, mark });
    }
  };

  if (room.older === 'none') {
    if (room.entries.length > 0 && room.first > 0) {
      const isWhole = room.first === 1;
      line({ kind: 'start', key: 'start', look: String(isWhole), isWhole });
    }
  } else if (room.older !== 'unknown') {
    line({ kind: 'older', key: 'older', look: room.older, phase: room.older });
  }
  for (const entry of room.entries) {
    marks(entry.seq);
    if (entry.hole) line({ kind: 'hole', key: `h${entry.key}`, look: '' });
    day(entry.ts, entry.key);
    if (newLine && entry.seq > room.newAfter && !entry.own) {
      newLine = false;
      line({ kind: 'new', key: 'new', look: '' });
    }
    const grouped = isGrouped(entry.user, entry.ts);
    rows.push({ kind: 'message', key: entry.key, look: `m${grouped}`, entry, grouped });
  }
  marks(Infinity);
  for (const pending of room.pending) {
    day(pending.at, pending.key);
    const grouped = isGrouped(pending.user, pending.at);
    rows.push({ kind: 'pending', key: pending.key, look: `${pending.phase} ${grouped} ${pending.problem?.code} ${pending.problem?.message}`, pending, grouped });
  }
  return rows;
}
