// SPDX-License-Identifier: MIT
// Requests and their answers, and pages of history.
// @ts-check

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ChatError } from '../../static/js/protocol/chatd.js';
import { message, Stage } from './lib/stage.mjs';

const ROW = { seq: 41, ts: 1_790_000_000_000, user: 'alice', text: 'Hello' };

/** @param {Promise<unknown>} promise @returns {Promise<ChatError>} */
function failure(promise) {
  return promise.then(() => assert.fail('it went well'), (error) => {
    assert.ok(error instanceof ChatError);
    return error;
  });
}

test('history asks for what it was asked for, and only that', () => {
  const stage = new Stage();
  const socket = stage.inRoom();
  void stage.chat.history('general');
  void stage.chat.history('general', { before: 41, limit: 20 });
  void stage.chat.history('general', { after: 7 });
  assert.deepEqual(socket.take().map(({ id, ...rest }) => rest), [
    { type: 'history.get', room: 'general' },
    { type: 'history.get', room: 'general', before: 41, limit: 20 },
    { type: 'history.get', room: 'general', after: 7 },
  ]);
});

test('a page comes with its messages, and where to go on', async () => {
  const stage = new Stage();
  const socket = stage.inRoom();
  const asked = stage.chat.history('general');
  socket.acks(socket.takeOne(), { room: 'general', messages: [ROW], epoch: 'e', top: 42, more: true, next: 41 });
  assert.deepEqual(await asked, { messages: [{ ...ROW, cid: '' }], epoch: 'e', top: 42, more: true, next: 41 });
});

test('a page does not move the position', async () => {
  const stage = new Stage();
  const socket = stage.inRoom();
  const asked = stage.chat.history('general');
  socket.acks(socket.takeOne(), { messages: [ROW], epoch: 'e', top: 42, more: false });
  await asked;
  assert.deepEqual(stage.chat.position('general'), { epoch: 'e', seq: 10 });
});

test('rows that are no messages are left out', async () => {
  const stage = new Stage();
  const socket = stage.inRoom();
  const asked = stage.chat.history('general');
  const rows = [null, 7, [], {}, { ...ROW, kind: 'edit', ref: 3 }, { ...ROW, text: 5 }, { ...ROW, seq: -1 }, ROW];
  socket.acks(socket.takeOne(), { messages: rows, epoch: 'e', top: 42 });
  assert.deepEqual((await asked).messages.map(({ seq }) => seq), [41]);
});

for (const ack of [{}, { messages: 'none', epoch: 5, top: -1, more: 'yes', next: 'x' }, { messages: {}, more: true }]) {
  test(`an odd page is an empty one: ${JSON.stringify(ack)}`, async () => {
    const stage = new Stage();
    const socket = stage.inRoom();
    const asked = stage.chat.history('general');
    socket.acks(socket.takeOne(), ack);
    assert.deepEqual(await asked, { messages: [], epoch: '', top: 0, more: false, next: 0 });
  });
}

test('while not online history rejects with offline', async () => {
  const stage = new Stage();
  for (const step of [() => {}, () => stage.chat.open(), () => stage.socket.closes()]) {
    step();
    const error = await failure(stage.chat.history('general'));
    assert.deepEqual([error.code, error.temporary], ['offline', true]);
  }
});

test('an error is handed on with all it says', async () => {
  const stage = new Stage();
  const socket = stage.inRoom();
  const asked = failure(stage.chat.history('general'));
  socket.says({ type: 'error', id: socket.takeOne().id, code: 'unavailable', message: 'Later.', temporary: true, retry_ms: 400 });
  const { name, code, message: text, temporary, retryMs } = await asked;
  assert.deepEqual({ name, code, text, temporary, retryMs },
    { name: 'ChatError', code: 'unavailable', text: 'Later.', temporary: true, retryMs: 400 });
});

test('answers find their requests in any order', async () => {
  const stage = new Stage();
  const socket = stage.inRoom();
  const asked = [1, 2, 3].map((after) => stage.chat.history('general', { after }));
  const frames = socket.take();
  assert.equal(new Set(frames.map(({ id }) => id)).size, 3);
  for (const frame of frames.reverse()) socket.acks(frame, { messages: [], top: frame.after });
  assert.deepEqual((await Promise.all(asked)).map(({ top }) => top), [1, 2, 3]);
});

test('an answer counts once', async () => {
  const stage = new Stage();
  const socket = stage.inRoom();
  const asked = stage.chat.history('general');
  const frame = socket.takeOne();
  socket.acks(frame, { top: 1 });
  socket.refuses(frame, 'internal');
  assert.equal((await asked).top, 1);
});

test('no answer within 15 s is a timeout; the line stays if anything was heard', async () => {
  const stage = new Stage();
  const socket = stage.inRoom();
  const asked = failure(stage.chat.history('general'));
  stage.clock.advance(1_000);
  socket.says(message(11));
  stage.clock.advance(14_000);
  const error = await asked;
  assert.deepEqual([error.code, error.temporary], ['timeout', true]);
  assert.equal(stage.chat.status.phase, 'online');
});

test('no answer and nothing else either: the line is dropped', async () => {
  const stage = new Stage();
  const socket = stage.inRoom();
  const asked = failure(stage.chat.history('general'));
  stage.clock.advance(14_999);
  assert.equal(stage.chat.status.phase, 'online');
  stage.clock.advance(1);
  assert.equal((await asked).code, 'timeout');
  assert.equal(stage.chat.status.phase, 'waiting');
  assert.ok(socket.isClosed);
});

test('a lost line loses its requests', async () => {
  const stage = new Stage();
  const socket = stage.inRoom();
  const asked = failure(stage.chat.history('general'));
  socket.closes();
  const error = await asked;
  assert.deepEqual([error.code, error.temporary], ['lost', true]);
});

test('a request that was answered costs nothing later', async () => {
  const stage = new Stage();
  const socket = stage.inRoom();
  const timers = stage.clock.pending;
  const asked = stage.chat.history('general');
  socket.acks(socket.takeOne());
  await asked;
  assert.equal(stage.clock.pending, timers);
  stage.clock.advance(20_000);
  assert.equal(stage.chat.status.phase, 'online');
});

test('so does close()', async () => {
  const stage = new Stage();
  stage.inRoom();
  const asked = failure(stage.chat.history('general'));
  stage.chat.close();
  assert.equal((await asked).code, 'lost');
});

test('a request of an earlier line is not answered by a later one with the same id', async () => {
  const stage = new Stage();
  const old = stage.inRoom();
  const asked = failure(stage.chat.history('general'));
  const { id } = old.takeOne();
  const socket = stage.reconnect();
  socket.says({ type: 'ack', id, messages: [ROW] });
  assert.equal((await asked).code, 'lost');
});
