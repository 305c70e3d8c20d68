// SPDX-License-Identifier: MIT
// What outlives the page. Of this browser: settings, the rooms one is in and how far they were read. Of this tab: drafts
// and messages on their way. Never a token: that is in a cookie no script can read.
// @ts-check

/** @typedef {'system' | 'light' | 'dark'} Theme */
/** @typedef {'auto' | 'en' | 'ru'} LanguageChoice */
/** @typedef {{theme: Theme, language: LanguageChoice, sound: boolean, notify: boolean}} Settings */
/** @typedef {{room: string, epoch: string, seq: number}} KnownRoom  read up to `seq` */
/**
 * `sentAt`: when it may have been sent first, 0: never. `problem`: it has failed, and waits for the person.
 * @typedef {{cid: string, text: string, at: number, sentAt: number, problem: import('./history.js').Refusal | null}} KeptMessage
 */

const SETTINGS = 'chatd.settings';
/** Who is signed in: the cookie is one for all windows, and they must agree. */
export const USER = 'chatd.user';

/** @param {string | null | undefined} json @returns {any} null when there is none, or nothing readable */
function parsed(json) {
  try {
    return JSON.parse(json ?? 'null');
  } catch {
    return null;
  }
}

/** @param {Storage | undefined} storage @param {string} key */
function read(storage, key) {
  try {
    return parsed(storage?.getItem(key));
  } catch {
    return null;
  }
}

/**
 * @param {Storage | undefined} storage
 * @param {string} key
 * @param {unknown} value  null takes it away
 */
function write(storage, key, value) {
  try {
    const json = value === null ? null : JSON.stringify(value);
    // Each write wakes the other windows.
    if (json === storage?.getItem(key)) return;
    if (json === null) storage?.removeItem(key);
    else storage?.setItem(key, json);
  } catch {
    // No room left, or a browser that keeps nothing: the page works without.
  }
}

/** A browser may forbid even to look. @param {'localStorage' | 'sessionStorage'} name */
function storageNamed(name) {
  try {
    return globalThis[name];
  } catch {
    return undefined;
  }
}

const browser = storageNamed('localStorage');
const tab = storageNamed('sessionStorage');

/** @returns {Settings} */
export function loadSettings() {
  const kept = read(browser, SETTINGS) ?? {};
  return {
    theme: kept.theme === 'light' || kept.theme === 'dark' ? kept.theme : 'system',
    language: kept.language === 'en' || kept.language === 'ru' ? kept.language : 'auto',
    sound: kept.sound === true,
    notify: kept.notify === true,
  };
}

/** @param {Settings} settings */
export function saveSettings(settings) {
  write(browser, SETTINGS, settings);
}

/** @param {string | null} user  null: nobody any more */
export function saveUser(user) {
  write(browser, USER, user);
}

/** @param {string | null} json @returns {string | null} who, in what another window has written */
export function userIn(json) {
  const user = parsed(json);
  return typeof user === 'string' ? user : null;
}

/** @param {any} kept @returns {KnownRoom[]} */
function knownRooms(kept) {
  if (!Array.isArray(kept)) return [];
  return kept.filter((one) => typeof one?.room === 'string' && typeof one.epoch === 'string' && Number.isSafeInteger(one.seq));
}

/** What is kept for one person; guests share one place. */
export class Kept {
  /** Rooms that we have written. @type {Set<string>} */ #written = new Set();

  /** @param {string} user  '' for a guest */
  constructor(user) {
    this.roomsKey = `chatd.rooms.${user}`;
    this.lastKey = `chatd.last.${user}`;
    this.draftsKey = `chatd.drafts.${user}`;
    this.outboxKey = `chatd.outbox.${user}`;
  }

  /** @returns {KnownRoom[] | null} null on the first visit */
  rooms() {
    const kept = read(browser, this.roomsKey);
    return kept === null ? null : knownRooms(kept);
  }

  /** Other windows have rooms there too, and may have read further. @param {KnownRoom[]} rooms  ours */
  saveRooms(rooms) {
    const all = new Map((this.rooms() ?? []).map((one) => [one.room, one]));
    for (const one of rooms) {
      const there = all.get(one.room);
      // -1: we have not heard from the room yet, and know nothing better.
      const isNewer = one.seq >= 0 && (there?.epoch !== one.epoch || there.seq < one.seq);
      // Gone since we wrote it: another window has left the room, and we are about to hear of it.
      const isLeft = there === undefined && this.#written.has(one.room);
      if (!isLeft && (there === undefined || isNewer)) all.set(one.room, one);
      this.#written.add(one.room);
    }
    write(browser, this.roomsKey, [...all.values()]);
  }

  /** Left in another window, and we stay. @param {string} room */
  keepRoom(room) {
    this.#written.delete(room);
  }

  /** @returns {string} the room looked at last; '' if we do not know */
  lastRoom() {
    const room = read(browser, this.lastKey);
    return typeof room === 'string' ? room : '';
  }

  /** @param {string} room */
  saveLastRoom(room) {
    write(browser, this.lastKey, room);
  }

  /** @param {string} room  we have left it */
  forgetRoom(room) {
    this.#written.delete(room);
    write(browser, this.roomsKey, (this.rooms() ?? []).filter((one) => one.room !== room));
  }

  /**
   * What another window has done.
   * @param {{oldValue: string | null, newValue: string | null}} event
   */
  changes({ oldValue, newValue }) {
    const before = knownRooms(parsed(oldValue));
    const now = knownRooms(parsed(newValue));
    /** @param {KnownRoom[]} some @param {KnownRoom[]} others */
    const without = (some, others) => some.map((one) => one.room).filter((room) => !others.some((one) => one.room === room));
    // Everything gone: the person has told the browser to forget, and not to leave.
    return { joined: without(now, before), left: newValue === null ? [] : without(before, now), read: now };
  }

  /** @returns {Map<string, string>} room -> text */
  drafts() {
    return new Map(Object.entries(read(tab, this.draftsKey) ?? {}).filter((pair) => typeof pair[1] === 'string'));
  }

  /** @param {Map<string, string>} drafts */
  saveDrafts(drafts) {
    write(tab, this.draftsKey, drafts.size > 0 ? Object.fromEntries(drafts) : null);
  }

  /** @returns {Map<string, KeptMessage[]>} room -> messages */
  outbox() {
    /** @type {Map<string, KeptMessage[]>} */ const outbox = new Map();
    for (const [room, kept] of Object.entries(read(tab, this.outboxKey) ?? {})) {
      if (!Array.isArray(kept)) continue;
      outbox.set(room, kept.filter((one) => typeof one?.cid === 'string' && typeof one.text === 'string'
        && Number.isFinite(one.at) && Number.isFinite(one.sentAt)
        && (one.problem === null || typeof one.problem?.code === 'string')));
    }
    return outbox;
  }

  /** @param {Map<string, KeptMessage[]>} outbox */
  saveOutbox(outbox) {
    write(tab, this.outboxKey, outbox.size > 0 ? Object.fromEntries(outbox) : null);
  }

  /** Signed out: what was written is nobody else's. */
  forgetTexts() {
    this.saveDrafts(new Map());
    this.saveOutbox(new Map());
  }
}
