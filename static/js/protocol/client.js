// SPDX-License-Identifier: MIT
// The chat client: the rooms it wants to be in and the messages it has to send, kept over all connections.
// @ts-check

import { retryDelay } from './backoff.js';
import { Connection } from './connection.js';
import { ChatError } from './errors.js';
import {
  isCount, isOtherKind, readJoined, readMessage, readPage, readPosition, readSent, readSeq, textOf,
} from './frames.js';
import { Membership } from './membership.js';
import { Item, Outbox, unknownOutcome } from './outbox.js';
import { isRoomName, newCid } from './rules.js';

/** @typedef {import('./frames.js').Frame} Frame */
/** @typedef {import('./line.js').Line} Line */

const CID_MAX_BYTES = 64;
/** How long a message that is too old to be repeated may still turn up among the records we missed. */
const SHOW_OWN_MS = 5_000;

/** @param {Partial<import('./types.js').Seams>} given @returns {import('./types.js').Seams} */
function seamsOf(given) {
  // The browser's own must be called as functions of the window, and looked up when they are needed.
  return {
    WebSocket: given.WebSocket ?? globalThis.WebSocket,
    now: given.now ?? (() => Date.now()),
    setTimeout: given.setTimeout ?? ((action, ms) => setTimeout(action, ms)),
    clearTimeout: given.clearTimeout ?? ((timer) => clearTimeout(timer)),
    random: given.random ?? (() => Math.random()),
  };
}

export class ChatClient {
  #events;
  #seams;
  #connection;
  /** @type {import('./types.js').Hello | null} */ #hello = null;
  /** Who we are and, where there are no accounts, were. @type {Set<string>} */ #names = new Set();
  /** The rooms we want to be in. @type {Map<string, Membership>} */ #rooms = new Map();
  #outbox = new Outbox();

