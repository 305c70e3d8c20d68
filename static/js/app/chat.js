// SPDX-License-Identifier: MIT
// One person's chat, from signing in to signing out: what they do goes to the protocol and the state, and what has
// changed goes to the page. What the server says comes in server-events.js.
// @ts-check

import { ChatClient, isRoomName, newCid } from '../protocol/chatd.js';
import { Rooms } from '../state/rooms.js';
import { Kept } from '../state/storage.js';
import { t } from '../view/i18n.js';
import { joinRefusalText, statusText } from '../view/words.js';
import { addressOf, roomFromAddress } from './address.js';
import { Loader } from './loader.js';
import { ServerEvents } from './server-events.js';

/** @typedef {import('../protocol/chatd.js').HttpApi} HttpApi */
/** @typedef {import('../protocol/types.js').Message} Message */
/** @typedef {import('../state/room.js').RoomState} RoomState */
/** @typedef {import('../view/page.js').Page} Page */

/**
 * @typedef {object} ChatEvents
 * @property {() => void} onSessionEnded
 * @property {() => void} onUnreachable  no upgrade; the session may be over
 * @property {(user: string) => void} onOtherUser  the server knows us by another name
 * @property {(room: RoomState, message: Message) => void} onUnseen  somebody wrote what nobody looked at
 */

const DEFAULT_ROOM = 'general';
const TYPING_EVERY_MS = 3_000;
const TYPISTS_EVERY_MS = 500;
const ROOMS_EVERY_MS = 20_000;
/** Lists are repainted and kept once for all changes of so long. */
const PAINT_AFTER_MS = 30;
const SAVE_AFTER_MS = 300;
/** Whoever reads a message in another window has this long to. */
const ALERT_AFTER_MS = 1_000;

export class Chat {
  /** Our names: a guest gets another one with each connection. @type {Set<string>} */ names = new Set();
  #typingSentAt = 0;
  /** @type {Map<string, ReturnType<typeof setTimeout>>} */ #timers = new Map();
  #isOver = false;

  /**
   * @param {URL} base
   * @param {string} user  '' for a guest
   * @param {HttpApi} api
   * @param {Page} page
   * @param {ChatEvents} events
   */
  constructor(base, user, api, page, events) {
    this.user = user;
    this.api = api;
    this.page = page;
    this.events = events;
    this.client = new ChatClient(base, new ServerEvents(this).callbacks);
    this.rooms = new Rooms(new Kept(user), (room) => this.client.waiting(room));
    this.loader = new Loader(this.client, (name) => this.names.has(name), (room) => this.changed(room));
  }

  get isOver() {
    return this.#isOver;
  }

