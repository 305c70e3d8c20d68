// SPDX-License-Identifier: MIT
// Positions: what moves them, what is dropped as known, and what is live.
// @ts-check

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { message, Stage } from './lib/stage.mjs';

/** @param {Stage} stage */
function seqs(stage) {
  return stage.of('onMessage').map(([, { seq }]) => seq);
}

test('the answer to the join gives the position', () => {
  const stage = new Stage();
  stage.inRoom('general', { epoch: 'e', seq: 3, top: 9 });
  assert.deepEqual(stage.chat.position('general'), { epoch: 'e', seq: 3 });
  assert.equal(stage.chat.position('elsewhere'), null);
});

test('it takes over also when it is behind what we had', () => {
  const stage = new Stage();
  stage.chat.join('general', { epoch: 'old', seq: 900 });
  const socket = stage.online();
  socket.acks(socket.takeOne(), { epoch: 'new', seq: 3, top: 5, recovered: false });
  assert.deepEqual(stage.chat.position('general'), { epoch: 'new', seq: 3 });
  socket.says(message(4));
  assert.deepEqual(seqs(stage), [4]);
});

test('a message moves it after the callback, to its own seq', () => {
  const stage = new Stage();
  const socket = stage.inRoom();
  /** @type {any} */ let during;
  stage.also.onMessage = () => { during = stage.chat.position('general'); };
  socket.says(message(15));
  assert.deepEqual(during, { epoch: 'e', seq: 10 });
  assert.deepEqual(stage.chat.position('general'), { epoch: 'e', seq: 15 });
});

test('the position that is handed out is a copy', () => {
  const stage = new Stage();
  stage.inRoom();
  const position = stage.chat.position('general');
  if (position) position.seq = 99;
  assert.deepEqual(stage.chat.position('general'), { epoch: 'e', seq: 10 });
});

test('messages at or below it are dropped as doubles', () => {
  const stage = new Stage();
  const socket = stage.inRoom();
  socket.says(message(9), message(10), message(11), message(11), message(12), message(11));
  assert.deepEqual(seqs(stage), [11, 12]);
});

test('numbers that are missing say nothing', () => {
  const stage = new Stage();
  const socket = stage.inRoom();
  socket.says(message(11), message(20));
  assert.deepEqual(seqs(stage), [11, 20]);
  assert.deepEqual(stage.of('onGap'), []);
});

test('what is above the top of the join is live', () => {
  const stage = new Stage();
  const socket = stage.inRoom('general', { epoch: 'e', seq: 10, top: 12 });
  socket.says(message(11), message(12), message(13));
  assert.deepEqual(stage.of('onMessage').map(([, { seq }, live]) => [seq, live]), [[11, false], [12, false], [13, true]]);
});

test('without a store everything is live and has no seq', () => {
  const stage = new Stage();
  const socket = stage.inRoom('general', { recovered: false }, { features: [] });
  socket.says({ type: 'message', room: 'general', ts: 5, user: 'bob', text: 'x' });
  assert.deepEqual(stage.of('onMessage'), [['general', { seq: 0, ts: 5, user: 'bob', text: 'x', cid: '' }, true]]);
});

test('a message without a number is live and moves nothing', () => {
  const stage = new Stage();
  const socket = stage.inRoom('general', { epoch: 'e', seq: 10, top: 12 });
  socket.says(message(0, { seq: undefined }));
  assert.deepEqual(stage.chat.position('general'), { epoch: 'e', seq: 10 });
  socket.says(message(11));
  assert.deepEqual(stage.of('onMessage').map(([, { seq }, live]) => [seq, live]), [[0, true], [11, false]]);
});

test('records of kinds that are not known are handed over raw, and count', () => {
  const stage = new Stage();
  const socket = stage.inRoom();
  const record = message(11, { kind: 'edit', ref: 4 });
  socket.says(record, record);
  assert.deepEqual(stage.of('onRecord'), [['general', record]]);
  assert.deepEqual(stage.of('onMessage'), []);
  assert.deepEqual(stage.chat.position('general'), { epoch: 'e', seq: 11 });
});

