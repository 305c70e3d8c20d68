// SPDX-License-Identifier: MIT
// Two clients of the library chat over a real chatd; one is cut, misses some, resumes and gets what it missed.
// Usage: node real.mjs BASE_URL TOKEN [TOKEN_OF_THE_OTHER], or CHATD_URL and CHATD_TOKEN; needs the npm package ws.
// Without a token both are guests. Ends with status 0 and a line "ok", or with the first thing that went wrong.
// @ts-check

import assert from 'node:assert/strict';
import './lib/node18.mjs';

// @ts-ignore It is no dependency of the project: who runs this brings it.
const { WebSocket } = await import(process.env.WS_MODULE ?? 'ws');
const { ChatClient } = await import('../../static/js/protocol/chatd.js');

const base = process.argv[2] ?? process.env.CHATD_URL ?? '';
const token = process.argv[3] ?? process.env.CHATD_TOKEN ?? '';
const otherToken = process.argv[4] ?? process.env.CHATD_OTHER_TOKEN ?? token;
const ROOM = `real-${Date.now()}`;
const DEADLINE_MS = 30_000;

/** A client, what it has seen of the room, and a way to wait for it. */
class Person {
  /** @type {string[]} */ texts = [];
  /** @type {any[][]} */ events = [];
  /** @type {{close: () => void, terminate: () => void}[]} */ sockets = [];
  /** @type {(() => void)[]} */ #watchers = [];
  chat;

  /** @param {string} name @param {string} cookie */
  constructor(name, cookie) {
    this.name = name;
    const { sockets } = this;
    this.chat = new ChatClient(base, this.#listeners(), {
      WebSocket: /** @type {any} */ (class extends WebSocket {
        /** @param {string} url @param {string} subprotocol */
        constructor(url, subprotocol) {
          super(url, subprotocol, cookie === '' ? {} : { headers: { Cookie: `token=${cookie}` } });
          sockets.push(/** @type {any} */ (this));
        }
      }),
    });
  }

  #listeners() {
    const names = ['onStatus', 'onHello', 'onUnreachable', 'onJoined', 'onJoinFailed', 'onTyping', 'onGap', 'onReset',
      'onSent', 'onSendFailed'];
    const note = (/** @type {any[]} */ ...event) => {
      this.events.push(event);
      for (const watch of [...this.#watchers]) watch();
    };
    return {
      ...Object.fromEntries(names.map((name) => [name, (/** @type {any[]} */ ...args) => note(name, ...args)])),
      onMessage: (/** @type {string} */ room, /** @type {import('../../static/js/protocol/types.js').Message} */ message) => {
        this.texts.push(message.text);
        note('onMessage', room, message);
      },
    };
  }

  /**
   * @param {string} what
   * @param {() => boolean} condition
   * @returns {Promise<void>}
   */
  until(what, condition) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`${this.name}: ${what} did not happen: ${JSON.stringify(this.events.slice(-20))}`));
      }, DEADLINE_MS);
      const watch = () => {
        if (!condition()) return;
        clearTimeout(timer);
        this.#watchers = this.#watchers.filter((other) => other !== watch);
        resolve();
      };
      this.#watchers.push(watch);
      watch();
    });
  }

  /** @param {string} name */
  count(name) {
    return this.events.filter(([event]) => event === name).length;
  }

  /** The line is gone, and nobody says so to the server. */
  cut() {
    this.sockets.at(-1)?.terminate();
  }
}

const alice = new Person('alice', token);
const bob = new Person('bob', otherToken);

