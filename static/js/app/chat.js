// SPDX-License-Identifier: MIT
// One person's chat, from signing in to signing out: what they do goes to the protocol, what the server says goes to the
// state, and what has changed goes to the page.
// @ts-check

import { ChatClient, isRoomName, newCid } from '../protocol/chatd.js';
import { Rooms } from '../state/rooms.js';
import { Kept } from '../state/storage.js';
import { t } from '../view/i18n.js';
import { Loader } from './loader.js';
import { addressOf, roomFromAddress } from './address.js';
import { joinRefusal, sendRefusal, statusText } from './words.js';

/** @typedef {import('../protocol/chatd.js').ChatError} ChatError */
/** @typedef {import('../protocol/types.js').Hello} Hello */
/** @typedef {import('../protocol/chatd.js').HttpApi} HttpApi */
/** @typedef {import('../protocol/types.js').Joined} Joined */
/** @typedef {import('../protocol/types.js').Message} Message */
/** @typedef {import('../protocol/types.js').Status} Status */
/** @typedef {import('../state/room.js').RoomState} RoomState */
/** @typedef {import('../view/page.js').Page} Page */

/**
 * @typedef {object} ChatEvents
 * @property {() => void} onSessionEnded
 * @property {() => void} onUnreachable  no upgrade; the session may be over
 * @property {(user: string) => void} onOtherUser  the server knows us by another name
 * @property {(room: RoomState, message: Message) => void} onUnseen  somebody wrote what is not on the screen
 */

const DEFAULT_ROOM = 'general';
const TYPING_EVERY_MS = 3_000;
const TYPISTS_EVERY_MS = 500;
const ROOMS_EVERY_MS = 60_000;
/** Lists are repainted and kept once for all changes of so long. */
const PAINT_AFTER_MS = 30;
const SAVE_AFTER_MS = 300;
const CLOSE_SESSION_ENDED = 4501;

export class Chat {
  /** Our names: a guest gets another one with each connection. @type {Set<string>} */ #names = new Set();
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
    this.client = new ChatClient(base, {
      onStatus: (status) => this.#onStatus(status),
      onHello: (hello) => this.#onHello(hello),
      onUnreachable: () => events.onUnreachable(),
      onJoined: (room, joined) => this.#onJoined(room, joined),
      onJoinFailed: (room, error, final) => this.#onJoinFailed(room, error, final),
      onMessage: (room, message, live) => this.#onMessage(room, message, live),
      onTyping: (room, name, typing) => this.#onTyping(room, name, typing),
      onGap: (room, from, to) => this.#with(room, (state) => state.gap(from, to)),
      onReset: (room, seq, epoch) => this.#with(room, (state) => state.reset(seq, epoch)),
      // The answer may come after a reload: then it counts that this has been sent.
      onSending: () => this.rooms.saveTexts(),
      onSent: (room, cid, { seq }) => this.#with(room, (state) => state.sent(cid, seq)),
      onSendFailed: (room, cid, error) => this.#with(room, (state) => state.failed(cid, sendRefusal(error))),
    });
    this.rooms = new Rooms(new Kept(user), (room) => this.client.waiting(room));
    this.loader = new Loader(this.client, (name) => this.#names.has(name), (room) => this.#changed(room));
  }

  start() {
    if (this.user !== '') this.#names.add(this.user);
    this.page.showChat(this.user === '' ? t('guest') : this.user, this.user === '');
    this.rooms.restore(DEFAULT_ROOM);
    for (const room of this.rooms.list()) this.client.join(room.name);
    this.#sendAgain();
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
    this.page.rooms.showJoined([], '');
    this.page.rooms.showKnown([]);
    this.page.showRoom(null, '');
    this.page.showUnread(0);
  }

  save() {
    this.rooms.save();
  }

  // ---- rooms

