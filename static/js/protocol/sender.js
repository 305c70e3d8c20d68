// SPDX-License-Identifier: MIT
// Sends what is in the outbox: one message a room at a time, repeated until its outcome is known.
// @ts-check

import { retryDelay } from './backoff.js';
import { ChatError } from './errors.js';
import { isCount, readSent } from './frames.js';
import { Item, Outbox } from './outbox.js';
import { newCid, textBytes } from './rules.js';

/** @typedef {import('./line.js').Line} Line */
/** @typedef {import('./membership.js').Membership} Membership */

const CID_MAX_BYTES = 64;
/** How long after a join a message that must not be repeated may still turn up among the records we missed. */
const SHOW_OWN_MS = 5_000;

function unknownOutcome() {
  return new ChatError('unknown', 'Whether the message arrived is not known.');
}

export class Sender {
  #session;
  #rooms;
  #outbox = new Outbox();

  /**
   * @param {import('./session.js').Session} session
   * @param {import('./rooms.js').Rooms} rooms
   */
  constructor(session, rooms) {
    this.#session = session;
    this.#rooms = rooms;
  }

  /**
   * @param {string} room
   * @param {string} text
   * @param {import('./types.js').SendOptions} options
   * @returns {string} its cid
   */
  send(room, text, { cid = '', firstSentAt = 0 }) {
    const id = cid !== '' && textBytes(cid) <= CID_MAX_BYTES ? cid : newCid();
    if (this.#outbox.find(room, id) !== undefined) return id;
    const item = new Item(id, text, isCount(firstSentAt) ? firstSentAt : 0);
    this.#outbox.add(room, item);
    // What may fail waits until the caller has the cid.
    if (item.mayHaveArrived || this.#flaw(room, item) !== null) queueMicrotask(() => this.#review(room));
    else if (this.#outbox.head(room) === item) this.pump(room);
    return id;
  }

  /**
   * @param {string} room
   * @param {string} cid
   * @returns {boolean} true if it was on its way
   */
  cancel(room, cid) {
    const item = this.#outbox.find(room, cid);
    if (item === undefined) return false;
    this.#forget(room, item);
    queueMicrotask(() => this.pump(room));
    return true;
  }

  /** @param {string} room @returns {import('./types.js').Waiting[]} */
  waiting(room) {
    return this.#outbox.items(room).map(({ cid, text, firstSentAt }) => ({ cid, text, firstSentAt }));
  }

  lineLost() {
    this.#outbox.lineLost(this.#session.offers('history'));
  }

  /**
   * What keeps a message from being sent at all, whatever the room.
   * @param {string} room
   * @param {Item} item
   * @returns {ChatError | null}
   */
  #flaw(room, item) {
    const { hello } = this.#session;
    if (item.isHopeless) return unknownOutcome();
    if (hello !== null && item.isTooLarge(room, hello.limits)) {
      return new ChatError('too_large', 'The message is longer than this server takes.');
    }
    return null;
  }

  /** Looks at all messages of a room again and sends the next one. @param {string} room */
  #review(room) {
    for (const item of this.#outbox.items(room)) {
      const flaw = this.#flaw(room, item);
      if (flaw !== null) this.#fail(room, item, flaw);
    }
    this.pump(room);
  }

  reviewAll() {
    for (const room of this.#outbox.rooms) this.#review(room);
  }

  /**
   * One message at a time is on its way to a room: so they keep their order whatever happens.
   * @param {string} room
   */
  pump(room) {
    for (;;) {
      const line = this.#session.line;
      const membership = this.#rooms.get(room);
      const item = this.#outbox.head(room);
      if (line === null || membership?.state !== 'in' || item === undefined || item.flight !== null) return;
      if (!this.#isUnsafe(item)) {
        if (!item.isPaused) this.#put(line, room, item);
        return;
      }
      if (membership.mayShowOwn) return;
      this.#fail(room, item, unknownOutcome());
    }
  }

  /** It may have arrived, and sent again it might be there twice. @param {Item} item */
  #isUnsafe(item) {
    return item.mayHaveArrived && (!this.#isKnownAgain(item) || item.isTooOld(this.#session.seams.now()));
  }

  /**
   * The server knows a repeat by user and cid: not without a store, and not from a guest, who has another name now.
   * @param {Item} item
   */
  #isKnownAgain({ sentAs }) {
    const { hello } = this.#session;
    const isSameUser = sentAs === '' ? this.#session.offers('auth') : sentAs === hello?.user;
    return isSameUser && this.#session.offers('history');
  }

  /**
   * @param {Line} line
   * @param {string} room
   * @param {Item} item
   */
  #put(line, room, item) {
    const flight = {};
    const earlier = item.firstSentAt;
    item.flight = flight;
    if (earlier === 0) this.#firstSent(room, item);
    line.request(item.frame(room), (error, ack) => {
      // It was settled by its own event or cancelled, or the line is lost.
      if (item.flight !== flight) return;
      item.flight = null;
      if (error === null) this.#settle(room, item, readSent(ack));
      else this.#refused(line, room, item, error, earlier);
    });
  }