  /**
   * @param {URL | string} base  the folder that the server's `ws` is in, with a slash at its end
   * @param {import('./types.js').ChatEvents} [events]
   * @param {Partial<import('./types.js').Seams>} [seams]  the browser's own by default
   */
  constructor(base, events = {}, seams = {}) {
    this.#events = events;
    this.#seams = seamsOf(seams);
    this.#connection = new Connection(new URL(base), this.#seams, {
      onStatus: (status) => this.#statusChanged(status),
      onHello: (hello) => this.#greeted(hello),
      onOnline: (line) => this.#online(line),
      onFrame: (frame) => this.#received(frame),
      onUnreachable: () => this.#tell((on) => on.onUnreachable?.()),
    });
  }

  // ---- the connection

  /** Does nothing unless closed. */
  open() {
    if (this.#seams.WebSocket === undefined) throw new TypeError('There is no WebSocket here: hand one over.');
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

  get status() {
    return this.#connection.status;
  }

  /** The latest one; null before the first. */
  get hello() {
    return this.#hello;
  }

  // ---- rooms

  /** The rooms that are wanted, in the order of their first join. @returns {string[]} */
  get rooms() {
    return [...this.#rooms.keys()];
  }

  /**
   * Wants to be in a room from now on, over all reconnects. Asking for a wanted room changes nothing.
   * @param {string} room
   * @param {import('./types.js').Position | null} [since]  kept from an earlier page
   */
  join(room, since = null) {
    if (this.#rooms.has(room)) return;
    const line = this.#connection.line;
    const problem = this.#joinProblem(room, line !== null);
    if (problem !== null) {
      queueMicrotask(() => this.#tell((on) => on.onJoinFailed?.(room, problem, true)));
      return;
    }
    const membership = new Membership(room, since);
    this.#rooms.set(room, membership);
    if (line !== null) this.#join(line, membership);
  }

  /** Forgets the room and its position; messages on their way to it wait for the next join. @param {string} room */
  leave(room) {
    const membership = this.#rooms.get(room);
    if (membership === undefined) return;
    this.#rooms.delete(room);
    const line = this.#connection.line;
    if (line !== null && membership.state !== 'out') this.#leave(line, room);
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
    const line = this.#connection.line;
    if (line === null || !this.isJoined(room) || !this.#hello?.features.has('typing')) return false;
    line.post({ type: 'typing', room, typing });
    return true;
  }

  /**
   * @param {string} room  one we are in
   * @param {import('./types.js').PageQuery} [query]  the latest page when empty
   * @returns {Promise<import('./types.js').Page>} rejects with a ChatError
   */
  history(room, { before, after, limit } = {}) {
    const line = this.#connection.line;
    if (line === null) return Promise.reject(new ChatError('offline', 'Not connected.', { temporary: true }));
    return new Promise((resolve, reject) => {
      // JSON leaves out what is undefined.
      line.request({ type: 'history.get', room, before, after, limit }, (error, ack) => {
        if (error === null) resolve(readPage(ack));
        else reject(error);
      });
    });
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
  send(room, text, { cid = '', firstSentAt = 0 } = {}) {
    const id = cid !== '' && cid.length <= CID_MAX_BYTES ? cid : newCid();
    if (this.#outbox.find(room, id) !== undefined) return id;
    const item = new Item(id, text, isCount(firstSentAt) ? firstSentAt : 0);
    this.#outbox.add(room, item);
    // What may fail waits until the caller has the cid.
    if (item.mayHaveArrived || this.#flaw(room, item) !== null) queueMicrotask(() => this.#review(room));
    else if (this.#outbox.head(room) === item) this.#pump(room);
    return id;
  }

  /**
   * Forgets a message; it may arrive all the same if it went out already.
   * @param {string} room
   * @param {string} cid
   * @returns {boolean} true if it was on its way
   */
  cancel(room, cid) {
    const item = this.#outbox.find(room, cid);
    if (item === undefined) return false;
    this.#forget(room, item);
    queueMicrotask(() => this.#pump(room));
    return true;
  }

  /** @param {string} room @returns {import('./types.js').Waiting[]} oldest first */
  waiting(room) {
    return this.#outbox.items(room).map(({ cid, text, firstSentAt }) => ({ cid, text, firstSentAt }));
  }

  // ---- what the connection tells

  /** @param {import('./types.js').Status} status */
  #statusChanged(status) {
    const isLost = status.phase === 'waiting' || status.phase === 'closed';
    if (isLost) {
      for (const membership of this.#rooms.values()) membership.lineLost();
      this.#outbox.lineLost(this.#canRepeat);
    }
    this.#tell((on) => on.onStatus?.(status));
    // After our own close() there is no further event.
    if (isLost && (status.phase === 'waiting' || status.code !== 0)) this.#reviewAll();
  }

  /** @param {import('./types.js').Hello} hello */
  #greeted(hello) {
    this.#hello = hello;
    // Only guests change their names.
    if (hello.features.has('auth')) this.#names.clear();
    this.#names.add(hello.user);
    this.#tell((on) => on.onHello?.(hello));
  }

  /** @param {Line} line */
  #online(line) {
    const wanted = [...this.#rooms.values()];
    const max = this.#hello?.limits.rooms ?? 0;
    for (const membership of wanted.slice(0, max)) if (membership.state === 'out') this.#join(line, membership);
    for (const membership of wanted.slice(max)) this.#joinFailed(membership, tooManyRooms());
    this.#reviewAll();
  }

  /** @param {Frame} frame */
  #received(frame) {
    const membership = this.#rooms.get(textOf(frame.room));
    if (membership?.state !== 'in') return;
    switch (frame.type) {
      case 'message': this.#receivedRecord(membership, frame); break;
      case 'typing': this.#receivedTyping(membership.room, frame); break;
      case 'gap': this.#receivedGap(membership, frame); break;
      case 'reset': this.#receivedReset(membership, frame); break;
      default:
    }
  }

  // ---- joining and leaving

  /**
   * @param {string} room
   * @param {boolean} isOnline
   * @returns {ChatError | null}
   */
  #joinProblem(room, isOnline) {
    if (!isRoomName(room)) return new ChatError('bad_request', 'This is no name for a room.');
    if (isOnline && this.#rooms.size >= (this.#hello?.limits.rooms ?? Infinity)) return tooManyRooms();
    return null;
  }

  /**
   * @param {Line} line
   * @param {Membership} membership
   */
  #join(line, membership) {
    const { room, position } = membership;
    membership.state = 'joining';
    line.request({ type: 'room.join', room, since: position ?? undefined }, (error, ack) => {
      // We may have left, or left and come back; and a lost line has no answers.
      if (this.#rooms.get(room) !== membership || membership.state !== 'joining') return;
      if (error === null) this.#joined(line, membership, readJoined(ack, position !== null));
      else if (error.code === 'conflict') this.#joinConflict(line, membership);
      else if (error.temporary) this.#joinLater(line, membership, error);
      else this.#joinFailed(membership, error);
    });
  }

  /**
   * @param {Line} line
   * @param {Membership} membership
   * @param {import('./types.js').Joined} joined
   */
  #joined(line, membership, joined) {
    const { room } = membership;
    membership.joined(joined);
    this.#awaitOwn(line, membership);
    this.#tell((on) => on.onJoined?.(room, joined));
    this.#pump(room);
  }

  /**
   * The server has us in the room, by a join whose answer came too late, say. Only a fresh join tells the position, so
   * we go out and in, once.
   * @param {Line} line
   * @param {Membership} membership
   */
  #joinConflict(line, membership) {
    if (membership.hadConflict) {
      this.#joined(line, membership, membership.assumed());
      return;
    }
    membership.hadConflict = true;
    line.post({ type: 'room.leave', room: membership.room });
    this.#join(line, membership);
  }

  /**
   * @param {Line} line
   * @param {Membership} membership
   * @param {ChatError} error
   */
  #joinLater(line, membership, error) {
    membership.state = 'later';
    line.later(retryDelay(membership.attempt, error.retryMs, this.#seams.random), () => {
      if (this.#rooms.get(membership.room) === membership) this.#join(line, membership);
    });
    membership.attempt += 1;
    this.#tell((on) => on.onJoinFailed?.(membership.room, error, false));
  }

  /**
   * @param {Membership} membership
   * @param {ChatError} error
   */
  #joinFailed(membership, error) {
    const { room } = membership;
    if (this.#rooms.get(room) !== membership) return;
    this.#rooms.delete(room);
    this.#tell((on) => on.onJoinFailed?.(room, error, true));
  }

  /**
   * @param {Line} line
   * @param {string} room
   */
  #leave(line, room, attempt = 0) {
    line.request({ type: 'room.leave', room }, (error) => {
      if (!error?.temporary || line.isOver) return;
      line.later(retryDelay(attempt, error.retryMs, this.#seams.random), () => {
        if (!this.#rooms.has(room)) this.#leave(line, room, attempt + 1);
      });
    });
  }

  // ---- what happens in a room

  /**
   * @param {Membership} membership
   * @param {Frame} frame
   */
  #receivedRecord(membership, frame) {
    const { room } = membership;
    if (isOtherKind(frame)) {
      this.#take(membership, readSeq(frame), () => this.#tell((on) => on.onRecord?.(room, frame)));
      return;
    }
    const message = readMessage(frame);
    if (message === null) return;
    this.#settleOwn(room, message);
    // The callback may have left the room or closed the connection; then the message comes again, or is not wanted.
    if (this.#rooms.get(room) !== membership || membership.state !== 'in') return;
    const live = membership.isLive(message.seq);
    this.#take(membership, message.seq, () => this.#tell((on) => on.onMessage?.(room, message, live)));
  }

  /**
   * Only what was handed over moves the position.
   * @param {Membership} membership
   * @param {number} seq
   * @param {() => void} handOver
   */
  #take(membership, seq, handOver) {
    if (seq < 0 || membership.isKnown(seq)) return;
    handOver();
    membership.moveTo(seq);
    this.#caughtUp(membership);
  }

  /**
   * @param {string} room
   * @param {Frame} frame
   */
  #receivedTyping(room, { user, typing }) {
    if (typeof user !== 'string' || user === '' || typeof typing !== 'boolean') return;
    this.#tell((on) => on.onTyping?.(room, user, typing));
  }

  /**
   * @param {Membership} membership
   * @param {Frame} frame
   */
  #receivedGap(membership, { from, to, epoch }) {
    if (!isCount(from) || !isCount(to) || from > to || membership.isKnown(to)) return;
    const position = membership.position;
    if (position !== null && epoch !== undefined && epoch !== position.epoch) return;
    membership.moveTo(to);
    this.#tell((on) => on.onGap?.(membership.room, from, to));
    this.#caughtUp(membership);
  }

  /**
   * @param {Membership} membership
   * @param {Frame} frame
   */
  #receivedReset(membership, frame) {
    const position = readPosition(frame);
    if (position === null) return;
    membership.reset(position);
    this.#tell((on) => on.onReset?.(membership.room, position.seq, position.epoch));
    this.#caughtUp(membership);
  }

  // ---- sending

  /** A message that comes twice is stored once. */
  get #canRepeat() {
    return this.#hello?.features.has('history') === true;
  }

  /**
   * What keeps a message from being sent at all, whatever the room.
   * @param {string} room
   * @param {Item} item
   * @returns {ChatError | null}
   */
  #flaw(room, item) {
    if (item.isHopeless) return unknownOutcome();
    if (this.#hello !== null && item.isTooLarge(room, this.#hello.limits)) {
      return new ChatError('too_large', 'The message is longer than this server takes.');
    }
    return null;
  }

  /** Looks at all messages of a room again and sends the next one. @param {string} room */
  #review(room) {
    for (const item of this.#outbox.items(room)) {
      const flaw = item.flight === null ? this.#flaw(room, item) : null;
      if (flaw !== null) this.#fail(room, item, flaw);
    }
    this.#pump(room);
  }

  #reviewAll() {
    for (const room of this.#outbox.rooms) this.#review(room);
  }

  /**
   * One message at a time is on its way to a room: so they keep their order whatever happens.
   * @param {string} room
   */
  #pump(room) {
    for (;;) {
      const line = this.#connection.line;
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
    return item.mayHaveArrived && (!this.#canRepeat || item.isTooOld(this.#seams.now()));
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
    const at = this.#seams.now();
    item.firstSentAt = at;
    queueMicrotask(() => this.#tell((on) => on.onSending?.(room, item.cid, at)));
  }

  /**
   * @param {Line} line
   * @param {string} room
   * @param {Item} item
   * @param {ChatError} error
   * @param {number} earlier  when it was first sent before this try
   */
  #refused(line, room, item, error, earlier) {
    const isClear = error.code !== 'timeout' && !(error.code === 'unavailable' && this.#canRepeat);
    if (isClear) item.firstSentAt = earlier;
    if (error.code === 'not_member') {
      this.#refusedAsStranger(line, room, item, error);
    } else if (error.temporary || !isClear) {
      this.#pause(line, room, item, error);
      this.#pump(room);
    } else {
      this.#fail(room, item, error);
      this.#pump(room);
    }
  }

  /**
   * @param {Line} line
   * @param {string} room
   * @param {Item} item
   * @param {ChatError} error
   */
  #pause(line, room, item, error) {
    item.isPaused = true;
    line.later(retryDelay(item.attempt, error.retryMs, this.#seams.random), () => {
      item.isPaused = false;
      this.#pump(room);
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
      this.#pump(room);
      return;
    }
    item.wasRejoined = true;
    this.#join(line, membership);
  }

  /**
   * Our own message among what the server sends says that it has arrived, before the answer or instead of it.
   * @param {string} room
   * @param {import('./types.js').Message} message
   */
  #settleOwn(room, { cid, user, seq, ts }) {
    if (cid === '' || !this.#names.has(user)) return;
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
    this.#tell((on) => on.onSent?.(room, item.cid, sent));
    this.#pump(room);
  }

  /**
   * @param {string} room
   * @param {Item} item
   * @param {ChatError} error
   */
  #fail(room, item, error) {
    // Another callback may have cancelled it.
    if (this.#forget(room, item)) this.#tell((on) => on.onSendFailed?.(room, item.cid, error));
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
   * A message too old to be repeated may be among the records we missed: it gets the time to show up.
   * @param {Line} line
   * @param {Membership} membership
   */
  #awaitOwn(line, membership) {
    if (!membership.isCatchingUp || !this.#outbox.head(membership.room)?.mayHaveArrived) return;
    membership.mayShowOwn = true;
    line.later(SHOW_OWN_MS, () => {
      membership.mayShowOwn = false;
      this.#pump(membership.room);
    });
  }

  /** @param {Membership} membership */
  #caughtUp(membership) {
    if (!membership.mayShowOwn || membership.isCatchingUp) return;
    membership.mayShowOwn = false;
    this.#pump(membership.room);
  }

  // ---- callbacks

  /** @param {(on: import('./types.js').ChatEvents) => void} call */
  #tell(call) {
    try {
      call(this.#events);
    } catch (error) {
      if (typeof reportError === 'function') reportError(error);
      else this.#seams.setTimeout(() => { throw error; }, 0);
    }
  }
}

function tooManyRooms() {
  return new ChatError('rate_limited', 'As many rooms as this server allows.');
}
