// SPDX-License-Identifier: MIT
// The rooms a client wants to be in: joins and leaves over all connections, and what happens in the rooms.
// @ts-check

import { retryDelay } from './backoff.js';
import { ChatError } from './errors.js';
import { isCount, isOtherKind, readJoined, readMessage, readPosition, readSeq, textOf } from './frames.js';
import { Membership } from './membership.js';
import { isRoomName } from './rules.js';

/** @typedef {import('./frames.js').Frame} Frame */
/** @typedef {import('./line.js').Line} Line */

/**
 * What the outbox has to know.
 * @typedef {object} RoomsEvents
 * @property {(line: Line, membership: Membership) => void} onBeforeJoined
 * @property {(room: string) => void} onJoined
 * @property {(room: string, message: import('./types.js').Message) => void} onBeforeMessage
 */

function tooManyRooms() {
  return new ChatError('rate_limited', 'As many rooms as this server allows.');
}

export class Rooms {
  #session;
  #events;
  /** @type {Map<string, Membership>} */ #rooms = new Map();

  /**
   * @param {import('./session.js').Session} session
   * @param {RoomsEvents} events
   */
  constructor(session, events) {
    this.#session = session;
    this.#events = events;
  }

  get names() {
    return [...this.#rooms.keys()];
  }

  /** @param {string} room */
  get(room) {
    return this.#rooms.get(room);
  }

  /**
   * @param {string} room
   * @param {import('./types.js').Position | null} since
   */
  join(room, since) {
    if (this.#rooms.has(room)) return;
    const problem = this.#problem(room);
    if (problem !== null) {
      queueMicrotask(() => this.#session.tell((on) => on.onJoinFailed?.(room, problem, true)));
      return;
    }
    const { line } = this.#session;
    const membership = new Membership(room, since);
    this.#rooms.set(room, membership);
    if (line !== null) this.ask(line, membership);
  }

  /** @param {string} room */
  leave(room) {
    const membership = this.#rooms.get(room);
    if (membership === undefined) return;
    this.#rooms.delete(room);
    const { line } = this.#session;
    if (line !== null && membership.state !== 'out') this.#leave(line, room);
  }

  lineLost() {
    for (const membership of this.#rooms.values()) membership.lineLost();
  }

  /** All joins go out at once. @param {Line} line */
  online(line) {
    const wanted = [...this.#rooms.values()];
    const max = this.#max;
    for (const membership of wanted.slice(0, max)) if (membership.state === 'out') this.ask(line, membership);
    for (const membership of wanted.slice(max)) this.#joinFailed(membership, tooManyRooms());
  }

  /** Takes what is no answer. @param {Frame} frame */
  received(frame) {
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

  get #max() {
    return this.#session.hello?.limits.rooms ?? Infinity;
  }

  /** @param {string} room @returns {ChatError | null} */
  #problem(room) {
    if (!isRoomName(room)) return new ChatError('bad_request', 'This is no name for a room.');
    // While there is no line the limit may change with the next hello.
    return this.#session.line !== null && this.#rooms.size >= this.#max ? tooManyRooms() : null;
  }

  /**
   * Asks the server to let us in, once more if need be.
   * @param {Line} line
   * @param {Membership} membership
   */
  ask(line, membership) {
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
    this.#events.onBeforeJoined(line, membership);
    this.#session.tell((on) => on.onJoined?.(room, joined));
    this.#events.onJoined(room);
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
    this.ask(line, membership);
  }

  /**
   * @param {Line} line
   * @param {Membership} membership
   * @param {ChatError} error
   */
  #joinLater(line, membership, error) {
    membership.state = 'later';
    membership.hadConflict = false;
    line.later(retryDelay(membership.attempt, error.retryMs, this.#session.seams.random), () => {
      if (this.#rooms.get(membership.room) === membership) this.ask(line, membership);
    });
    membership.attempt += 1;
    this.#session.tell((on) => on.onJoinFailed?.(membership.room, error, false));
  }

  /**
   * @param {Membership} membership
   * @param {ChatError} error
   */
  #joinFailed(membership, error) {
    const { room } = membership;
    if (this.#rooms.get(room) !== membership) return;
    this.#rooms.delete(room);
    this.#session.tell((on) => on.onJoinFailed?.(room, error, true));
  }

  /**
   * @param {Line} line
   * @param {string} room
   */
  #leave(line, room, attempt = 0) {
    line.request({ type: 'room.leave', room }, (error) => {
      if (!error?.temporary) return;
      line.later(retryDelay(attempt, error.retryMs, this.#session.seams.random), () => {
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
      this.#take(membership, readSeq(frame), () => this.#session.tell((on) => on.onRecord?.(room, frame)));
      return;
    }
    const message = readMessage(frame);
    if (message === null) return;
    this.#events.onBeforeMessage(room, message);
    // The callback may have left the room or closed the connection; then the message comes again, or is not wanted.
    if (this.#rooms.get(room) !== membership || membership.state !== 'in') return;
    const live = membership.isLive(message.seq);
    this.#take(membership, message.seq, () => this.#session.tell((on) => on.onMessage?.(room, message, live)));
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
  }

  /**
   * @param {string} room
   * @param {Frame} frame
   */
  #receivedTyping(room, { user, typing }) {
    if (typeof user !== 'string' || user === '' || typeof typing !== 'boolean') return;
    this.#session.tell((on) => on.onTyping?.(room, user, typing));
  }

  /**
   * @param {Membership} membership
   * @param {Frame} frame
   */
  #receivedGap(membership, { from, to, epoch }) {
    if (!isCount(from) || !isCount(to) || from === 0 || from > to || membership.isKnown(to)) return;
    const position = membership.position;
    if (position !== null && epoch !== undefined && epoch !== position.epoch) return;
    membership.moveTo(to);
    this.#session.tell((on) => on.onGap?.(membership.room, from, to));
  }

  /**
   * @param {Membership} membership
   * @param {Frame} frame
   */
  #receivedReset(membership, frame) {
    const position = readPosition(frame);
    if (position === null) return;
    membership.reset(position);
    this.#session.tell((on) => on.onReset?.(membership.room, position.seq, position.epoch));
  }
}
