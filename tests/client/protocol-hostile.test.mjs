// SPDX-License-Identifier: MIT
// Frames that no honest server sends: none may throw, be believed, or keep the honest ones from being read.
// @ts-check

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HELLO, message, Stage } from './lib/stage.mjs';

/** @type {any[]} */
const ODD = [null, true, 0, -1, 1.5, 2 ** 53, -(2 ** 53), '', 'x', [], {}, [[]], { toString: 1 }];

/** Nothing was told or sent, and the client still works. @param {Stage} stage */
function isUnmoved(stage) {
  assert.deepEqual(stage.take(), []);
  assert.deepEqual(stage.socket.take(), []);
  assert.deepEqual(stage.chat.position('general'), { epoch: 'e', seq: 10 });
  stage.socket.says(message(11));
  assert.deepEqual(stage.take().map(([name]) => name), ['onMessage']);
}

for (const raw of ['', '{', 'null', '[]', '7', '"x"', 'NaN', '{"type":', '\u0000', new ArrayBuffer(4), undefined, null, {}]) {
  test(`no JSON object: ${JSON.stringify(raw) ?? raw}`, () => {
    const stage = new Stage();
    stage.inRoom().raw(raw);
    isUnmoved(stage);
  });
}

for (const type of [...ODD, 'constructor', '__proto__', 'nosuch']) {
  test(`a type that is none: ${JSON.stringify(type)}`, () => {
    const stage = new Stage();
    stage.inRoom().says({ ...message(11), type });
    isUnmoved(stage);
  });
}

for (const room of [...ODD, 'elsewhere', '__proto__', 'constructor']) {
  test(`a room we are not in: ${JSON.stringify(room)}`, () => {
    const stage = new Stage();
    stage.inRoom().says({ ...message(11), room }, { type: 'typing', room, user: 'bob', typing: true },
      { type: 'gap', room, from: 11, to: 12, epoch: 'e' }, { type: 'reset', room, epoch: 'f', seq: 0 });
    isUnmoved(stage);
  });
}

test('a message with a number that is none is ignored', () => {
  const stage = new Stage();
  const socket = stage.inRoom();
  for (const seq of ODD) socket.says({ ...message(11), seq });
  isUnmoved(stage);
});

test('so is a record of another kind', () => {
  const stage = new Stage();
  const socket = stage.inRoom();
  for (const seq of ODD) socket.says({ ...message(11), kind: 'edit', seq });
  isUnmoved(stage);
});

test('a message without an author or a text is ignored', () => {
  const stage = new Stage();
  const socket = stage.inRoom();
  for (const odd of ODD.filter((value) => typeof value !== 'string')) {
    socket.says(message(11, { user: odd }), message(11, { text: odd }));
  }
  socket.says(message(11, { user: '' }), message(11, { user: undefined }), message(11, { text: undefined }));
  isUnmoved(stage);
});

for (const [ts, read] of [[1, 1], [8.64e15, 8.64e15], [8.65e15, 0], [0, 0], [-1, 0], ['5', 0], [null, 0], [{}, 0]]) {
  test(`ts ${JSON.stringify(ts)} is read as ${read}`, () => {
    const stage = new Stage();
    stage.inRoom().says(message(11, { ts }));
    assert.equal(stage.of('onMessage')[0]?.[1].ts, read);
    assert.equal(Number.isNaN(new Date(Number(read)).getTime()), false);
  });
}

test('a cid that is no text is none', () => {
  const stage = new Stage();
  stage.inRoom().says(message(11, { cid: 7 }));
  assert.equal(stage.of('onMessage')[0]?.[1].cid, '');
});

test('typing that does not say who or what is ignored', () => {
  const stage = new Stage();
  const socket = stage.inRoom();
  for (const odd of ODD) {
    if (typeof odd !== 'boolean') socket.says({ type: 'typing', room: 'general', user: 'bob', typing: odd });
    if (odd !== 'x') socket.says({ type: 'typing', room: 'general', user: odd, typing: true });
  }
  isUnmoved(stage);
});

