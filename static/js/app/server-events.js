// SPDX-License-Identifier: MIT
// What the server says, on its way to the state.
// @ts-check

import { t } from '../view/i18n.js';
import { joinRefusalText, notSentText } from '../view/words.js';

/** @typedef {import('./chat.js').Chat} Chat */
/** @typedef {import('../protocol/chatd.js').ChatError} ChatError */
/** @typedef {import('../protocol/types.js').Hello} Hello */
/** @typedef {import('../protocol/types.js').Joined} Joined */
/** @typedef {import('../protocol/types.js').Message} Message */
/** @typedef {import('../protocol/types.js').Status} Status */
/** @typedef {import('../state/room.js').RoomState} RoomState */

const CLOSE_SESSION_ENDED = 4501;

export class ServerEvents {
  /** @type {import('../protocol/types.js').ChatEvents} */
  callbacks = {
    onStatus: (status) => this.#status(status),
    onHello: (hello) => this.#hello(hello),
    onUnreachable: () => this.chat.events.onUnreachable(),
    onExpiring: () => void this.#renew(),
    onJoined: (room, joined) => this.#joined(room, joined),
    onJoinFailed: (room, error, final) => this.#joinFailed(room, error, final),
    onMessage: (room, message, live) => this.#message(room, message, live),
    onTyping: (room, user, typing) => this.#typing(room, user, typing),
    onGap: (room, from, to) => this.#with(room, (state) => this.#keepingNew(state, () => state.gap(from, to))),
    onReset: (room, seq, epoch) => this.#with(room, (state) => state.reset(seq, epoch)),
    // The answer may come after a reload: then it counts that this has been sent.
    onSending: () => this.chat.rooms.saveTexts(),
    onSent: (room, cid, { seq }) => this.#with(room, (state) => state.sent(cid, seq)),
    onSendFailed: (room, cid, error) => this.#sendFailed(room, cid, error),
  };

  /** @param {Chat} chat */
  constructor(chat) {
    this.chat = chat;
  }

  /** @param {Status} status */
  #status(status) {
    const { chat } = this;
    if (chat.isOver) return;
    if (status.phase !== 'online') {
      for (const room of chat.rooms.list()) room.typists.clear();
      chat.showTypists();
    }
    chat.showStatus();
    if (status.phase === 'closed' && status.code === CLOSE_SESSION_ENDED && chat.user !== '') chat.events.onSessionEnded();
  }

  /** @param {Hello} hello */
  #hello(hello) {
    const { chat } = this;
    if (chat.user !== '' && hello.user !== chat.user) {
      chat.events.onOtherUser(hello.user);
      return;
    }
    chat.names.add(hello.user);
    chat.page.showName(hello.user);
    chat.page.box.setLimit(hello.limits.textBytes);
    chat.showBlocked();
    void chat.refreshRooms();
  }

  /** The page stays open for longer than the session would last. */
  async #renew() {
    const { chat } = this;
    try {
      const user = await chat.api.renew();
      if (chat.isOver) return;
      if (user !== chat.user) chat.events.onOtherUser(user);
      else await chat.client.refresh();
    } catch {
      // It is tried again well before the end, and at the end the server says so.
    }
  }

  /** @param {string} name @param {Joined} joined */
  #joined(name, joined) {
    const { chat } = this;
    this.#with(name, (room) => {
      room.joined(joined, chat.rooms.readBefore(room, joined.epoch));
      if (room !== chat.rooms.current || joined.epoch === '' || room.readSeq >= joined.top) return;
      // On the screen since before it was known what is new in it.
      room.newAfter = room.readSeq;
      room.comingUpTo = joined.top;
    });
    if (chat.rooms.current?.name === name) chat.showBlocked();
  }

  /** @param {string} name @param {ChatError} error @param {boolean} final */
  #joinFailed(name, error, final) {
    if (!final) return;
    const { code, message } = error;
    this.#with(name, (room) => room.refused({ code, message }));
    if (this.chat.rooms.current?.name !== name) return;
    this.chat.showBlocked();
    this.chat.page.messages.announce(joinRefusalText({ code, message }));
  }

  /** @param {string} name @param {Message} message @param {boolean} live */
  #message(name, message, live) {
    const { chat } = this;
    const room = chat.rooms.get(name);
    if (room === undefined) return;
    const own = chat.names.has(message.user);
    const isShown = room === chat.rooms.current;
    room.typists.set(message.user, false, Date.now());
    let isNew = false;
    this.#keepingNew(room, () => { isNew = room.add(message, own); });
    if (!isNew) return;
    if (isShown) chat.showTypists();
    if (room.comingUpTo > 0 && message.seq >= room.comingUpTo) {
      room.comingUpTo = 0;
      if (isShown) chat.page.messages.showNew();
    }
    if (!isShown || chat.page.messages.atEnd) room.trim(isShown);
    chat.changed(room);
    if (!live || own) return;
    if (isShown) chat.page.messages.announce(t('announce', { user: message.user, text: message.text }));
    if (!isShown || !chat.isLooking) chat.unseen(room, message);
  }

  /** The line "new" of the room on the screen stands before the first message that nobody saw. @param {RoomState} room @param {() => void} change */
  #keepingNew(room, change) {
    const { chat } = this;
    const before = room.unread;
    change();
    const isSeen = chat.isLooking && chat.page.messages.atEnd;
    if (room === chat.rooms.current && before === 0 && room.unread > 0 && !isSeen) room.placeNewLine();
  }

  /** @param {string} name @param {string} user @param {boolean} typing */
  #typing(name, user, typing) {
    const { chat } = this;
    const room = chat.rooms.get(name);
    if (room === undefined || chat.names.has(user)) return;
    room.typists.set(user, typing, Date.now());
    if (room === chat.rooms.current) chat.showTypists();
  }

  /** @param {string} name @param {string} cid @param {ChatError} error */
  #sendFailed(name, cid, { code, message }) {
    this.#with(name, (room) => room.failed(cid, { code, message }));
    this.chat.rooms.saveTexts();
    this.chat.page.messages.announce(notSentText({ code, message }));
  }

  /** @param {string} name @param {(room: RoomState) => void} change */
  #with(name, change) {
    const room = this.chat.rooms.get(name);
    if (room === undefined) return;
    change(room);
    this.chat.changed(room);
  }
}
