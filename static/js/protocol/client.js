// SPDX-License-Identifier: MIT
// The chat client: joins the connection, the rooms and the messages on their way into one object.
// @ts-check

import { Connection } from './connection.js';
import { ChatError } from './errors.js';
import { readLeft, readPage } from './frames.js';
import { Renewal } from './renewal.js';
import { Rooms } from './rooms.js';
import { Sender } from './sender.js';
import { seamsOf, Session } from './session.js';

export class ChatClient {
  #session;
  #connection;
  #rooms;
  #sender;
  #renewal;

  /**
   * @param {URL | string} base  the folder that the server's `ws` is in, with a slash at its end
   * @param {import('./types.js').ChatEvents} [events]
   * @param {Partial<import('./types.js').Seams>} [seams]  the browser's own by default
   */
  constructor(base, events = {}, seams = {}) {
    this.#session = new Session(events, seamsOf(seams));
    this.#rooms = new Rooms(this.#session, {
      onBeforeJoined: (line, membership) => this.#sender.awaitOwn(line, membership),
      onJoined: (room) => this.#sender.pump(room),
      onBeforeMessage: (room, message) => this.#sender.arrived(room, message),
    });
    this.#sender = new Sender(this.#session, this.#rooms);
    this.#renewal = new Renewal(this.#session);
    this.#connection = new Connection(new URL(base), this.#session.seams, {
      onStatus: (status) => this.#statusChanged(status),
      onHello: (hello) => this.#greeted(hello),
      onOnline: (line) => this.#online(line),
      onFrame: (frame) => this.#rooms.received(frame),
      onUnreachable: () => this.#session.tell((on) => on.onUnreachable?.()),
    });
  }

  // ---- the connection

  /** Does nothing unless closed. */
  open() {
    if (this.#session.seams.WebSocket === undefined) throw new TypeError('There is no WebSocket here: hand one over.');
    this.#connection.open();
  }

  /** Ends it with no event but onStatus. Rooms, positions and messages on their way are kept for the next open(). */
  close() {
    this.#connection.close();
  }

  /** Does not wait for the next attempt. */
  retryNow() {
    this.#connection.retryNow();
  }

  /** Is the line alive? One on which nothing is heard within 5 s is dropped. For a page that was asleep. */
  check() {
    this.#connection.check();
  }

  /**
   * Moves the end of the session of this connection. The token that the next one comes with is renewed by HttpApi.renew().
   * @param {string} [token]  take over this one instead, of the same user
   * @returns {Promise<void>} rejects with a ChatError
   */
  refresh(token) {
    return this.#ask({ type: 'session.refresh', token }).then((ack) => this.#renewal.moved(readLeft(ack)));
  }

  get status() {
    return this.#connection.status;
  }

  /** The latest one; null before the first. */
  get hello() {
    return this.#session.hello;
  }

  // ---- rooms

  /** The rooms that are wanted, in the order of their first join. @returns {string[]} */
  get rooms() {
    return this.#rooms.names;
  }

  /**
   * Wants to be in a room from now on, over all reconnects. Asking for a wanted room changes nothing.
   * @param {string} room
   * @param {import('./types.js').Position | null} [since]  kept from an earlier page
   */
  join(room, since = null) {
    this.#rooms.join(room, since);
  }

  /** Forgets the room and its position; messages on their way to it wait for the next join. @param {string} room */
  leave(room) {
    this.#rooms.leave(room);
  }

  /** @param {string} room @returns {import('./types.js').Position | null} */
  position(room) {
    const position = this.#rooms.get(room)?.position;
    return position ? { ...position } : null;
  }

  /** @param {string} room */
  isJoined(room) {
    return this.#rooms.get(room)?.state === 'in';
  }

  /**
   * @param {string} room
   * @param {boolean} typing
   * @returns {boolean} false: there was nobody to tell
   */
  typing(room, typing) {
    const { line } = this.#session;
    if (line === null || !this.isJoined(room) || !this.#session.offers('typing')) return false;
    line.post({ type: 'typing', room, typing });
    return true;
  }

  /**
   * @param {string} room  one we are in
   * @param {import('./types.js').PageQuery} [query]  the latest page when empty
   * @returns {Promise<import('./types.js').Page>} rejects with a ChatError
   */
  history(room, { before, after, limit } = {}) {
    return this.#ask({ type: 'history.get', room, before, after, limit }).then(readPage);
  }

  // ---- messages

  /**
   * Puts a message on its way, connected or not. onSent or onSendFailed tells how it went.
   * @param {string} room
   * @param {string} text
   * @param {import('./types.js').SendOptions} [options]
   *     for a message restored after a reload: its cid, and when it was first sent if it was
   * @returns {string} its cid
   */
  send(room, text, options = {}) {
    return this.#sender.send(room, text, options);
  }

  /**
   * Forgets a message; it may arrive all the same if it went out already.
   * @param {string} room
   * @param {string} cid
   * @returns {boolean} true if it was on its way
   */
  cancel(room, cid) {
    return this.#sender.cancel(room, cid);
  }

  /** @param {string} room @returns {import('./types.js').Waiting[]} oldest first */
  waiting(room) {
    return this.#sender.waiting(room);
  }

  /**
   * @param {import('./frames.js').Frame} request  JSON leaves out what is undefined
   * @returns {Promise<import('./frames.js').Frame>} its ack
   */
  #ask(request) {
    const { line } = this.#session;
    if (line === null) return Promise.reject(new ChatError('offline', 'Not connected.', { temporary: true }));
    return new Promise((resolve, reject) => {
      line.request(request, (error, ack) => {
        if (error === null) resolve(ack);
        else reject(error);
      });
    });
  }

  // ---- what the connection tells

  /** @param {import('./types.js').Status} status */
  #statusChanged(status) {
    const isLost = status.phase === 'waiting' || status.phase === 'closed';
    this.#session.line = this.#connection.line;
    if (isLost) {
      this.#rooms.lineLost();
      this.#sender.lineLost();
    }
    this.#session.tell((on) => on.onStatus?.(status));
    // After our own close() there is no further event.
    if (isLost && (status.phase === 'waiting' || status.code !== 0)) this.#sender.reviewAll();
  }

  /** @param {import('./types.js').Hello} hello */
  #greeted(hello) {
    this.#session.greeted(hello);
    this.#session.tell((on) => on.onHello?.(hello));
  }

  /** @param {import('./line.js').Line} line */
  #online(line) {
    this.#renewal.online(line, this.#session.hello?.leftMs ?? 0);
    this.#rooms.online(line);
    this.#sender.reviewAll();
  }
}
