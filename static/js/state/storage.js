// SPDX-License-Identifier: MIT
// What outlives the page. Of this browser: settings, the rooms one is in and how far they were read. Of this tab: drafts
// and messages on their way. Never a token: that is in a cookie no script can read.
// @ts-check

/** @typedef {'system' | 'light' | 'dark'} Theme */
/** @typedef {'auto' | 'en' | 'ru'} LanguageChoice */
/** @typedef {{theme: Theme, language: LanguageChoice, sound: boolean, notify: boolean}} Settings */
/** @typedef {{room: string, epoch: string, seq: number}} KnownRoom  read up to `seq` */
/** @typedef {{cid: string, text: string, at: number, sentAt: number}} KeptMessage  sentAt: when it may have been sent first, 0: never */

const SETTINGS = 'chatd.settings';

/**
 * @param {Storage | undefined} storage
 * @param {string} key
 * @returns {any} null when there is none, or nothing readable
 */
function read(storage, key) {
  try {
    return JSON.parse(storage?.getItem(key) ?? 'null');
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
    if (value === null) storage?.removeItem(key);
    else storage?.setItem(key, JSON.stringify(value));
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

/** What is kept for one person; guests share one place. */
export class Kept {
  /** @param {string} user  '' for a guest */
  constructor(user) {
    this.roomsKey = `chatd.rooms.${user}`;
    this.draftsKey = `chatd.drafts.${user}`;
    this.outboxKey = `chatd.outbox.${user}`;
  }

  /** @returns {KnownRoom[] | null} null on the first visit */
  rooms() {
    const kept = read(browser, this.roomsKey);
    if (!Array.isArray(kept)) return null;
    return kept.filter((one) => typeof one?.room === 'string' && typeof one.epoch === 'string' && Number.isSafeInteger(one.seq));
  }

  /** @param {KnownRoom[]} rooms */
  saveRooms(rooms) {
    write(browser, this.roomsKey, rooms);
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
        && Number.isFinite(one.at) && Number.isFinite(one.sentAt)));
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