  start() {
    if (this.user !== '') this.names.add(this.user);
    this.page.showChat(this.user === '' ? t('guest') : this.user, this.user === '');
    this.rooms.restore(DEFAULT_ROOM);
    this.#restoreMessages();
    for (const room of this.rooms.list()) this.client.join(room.name);
    this.openAddress();
    this.client.open();
    this.#every('rooms', ROOMS_EVERY_MS, () => {
      if (!document.hidden && this.client.status.phase === 'online') void this.refreshRooms();
    });
  }

  /** @param {boolean} forgetTexts  drafts and what was not sent */
  stop(forgetTexts) {
    this.#isOver = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.rooms.save();
    if (forgetTexts) this.rooms.kept.forgetTexts();
    this.client.close();
    // The next person's chat begins in a room of their own.
    history.replaceState(null, '', '#');
    this.page.rooms.showJoined([], '');
    this.page.rooms.showKnown([]);
    this.page.showRoom(null, '');
    this.page.showUnread(0);
  }

  save() {
    this.rooms.save();
  }

  // ---- rooms

  /** The room of the address, or else the one looked at last. */
  openAddress() {
    const name = roomFromAddress();
    const first = this.rooms.get(this.rooms.kept.lastRoom()) ?? this.rooms.get(DEFAULT_ROOM) ?? this.rooms.list()[0];
    if (name !== '') this.#open(name);
    else if (first !== undefined) this.#open(first.name);
    else this.#show(null);
  }

  /** @param {string} name  as typed */
  choose(name) {
    if (!isRoomName(name)) {
      this.page.rooms.error(t('badRoom'));
      return;
    }
    // A step in the browser's history, so that "back" leads to the room before.
    if (roomFromAddress() !== name) history.pushState(null, '', addressOf(name));
    this.#open(name);
  }

  /** @param {1 | -1} step @param {boolean} onlyUnread */
  step(step, onlyUnread) {
    const room = this.rooms.neighbour(step, onlyUnread);
    if (room !== null) this.choose(room.name);
  }

  leaveCurrent() {
    const room = this.rooms.current;
    if (room === null) return;
    this.#leave(room);
    this.rooms.kept.forgetRoom(room.name);
    this.page.toRoom();
    this.page.messages.announce(t('roomLeft', { room: room.name }));
    void this.refreshRooms();
  }

  async refreshRooms() {
    try {
      const rooms = await this.api.rooms();
      if (!this.#isOver) this.page.rooms.showKnown(rooms);
    } catch {
      // The list stays as it was; the connection's state says what is wrong.
    }
  }

  /** Another window of this browser has joined, left, or read. @param {StorageEvent} event */
  otherWindow(event) {
    if (event.key !== this.rooms.kept.roomsKey) return;
    const { joined, left, read } = this.rooms.kept.changes(event);
    for (const name of joined) {
      if (this.rooms.get(name) !== undefined) continue;
      this.rooms.add(name);
      this.client.join(name);
    }
    for (const name of left) {
      const room = this.rooms.get(name);
      if (room === undefined) continue;
      // What is being read or written here is not taken away from there.
      const isUsed = (room === this.rooms.current && this.isLooking) || room.draft.trim() !== '' || room.pending.length > 0;
      if (isUsed) this.rooms.kept.keepRoom(name);
      else this.#leave(room);
    }
    for (const one of read) this.rooms.readElsewhere(one);
    this.#paint();
  }

  // ---- writing

  /** @param {string} text */
  send(text) {
    const room = this.rooms.current;
    if (room === null) return;
    this.#send(room, text);
    this.rooms.setDraft(room, '');
    this.page.box.setText('');
    this.page.notice('');
    this.page.messages.toEnd();
    this.#typingSentAt = 0;
  }

  /** @param {string} text  in the box now */
  written(text) {
    const room = this.rooms.current;
    if (room === null) return;
    this.rooms.setDraft(room, text);
    this.#after('save', SAVE_AFTER_MS, () => this.rooms.save());
    if (this.client.hello?.features.has('typing') !== true) return;
    const now = Date.now();
    if (text.trim() === '') {
      if (this.#typingSentAt > 0) this.client.typing(room.name, false);
      this.#typingSentAt = 0;
    } else if (now - this.#typingSentAt >= TYPING_EVERY_MS && this.client.typing(room.name, true)) {
      this.#typingSentAt = now;
    }
  }

  /** @param {string} cid  of one that failed */
  resend(cid) {
    const room = this.rooms.current;
    const item = room?.drop(cid);
    if (room === null || item === undefined) return;
    this.client.cancel(room.name, cid);
    this.#send(room, item.text);
    this.page.messages.toEnd();
    this.page.focusRoom();
  }

  /** @param {string} cid */
  discard(cid) {
    const room = this.rooms.current;
    if (room === null) return;
    this.client.cancel(room.name, cid);
    room.drop(cid);
    this.changed(room);
    this.rooms.saveTexts();
    this.page.focusRoom();
  }

  // ---- reading

  loadOlder() {
    if (this.rooms.current !== null) void this.loader.older(this.rooms.current);
  }

  /** @param {import('../state/room.js').Mark} mark */
  loadGap(mark) {
    if (this.rooms.current !== null) void this.loader.gap(this.rooms.current, mark);
  }

  /** Somebody has the page before their eyes. */
  get isLooking() {
    return !document.hidden && document.hasFocus();
  }

  /** What is on the screen is read. */
  readCurrent() {
    const room = this.rooms.current;
    // While the page comes, what is in the view is not what will be.
    if (room === null || !this.isLooking || !this.page.messages.atEnd || room.top < room.comingUpTo) return;
    if (!room.markRead()) return;
    this.page.messages.update();
    this.#paint();
    this.#save();
  }

  /** The reader went there. */
  reachedEnd() {
    if (this.rooms.current !== null) this.rooms.current.comingUpTo = 0;
    this.readCurrent();
  }

  retry() {
    if (this.client.status.phase === 'closed') this.client.open();
    else this.client.retryNow();
  }

  /** The browser says that there is a network, or the page is looked at again: do not wait, and do not trust the line. */
  wakeUp() {
    this.client.retryNow();
    this.client.check();
  }

  /** Somebody looks again: at what is new, if there is anything. */
  lookedAt() {
    if (!this.isLooking) return;
    if ((this.rooms.current?.unread ?? 0) > 0) this.page.messages.showNew();
    this.readCurrent();
  }

  /** Everything is shown anew, in another language. */
  translate() {
    if (this.user === '') this.page.showName(this.client.hello?.user ?? t('guest'));
    this.showStatus();
    this.showTypists();
    this.showBlocked();
    this.page.messages.redraw();
    this.#paint();
  }

  // ---- what has changed goes to the page

  /** @param {RoomState} room */
  changed(room) {
    if (this.#isOver) return;
    if (room === this.rooms.current) {
      this.page.messages.update();
      this.readCurrent();
    }
    this.loader.fillGaps(room);
    this.#paint();
    this.#save();
  }

  showStatus() {
    const { status } = this.client;
    this.page.showStatus(status.phase, statusText(status), status.retryAt);
  }

  showTypists() {
    const names = this.rooms.current?.typists.names(Date.now()) ?? [];
    this.page.showTypists(names);
    if (names.length > 0) this.#after('typists', TYPISTS_EVERY_MS, () => this.showTypists());
  }

  /** Why there is nothing to read or write, if there is not. */
  showBlocked() {
    this.page.showBlocked(this.#blocked());
    this.page.rooms.offer(this.client.hello?.features.has('rooms') !== false);
  }

  /** A message that nobody looked at, unless somebody does in another window. @param {RoomState} room @param {Message} message */
  unseen(room, message) {
    this.#after(`unseen ${room.name}`, ALERT_AFTER_MS, () => {
      if (room.unread > 0) this.events.onUnseen(room, message);
    });
  }

  // ---- inside

  /** @param {string} name */
  #open(name) {
    let room = this.rooms.get(name);
    if (room === undefined || room.membership === 'refused') {
      room ??= this.rooms.add(name);
      room.membership = 'joining';
      this.client.join(name);
    }
    if (location.hash !== addressOf(name)) history.replaceState(null, '', addressOf(name));
    if (room !== this.rooms.current) this.#show(room);
    else this.showBlocked();
    this.page.toRoom();
    this.#save();
  }

  /** @param {RoomState | null} room */
  #show(room) {
    this.rooms.current?.forgetNewLine();
    this.rooms.current = room;
    this.#typingSentAt = 0;
    room?.placeNewLine();
    this.page.showRoom(room, this.#blocked());
    this.showTypists();
    this.readCurrent();
    this.#paint();
  }

  /** @param {RoomState} room */
  #leave(room) {
    const isCurrent = room === this.rooms.current;
    const next = isCurrent ? this.rooms.neighbour(1, false) : null;
    this.client.leave(room.name);
    for (const { cid } of room.pending) this.client.cancel(room.name, cid);
    this.rooms.remove(room.name);
    if (isCurrent) {
      history.replaceState(null, '', next === null ? '#' : addressOf(next.name));
      this.#show(next);
    }
    this.#paint();
    this.rooms.saveTexts();
  }

  #blocked() {
    if (this.client.hello?.features.has('rooms') === false) return t('noRooms');
    if (this.rooms.current === null) return t('noRoom');
    return this.rooms.current.membership === 'refused' ? joinRefusalText(this.rooms.current.refusal) : '';
  }

  /** @param {RoomState} room @param {string} text */
  #send(room, text) {
    const cid = newCid();
    room.sending(cid, this.client.hello?.user ?? this.user, text, Date.now());
    this.client.send(room.name, text, { cid });
    this.changed(room);
    this.rooms.saveTexts();
  }

  /** What was on its way when the page was closed or reloaded; the server knows the cid of what it has already. */
  #restoreMessages() {
    for (const [name, messages] of this.rooms.kept.outbox()) {
      const room = this.rooms.get(name) ?? this.rooms.add(name);
      for (const { cid, text, at, sentAt, problem } of messages) {
        room.sending(cid, this.user, text, at);
        if (problem !== null) room.failed(cid, problem);
        else this.client.send(name, text, { cid, firstSentAt: sentAt });
      }
    }
  }

  /** By a timer, not with the next frame: a page nobody sees has none, but its title counts. */
  #paint() {
    this.#after('paint', PAINT_AFTER_MS, () => {
      this.page.rooms.showJoined(this.rooms.list().map((room) => ({
        name: room.name, unread: room.unread, unreadMore: room.unreadMore, isRefused: room.membership === 'refused',
      })), this.rooms.current?.name ?? '');
      this.page.showUnread(this.rooms.unread);
    });
  }

  #save() {
    this.#after('save', SAVE_AFTER_MS, () => this.rooms.save());
  }

  /** Once, however often it is asked for meanwhile. @param {string} name @param {number} ms @param {() => void} act */
  #after(name, ms, act) {
    if (this.#isOver || this.#timers.has(name)) return;
    this.#timers.set(name, setTimeout(() => {
      this.#timers.delete(name);
      act();
    }, ms));
  }

  /** @param {string} name @param {number} ms @param {() => void} act */
  #every(name, ms, act) {
    this.#after(name, ms, () => {
      act();
      this.#every(name, ms, act);
    });
  }
}