test('a record of another kind needs no text', () => {
  const stage = new Stage();
  const socket = stage.inRoom();
  socket.says({ type: 'message', room: 'general', seq: 11, kind: 'pin', ref: 3 });
  assert.equal(stage.of('onRecord').length, 1);
  assert.deepEqual(stage.chat.position('general'), { epoch: 'e', seq: 11 });
});

test('a gap moves it to its end', () => {
  const stage = new Stage();
  const socket = stage.inRoom();
  socket.says({ type: 'gap', room: 'general', from: 11, to: 30, epoch: 'e' });
  assert.deepEqual(stage.of('onGap'), [['general', 11, 30]]);
  assert.deepEqual(stage.chat.position('general'), { epoch: 'e', seq: 30 });
  socket.says(message(30), message(31));
  assert.deepEqual(seqs(stage), [31]);
});

test('a gap of what we have, or of another life, is none', () => {
  const stage = new Stage();
  const socket = stage.inRoom();
  socket.says({ type: 'gap', room: 'general', from: 5, to: 10, epoch: 'e' },
    { type: 'gap', room: 'general', from: 11, to: 20, epoch: 'other' });
  assert.deepEqual(stage.of('onGap'), []);
  assert.deepEqual(stage.chat.position('general'), { epoch: 'e', seq: 10 });
});

test('a reset sets it, back if need be, and what follows is live', () => {
  const stage = new Stage();
  const socket = stage.inRoom();
  socket.says({ type: 'reset', room: 'general', epoch: 'f', seq: 4 });
  assert.deepEqual(stage.of('onReset'), [['general', 4, 'f']]);
  assert.deepEqual(stage.chat.position('general'), { epoch: 'f', seq: 4 });
  socket.says(message(5), message(6));
  assert.deepEqual(stage.of('onMessage').map(([, { seq }, live]) => [seq, live]), [[5, true], [6, true]]);
  assert.deepEqual(stage.reconnect().takeOne().since, { epoch: 'f', seq: 6 });
});

test('a resume repeats nothing that was taken over', () => {
  const stage = new Stage();
  stage.inRoom().says(message(11), message(12));
  const socket = stage.reconnect();
  const join = socket.takeOne();
  socket.acks(join, { ...join.since, top: 14, recovered: true });
  socket.says(message(12), message(13), message(14));
  assert.deepEqual(seqs(stage), [11, 12, 13, 14]);
});

test('messages between a loss and the new join do not exist for us', () => {
  const stage = new Stage();
  stage.inRoom();
  const socket = stage.reconnect();
  stage.take();
  socket.says(message(11), { type: 'typing', room: 'general', user: 'bob', typing: true },
    { type: 'gap', room: 'general', from: 11, to: 12 }, { type: 'reset', room: 'general', epoch: 'f', seq: 0 });
  assert.deepEqual(stage.take(), []);
  assert.deepEqual(stage.chat.position('general'), { epoch: 'e', seq: 10 });
});

test('closing within onMessage: the message counts as taken, the next one does not come', () => {
  const stage = new Stage();
  const socket = stage.inRoom();
  stage.also.onMessage = () => stage.chat.close();
  socket.says(message(11), message(12));
  assert.deepEqual(seqs(stage), [11]);
  assert.deepEqual(stage.chat.position('general'), { epoch: 'e', seq: 11 });
});

test('leaving and joining within onMessage begins without a position', () => {
  const stage = new Stage();
  const socket = stage.inRoom();
  stage.also.onMessage = () => {
    stage.chat.leave('general');
    stage.chat.join('general');
  };
  socket.says(message(11));
  assert.equal(stage.chat.position('general'), null);
});

test('typing is told as it comes', () => {
  const stage = new Stage();
  const socket = stage.inRoom();
  socket.says({ type: 'typing', room: 'general', user: 'bob', typing: true },
    { type: 'typing', room: 'general', user: 'bob', typing: false });
  assert.deepEqual(stage.of('onTyping'), [['general', 'bob', true], ['general', 'bob', false]]);
});