  /**
   * @param {string} room
   * @param {Item} item
   */
  #firstSent(room, item) {
    const at = this.#session.seams.now();
    item.firstSentAt = at;
    item.sentAs = this.#session.hello?.user ?? '';
    queueMicrotask(() => this.#session.tell((on) => on.onSending?.(room, item.cid, at)));
  }

  /**
   * @param {Line} line
   * @param {string} room
   * @param {Item} item
   * @param {ChatError} error
   * @param {number} earlier  when it was first sent before this try
   */
  #refused(line, room, item, error, earlier) {
    const isClear = error.code !== 'timeout' && !(error.code === 'unavailable' && this.#session.offers('history'));
    if (isClear) item.firstSentAt = earlier;
    if (error.code === 'not_member') {
      this.#refusedAsStranger(line, room, item, error);
    } else if (error.temporary || !isClear) {
      this.#pause(line, room, item, error);
    } else {
      this.#fail(room, item, error);
    }
    this.pump(room);
  }

  /**
   * @param {Line} line
   * @param {string} room
   * @param {Item} item
   * @param {ChatError} error
   */
  #pause(line, room, item, error) {
    item.isPaused = true;
    line.later(retryDelay(item.attempt, error.retryMs, this.#session.seams.random), () => {
      item.isPaused = false;
      this.pump(room);
    });
    item.attempt += 1;
  }

  /**
   * Not in the room: the message waits for the join. Where we thought that we are in it, we join again, once a message.
   * @param {Line} line
   * @param {string} room
   * @param {Item} item
   * @param {ChatError} error
   */
  #refusedAsStranger(line, room, item, error) {
    const membership = this.#rooms.get(room);
    if (membership?.state !== 'in') return;
    if (item.wasRejoined) {
      this.#fail(room, item, error);
    } else {
      item.wasRejoined = true;
      this.#rooms.ask(line, membership);
    }
  }

  /**
   * Our own message among what the server sends says that it has arrived, before the answer or instead of it.
   * @param {string} room
   * @param {import('./types.js').Message} message
   */
  arrived(room, { cid, user, seq, ts }) {
    if (!this.#session.isOurs(user)) return;
    const item = this.#outbox.find(room, cid);
    if (item !== undefined) this.#settle(room, item, { seq, ts, duplicate: false });
  }

  /**
   * @param {string} room
   * @param {Item} item
   * @param {import('./types.js').Sent} sent
   */
  #settle(room, item, sent) {
    this.#forget(room, item);
    this.#session.tell((on) => on.onSent?.(room, item.cid, sent));
    this.pump(room);
  }

  /**
   * @param {string} room
   * @param {Item} item
   * @param {ChatError} error
   */
  #fail(room, item, error) {
    // Another callback may have cancelled it.
    if (this.#forget(room, item)) this.#session.tell((on) => on.onSendFailed?.(room, item.cid, error));
  }

  /**
   * @param {string} room
   * @param {Item} item
   */
  #forget(room, item) {
    item.flight = null;
    return this.#outbox.remove(room, item);
  }

  /**
   * A message that must not be repeated may be among the records we missed: it gets the time to show up.
   * @param {Line} line
   * @param {Membership} membership
   */
  awaitOwn(line, membership) {
    const { room, position } = membership;
    membership.mayShowOwn = position !== null && this.#outbox.head(room)?.mayHaveArrived === true;
    if (!membership.mayShowOwn) return;
    line.later(SHOW_OWN_MS, () => {
      membership.mayShowOwn = false;
      this.pump(room);
    });
  }
}