try {
  for (const person of [alice, bob]) {
    person.chat.join(ROOM);
    person.chat.open();
  }
  await Promise.all([alice, bob].map((person) => person.until('the join', () => person.chat.isJoined(ROOM))));

  // They chat: each message arrives at both, once, in order, and is acknowledged.
  for (let i = 0; i < 20; i++) alice.chat.send(ROOM, `a${i}`);
  const first = Array.from({ length: 20 }, (_, i) => `a${i}`);
  await bob.until('twenty messages', () => bob.texts.length >= 20);
  await alice.until('twenty answers', () => alice.count('onSent') === 20);
  assert.deepEqual(bob.texts, first);

  // An answer of any kind proves that the line lives.
  const lines = bob.sockets.length;
  bob.chat.check();
  await new Promise((resolve) => { setTimeout(resolve, 5_500); });
  assert.equal(bob.sockets.length, lines, 'a check ended a living line');

  // A session is renewed under an open connection.
  if (alice.chat.hello?.features.has('auth')) {
    assert.ok(/** @type {number} */ (alice.chat.hello?.leftMs) > 0);
    await alice.chat.refresh();
  }

  // Typing reaches the other.
  if (bob.chat.hello?.features.has('typing')) {
    assert.equal(bob.chat.typing(ROOM, true), true);
    await alice.until('typing', () => alice.count('onTyping') > 0);
  }

  // Bob is cut, writes all the same, and misses some.
  const keepsMessages = bob.chat.hello?.features.has('history') === true;
  bob.cut();
  await bob.until('the loss', () => bob.chat.status.phase !== 'online');
  bob.chat.send(ROOM, 'b0');
  alice.chat.send(ROOM, 'missed');
  await alice.until('the answer', () => alice.count('onSent') === 21);
  await bob.until('the return', () => bob.chat.isJoined(ROOM));
  await Promise.all([alice, bob].map((person) => person.until('b0', () => person.texts.includes('b0'))));
  if (keepsMessages) {
    const [, , joined] = bob.events.filter(([event]) => event === 'onJoined').at(-1) ?? [];
    assert.equal(joined.resumed, true);
    assert.equal(joined.recovered, true);
    assert.deepEqual(bob.texts, [...first, 'missed', 'b0']);
    assert.deepEqual(alice.texts, bob.texts);
    const page = await alice.chat.history(ROOM, { limit: 5 });
    assert.deepEqual(page.messages.map(({ text }) => text), bob.texts.slice(-5));
    assert.equal(page.more, true);
  }

  // Bob is cut with many messages on their way: each is there once, in order. A guest, whom the server does not know
  // again, is told which may be missing.
  /** @type {Map<string, string>} */ const sent = new Map();
  for (let i = 0; i < 30; i++) {
    sent.set(bob.chat.send(ROOM, `c${i}`), `c${i}`);
    if (keepsMessages && i % 10 === 5) {
      await new Promise((resolve) => { setTimeout(resolve, 2); });
      bob.cut();
    }
  }
  await bob.until('all answers', () => bob.chat.waiting(ROOM).length === 0);
  await alice.until('c29', () => alice.texts.includes('c29'));
  const arrived = alice.texts.filter((text) => text.startsWith('c'));
  const failed = bob.events.filter(([name]) => name === 'onSendFailed').map(([, , cid]) => sent.get(cid));
  assert.deepEqual(arrived, [...sent.values()].filter((text) => arrived.includes(text)));
  assert.deepEqual([...sent.values()].filter((text) => !arrived.includes(text) && !failed.includes(text)), []);
  if (bob.chat.hello?.features.has('auth')) assert.deepEqual(failed, []);

  // What cannot be sent says so.
  bob.chat.send(ROOM, 'x'.repeat((bob.chat.hello?.limits.textBytes ?? 0) + 1));
  await bob.until('a refusal', () => bob.count('onSendFailed') === failed.length + 1);

  // Leaving and coming back.
  bob.chat.leave(ROOM);
  bob.chat.join(ROOM);
  const joins = bob.count('onJoined');
  await bob.until('another join', () => bob.count('onJoined') > joins);
  assert.deepEqual(bob.events.filter(([name, , , final]) => name === 'onJoinFailed' && final), []);
  console.log('ok');
} finally {
  alice.chat.close();
  bob.chat.close();
}