  /** The room of the address, or else the first of ours. */
  openAddress() {
    const name = roomFromAddress();
    const first = this.rooms.get(DEFAULT_ROOM) ?? this.rooms.list()[0];
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
    const next = this.rooms.neighbour(1, false);
    this.client.leave(room.name);
    for (const { cid } of room.pending) this.client.cancel(room.name, cid);
    this.rooms.remove(room.name);
    history.replaceState(null, '', next === null ? '#' : addressOf(next.name));
    this.#show(next);
    this.page.toRoom();
    this.page.notice('');
    this.page.messages.announce(t('roomLeft', { room: room.name }));
    this.#save();
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

  // ---- writing

  /** @param {string} text */
  send(text) {
    const room = this.rooms.current;
    if (room === null) return;
    this.#send(room, text, newCid(), Date.now());
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
    this.#after('save', SAVE_AFTER_MS, () => this.rooms.saveTexts());
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
    const item = this.rooms.current?.drop(cid);
    if (this.rooms.current === null || item === undefined) return;
    this.client.cancel(this.rooms.current.name, cid);
    this.#send(this.rooms.current, item.text, newCid(), Date.now());
    this.page.messages.toEnd();
    this.page.box.focus();
  }

  /** @param {string} cid */
  discard(cid) {
    const room = this.rooms.current;
    if (room === null) return;
    this.client.cancel(room.name, cid);
    room.drop(cid);
    this.#changed(room);
    this.page.box.focus();
  }

  // ---- reading

  loadOlder() {
    if (this.rooms.current !== null) void this.loader.older(this.rooms.current);
  }

  /** @param {import('../state/room.js').Mark} mark */
  loadGap(mark) {
    if (this.rooms.current !== null) void this.loader.gap(this.rooms.current, mark);
  }

  /** What is on the screen is read. */
  readCurrent() {
    const room = this.rooms.current;
    if (room === null || document.hidden || !this.page.messages.atEnd) return;
    if (!room.markRead()) return;
    this.page.messages.update();
    this.#paint();
    this.#save();
  }

  retry() {
    if (this.client.status.phase === 'closed') this.client.open();
    else this.client.retryNow();
  }

  /** The page is looked at again, or the browser says that there is a network: do not wait, and do not trust the line. */
  wakeUp() {
    this.client.retryNow();
    this.client.check();
    this.readCurrent();
  }

  /** Everything is shown anew, in another language. */
  translate() {
    if (this.user === '') this.page.showName(this.client.hello?.user ?? t('guest'));
    this.#onStatus(this.client.status);
    this.#showTypists();
    this.page.showBlocked(this.#blocked());
    this.page.messages.redraw();
    this.#paint();
  }

  // ---- what the server says

  /** @param {Status} status */
  #onStatus(status) {
    if (this.#isOver) return;
    if (status.phase === 'closed' && status.code === CLOSE_SESSION_ENDED && this.user !== '') {
      this.events.onSessionEnded();
      return;
    }
    if (status.phase !== 'online') {
      for (const room of this.rooms.list()) room.typists.clear();
      this.#showTypists();
    }
    this.page.showStatus(status.phase, statusText(status), status.retryAt);
  }

  /** @param {Hello} hello */
  #onHello(hello) {
    if (this.user !== '' && hello.user !== this.user) {
      this.events.onOtherUser(hello.user);
      return;
    }
    this.#names.add(hello.user);
    this.page.showName(hello.user);
    this.page.box.setLimit(hello.limits.textBytes);
    this.page.showBlocked(this.#blocked());
    void this.refreshRooms();
  }

  /** @param {string} name @param {Joined} joined */
  #onJoined(name, joined) {
    this.#with(name, (room) => {
      const wasRead = this.rooms.readBefore(room, joined.epoch);
      if (room.readSeq < 0) room.readSeq = wasRead;
      room.joined(joined);
      // On the screen, and more was written since the last visit.
      if (room === this.rooms.current && !joined.resumed && room.readSeq < joined.top) room.newAfter = room.readSeq;
    });
    if (this.rooms.current?.name === name) this.page.showBlocked(this.#blocked());
  }

