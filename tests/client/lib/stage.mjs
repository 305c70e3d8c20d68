// SPDX-License-Identifier: MIT
// A client with a server that says only what a test makes it say, and a record of everything the client told.
// @ts-check

import './node18.mjs';
import { ChatClient } from '../../../static/js/protocol/chatd.js';
import { Clock } from './clock.mjs';

/** @typedef {Record<string, any>} Frame */

export const HELLO = {
  type: 'hello', user: 'alice', session: 's', instance: 'i', server: 'chatd/test',
  features: ['auth', 'rooms', 'history', 'typing'], ping_ms: 25_000,
  limits: { message_bytes: 65_536, text_bytes: 4_096, rooms: 100, resume: 1_000 },
};

/** The server's end of a WebSocket. Like a real one it says nothing by itself after the client has closed it. */
export class FakeSocket {
  /** @type {((event: any) => void) | null} */ onmessage = null;
  /** @type {((event: any) => void) | null} */ onclose = null;
  /** @type {((event: any) => void) | null} */ onerror = null;
  /** @type {Frame[]} what the client sent and the test has not looked at */ sent = [];
  isClosed = false;

  /** @param {string} url @param {string} subprotocol */
  constructor(url, subprotocol) {
    this.url = url;
    this.subprotocol = subprotocol;
  }

  /** @param {string} data */
  send(data) {
    this.sent.push(JSON.parse(data));
  }

  close() {
    this.isClosed = true;
  }

  /** @param {unknown} data */
  raw(data) {
    this.onmessage?.({ data });
  }

  /** @param {Frame[]} frames */
  says(...frames) {
    for (const frame of frames) this.raw(JSON.stringify(frame));
  }

  closes(code = 1006, reason = '') {
    this.onclose?.({ code, reason });
  }

  /** What was sent since the last call. */
  take() {
    return this.sent.splice(0);
  }

  /** The only frame that was sent since the last call. */
  takeOne() {
    const frames = this.take();
    if (frames.length !== 1) throw new Error(`one frame expected: ${JSON.stringify(frames)}`);
    return /** @type {Frame} */ (frames[0]);
  }

  /** @param {Frame} request @param {Frame} [members] */
  acks(request, members = {}) {
    this.says({ type: 'ack', id: request.id, ...members });
  }

  /** @param {Frame} request @param {string} code @param {Frame} [members] */
  refuses(request, code, members = {}) {
    this.says({ type: 'error', id: request.id, code, message: `${code}.`, temporary: false, ...members });
  }
}

export class Stage {
  clock = new Clock();
  /** @type {FakeSocket[]} */ sockets = [];
  /** Each event as [name, ...arguments]. @type {any[][]} */ events = [];
  /** What Math.random would say. */ random = 0.5;
  /** More to do at an event, by its name. @type {Record<string, (...args: any[]) => void>} */ also = {};
  chat;

  constructor(base = 'https://chat.example/sub/') {
    const stage = this;
    this.chat = new ChatClient(new URL(base), this.#listeners(), {
      WebSocket: class extends FakeSocket {
        /** @param {string} url @param {string} subprotocol */
        constructor(url, subprotocol) {
          super(url, subprotocol);
          if (stage.dialFails) throw new Error('not allowed');
          stage.sockets.push(this);
        }
      },
      now: this.clock.now,
      setTimeout: this.clock.setTimeout,
      clearTimeout: this.clock.clearTimeout,
      random: () => this.random,
    });
  }

  dialFails = false;

  #listeners() {
    const names = ['onStatus', 'onHello', 'onExpiring', 'onUnreachable', 'onJoined', 'onJoinFailed', 'onMessage', 'onRecord',
      'onTyping', 'onGap', 'onReset', 'onSending', 'onSent', 'onSendFailed'];
    return Object.fromEntries(names.map((name) => [name, (/** @type {any[]} */ ...args) => {
      this.events.push([name, ...args]);
      this.also[name]?.(...args);
    }]));
  }

  /** The latest socket. */
  get socket() {
    const socket = this.sockets.at(-1);
    if (socket === undefined) throw new Error('nothing was dialed');
    return socket;
  }

  /** The arguments of all events of one name since the last call of take(). @param {string} name */
  of(name) {
    return this.events.filter(([event]) => event === name).map(([, ...args]) => args);
  }

  /** Forgets and returns what was told. */
  take() {
    return this.events.splice(0);
  }

  get phases() {
    return this.of('onStatus').map(([status]) => status.phase);
  }

  /** Opens and greets. @param {Frame} [hello]  members that differ */
  online(hello = {}) {
    this.chat.open();
    return this.greet(hello);
  }

  /** @param {Frame} [hello] */
  greet(hello = {}) {
    this.socket.says({ ...HELLO, ...hello });
    return this.socket;
  }

  /** The line breaks, and the next one is dialed and greeted. @param {Frame} [hello] */
  reconnect(hello = {}) {
    this.socket.closes();
    this.chat.retryNow();
    return this.greet(hello);
  }

  /**
   * Online and in a room.
   * @param {string} [room]
   * @param {Frame} [ack]
   * @param {Frame} [hello]
   */
  inRoom(room = 'general', ack = { epoch: 'e', seq: 10, top: 10, recovered: false }, hello = {}) {
    const socket = this.online(hello);
    this.chat.join(room);
    socket.acks(socket.takeOne(), { room, ...ack });
    this.take();
    return socket;
  }
}

/** @param {number} seq @param {Frame} [more] */
export function message(seq, more = {}) {
  return { type: 'message', room: 'general', seq, ts: 1_790_000_000_000 + seq, user: 'bob', text: `m${seq}`, ...more };
}

/** Lets everything that was put off to the end of the turn happen. */
export function turn() {
  return new Promise((resolve) => { setImmediate(resolve); });
}