test('gaps without a sense are ignored', () => {
  const stage = new Stage();
  const socket = stage.inRoom();
  for (const odd of ODD) {
    socket.says({ type: 'gap', room: 'general', from: 11, to: odd }, { type: 'gap', room: 'general', from: odd, to: odd });
    if (odd !== 0) socket.says({ type: 'gap', room: 'general', from: odd, to: 20 });
  }
  socket.says({ type: 'gap', room: 'general', from: 20, to: 11 });
  isUnmoved(stage);
});

test('resets without a sense are ignored', () => {
  const stage = new Stage();
  const socket = stage.inRoom();
  for (const odd of ODD) {
    if (odd !== 0) socket.says({ type: 'reset', room: 'general', epoch: 'f', seq: odd });
    if (odd !== 'x') socket.says({ type: 'reset', room: 'general', epoch: odd, seq: 0 });
  }
  isUnmoved(stage);
});

test('answers to what nobody asked are ignored', () => {
  const stage = new Stage();
  const socket = stage.inRoom();
  for (const id of [...ODD, '1', '999', '__proto__', undefined]) {
    socket.says({ type: 'ack', id, epoch: 'f', seq: 0, top: 0 }, { type: 'error', id, code: 'conflict' });
  }
  isUnmoved(stage);
});

test('an ack of a join with numbers that are none is one without a store', () => {
  for (const odd of ODD.filter((value) => value !== 0)) {
    const stage = new Stage();
    stage.inRoom('general', { epoch: 'e', seq: odd, top: 5, recovered: true });
    assert.equal(stage.chat.position('general'), null);
    assert.ok(stage.chat.isJoined('general'));
  }
});

test('a top below the position is lifted to it', () => {
  for (const top of [3, ...ODD]) {
    const stage = new Stage();
    stage.inRoom('general', { epoch: 'e', seq: 10, top }).says(message(11));
    assert.equal(stage.of('onMessage')[0]?.[2], true);
    const other = new Stage();
    other.chat.join('general');
    const socket = other.online();
    socket.acks(socket.takeOne(), { epoch: 'e', seq: 10, top });
    assert.equal(other.of('onJoined')[0]?.[1].top, 10);
  }
});

test('an ack of a message with odd numbers still settles it', () => {
  for (const odd of ODD.filter((value) => value !== 0)) {
    const stage = new Stage();
    const socket = stage.inRoom();
    stage.chat.send('general', 'x');
    socket.acks(socket.takeOne(), { seq: odd, ts: typeof odd === 'number' ? -1 : odd, duplicate: odd === true ? 1 : odd });
    assert.deepEqual(stage.of('onSent')[0]?.[2], { seq: 0, ts: 0, duplicate: false });
  }
});

test('an error that does not say what is wrong is a permanent internal one', () => {
  for (const odd of ODD.filter((value) => value !== 'x')) {
    const stage = new Stage();
    const socket = stage.inRoom();
    stage.chat.send('general', 'x');
    socket.says({ type: 'error', id: socket.takeOne().id, code: odd, message: odd, temporary: odd === true ? 1 : odd, retry_ms: -1 });
    const [, , error] = /** @type {any} */ (stage.of('onSendFailed')[0]);
    assert.deepEqual([error.code, error.message, error.temporary, error.retryMs], ['internal', '', false, 0]);
  }
});

test('an error with the code lost, or offline, is the server\'s word and no more', () => {
  for (const code of ['lost', 'offline', 'unknown']) {
    const stage = new Stage();
    const socket = stage.inRoom();
    stage.chat.send('general', 'x');
    socket.refuses(socket.takeOne(), code);
    assert.equal(stage.of('onSendFailed').length, 1);
    assert.equal(stage.chat.status.phase, 'online');
  }
});