  /** @param {string} name @param {ChatError} error @param {boolean} final */
  #onJoinFailed(name, error, final) {
    if (!final) return;
    this.#with(name, (room) => {
      room.membership = 'refused';
      room.refusal = joinRefusal(error);
    });
    if (this.rooms.current?.name === name) this.page.showBlocked(this.#blocked());
  }

  /** @param {string} name @param {Message} message @param {boolean} live */
  #onMessage(name, message, live) {
    const room = this.rooms.get(name);
    if (room === undefined) return;
    const own = this.#names.has(message.user);
    room.typists.set(message.user, false, Date.now());
    if (!room.add(message, own)) return;
    const isShown = room === this.rooms.current;
    if (isShown) this.#showTypists();
    const isSeen = isShown && !document.hidden && this.page.messages.atEnd;
    if (isSeen) room.markRead();
    else if (isShown && live && room.unread === 1) room.placeNewLine();
    if (!isShown || this.page.messages.atEnd) room.trim(isShown);
    this.#changed(room);
    if (!live || own) return;
    if (isShown) this.page.messages.announce(t('announce', { user: message.user, text: message.text }));
    if (!isShown || document.hidden || !document.hasFocus()) this.events.onUnseen(room, message);
  }

  /** @param {string} name @param {string} user @param {boolean} typing */
  #onTyping(name, user, typing) {
    const room = this.rooms.get(name);
    if (room === undefined || this.#names.has(user)) return;
    room.typists.set(user, typing, Date.now());
    if (room === this.rooms.current) this.#showTypists();
  }

  // ---- inside

  /** @param {string} name */
  #open(name) {
    let room = this.rooms.get(name);
    if (room === undefined || room.membership === 'refused') {
      room ??= this.rooms.add(name);
      room.membership = 'idle';
      this.client.join(name);
    }
    if (location.hash !== addressOf(name)) history.replaceState(null, '', addressOf(name));
    if (room !== this.rooms.current) this.#show(room);
    else this.page.showBlocked(this.#blocked());
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
    this.#showTypists();
    this.readCurrent();
    this.#paint();
  }

  /** Why there is nothing to read or write; '' if there is. */
  #blocked() {
    if (this.client.hello?.features.has('rooms') === false) return t('noRooms');
    if (this.rooms.current === null) return t('noRoom');
    return this.rooms.current.membership === 'refused' ? this.rooms.current.refusal : '';
  }

  /** @param {RoomState} room @param {string} text @param {string} cid @param {number} at */
  #send(room, text, cid, at) {
    room.sending(cid, this.client.hello?.user ?? this.user, text, at);
    this.client.send(room.name, text, { cid });
    this.#changed(room);
    this.rooms.saveTexts();
  }

  /** What was on its way when the page was closed or reloaded; the server knows the cid of what it has already. */
  #sendAgain() {
    for (const [name, messages] of this.rooms.kept.outbox()) {
      const room = this.rooms.get(name);
      if (room === undefined) continue;
      for (const { cid, text, at, sentAt } of messages) {
        room.sending(cid, this.user, text, at);
        this.client.send(name, text, { cid, firstSentAt: sentAt });
      }
    }
  }

  /** @param {string} name @param {(room: RoomState) => void} change */
  #with(name, change) {
    const room = this.rooms.get(name);
    if (room === undefined) return;
    change(room);
    this.#changed(room);
  }

  /** @param {RoomState} room */
  #changed(room) {
    if (this.#isOver) return;
    if (room === this.rooms.current) this.page.messages.update();
    this.loader.fillGaps(room);
    this.#paint();
    this.#save();
  }

  #showTypists() {
    const names = this.rooms.current?.typists.names(Date.now()) ?? [];
    this.page.showTypists(names);
    if (names.length > 0) this.#after('typists', TYPISTS_EVERY_MS, () => this.#showTypists());
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