test('an endless retry_ms of a refusal is cut to ten minutes', () => {
  const stage = new Stage();
  const socket = stage.inRoom();
  stage.chat.send('general', 'x');
  socket.refuses(socket.takeOne(), 'rate_limited', { temporary: true, retry_ms: 2 ** 50 });
  for (let at = 0; at < 599_000; at += 1_000) {
    stage.clock.advance(1_000);
    for (const frame of socket.take()) {
      assert.equal(frame.type, 'ping');
      socket.acks(frame);
    }
  }
  stage.clock.advance(1_000);
  assert.ok(socket.take().some(({ type }) => type === 'message.send'));
});

test('a hello in which everything is odd has safe defaults', () => {
  for (const odd of ODD) {
    const stage = new Stage();
    const members = ['user', 'session', 'instance', 'server', 'features', 'ping_ms', 'limits'];
    stage.online(Object.fromEntries(members.map((name) => [name, odd])));
    const hello = stage.chat.hello;
    assert.equal(stage.chat.status.phase, 'online');
    assert.equal(typeof hello?.user, 'string');
    assert.equal(hello?.features.size, 0);
    assert.ok(hello.pingMs > 0);
    assert.deepEqual(hello.limits, { messageBytes: 65_536, textBytes: 4_096, rooms: 100, resume: 1_000 });
  }
});

test('odd limits and features have safe defaults one by one', () => {
  const stage = new Stage();
  stage.online({ features: ['typing', 7, null], limits: { message_bytes: -1, text_bytes: 'x', rooms: 0, resume: 0 } });
  assert.deepEqual([...stage.chat.hello?.features ?? []], ['typing']);
  assert.deepEqual(stage.chat.hello?.limits, { messageBytes: 65_536, textBytes: 4_096, rooms: 100, resume: 0 });
});

test('a bye in which everything is odd is a loss like others', () => {
  for (const odd of ODD) {
    const stage = new Stage();
    stage.online();
    stage.socket.says({ type: 'bye', code: odd, reason: odd, retry_ms: odd === 2 ** 53 ? -1 : odd });
    assert.equal(stage.chat.status.phase, 'waiting');
    assert.equal(stage.chat.status.retryAt, stage.clock.time + 250);
  }
});

test('a bye before hello ends the attempt', () => {
  const stage = new Stage();
  stage.chat.open();
  stage.socket.says({ type: 'bye', code: 1013, reason: 'full', retry_ms: 2_000 });
  assert.equal(stage.chat.status.code, 1013);
  assert.equal(stage.chat.status.retryAt, stage.clock.time + 2_000);
});

test('members of a prototype are no members', () => {
  const stage = new Stage();
  stage.inRoom().raw('{"type":"message","__proto__":{"room":"general","user":"x","text":"y","seq":11}}');
  isUnmoved(stage);
  assert.equal(/** @type {any} */ ({}).room, undefined);
});

test('ten thousand frames of noise leave the client as it was', () => {
  const stage = new Stage();
  const socket = stage.inRoom();
  let seed = 1;
  const draw = (/** @type {any[]} */ from) => {
    seed = (seed * 48_271) % 2_147_483_647;
    return from[seed % from.length];
  };
  const types = ['message', 'typing', 'gap', 'reset', 'ack', 'error', 'hello', ...ODD];
  const values = [...ODD, 'general', 'e', 11, HELLO];
  for (let i = 0; i < 10_000; i++) {
    const names = ['room', 'seq', 'ts', 'user', 'text', 'cid', 'kind', 'id', 'from', 'to', 'epoch', 'typing', 'code'];
    const frame = Object.fromEntries(names.map((name) => [name, draw(values)]));
    assert.doesNotThrow(() => socket.says({ ...frame, type: draw(types) }));
  }
  assert.equal(stage.chat.status.phase, 'online');
  assert.ok(stage.chat.isJoined('general'));
});
