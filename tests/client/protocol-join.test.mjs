// SPDX-License-Identifier: MIT
// Rooms: which are joined when, what comes of refusals, and leaving while things are on their way.
// @ts-check

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { message, Stage, turn } from './lib/stage.mjs';

const ACK = { epoch: 'e', seq: 10, top: 12, recovered: false };

test('all wanted rooms are joined at once after hello', () => {
  const stage = new Stage();
  for (const room of ['a', 'b', 'c']) stage.chat.join(room);
  const socket = stage.online();
  assert.deepEqual(socket.take().map(({ type, room, since }) => [type, room, since]),
    [['room.join', 'a', undefined], ['room.join', 'b', undefined], ['room.join', 'c', undefined]]);
  assert.deepEqual(stage.chat.rooms, ['a', 'b', 'c']);
});

test('a room is joined at once while online', () => {
  const stage = new Stage();
  const socket = stage.online();
  stage.chat.join('general');
  const join = socket.takeOne();
  assert.equal(stage.chat.isJoined('general'), false);
  socket.acks(join, { room: 'general', ...ACK });
  assert.equal(stage.chat.isJoined('general'), true);
  assert.deepEqual(stage.of('onJoined'), [['general', { ...ACK, resumed: false }]]);
});

test('a join asked twice is one join', () => {
  const stage = new Stage();
  stage.chat.join('general');
  stage.chat.join('general');
  const socket = stage.online();
  stage.chat.join('general');
  const join = socket.takeOne();
  socket.acks(join, ACK);
  stage.chat.join('general', { epoch: 'other', seq: 1 });
  assert.deepEqual(socket.take(), []);
  assert.deepEqual(stage.chat.position('general'), { epoch: 'e', seq: 10 });
});

test('a join within onHello, or within online, is one join', () => {
  for (const name of ['onHello', 'onStatus']) {
    const stage = new Stage();
    stage.also[name] = () => stage.chat.join('general');
    stage.chat.open();
    stage.chat.leave('general');
    stage.greet();
    assert.equal(stage.socket.takeOne().type, 'room.join');
  }
});

test('a kept position is told as since, and the answer says so', () => {
  const stage = new Stage();
  stage.chat.join('general', { epoch: 'e', seq: 7 });
  assert.deepEqual(stage.chat.position('general'), { epoch: 'e', seq: 7 });
  const socket = stage.online();
  const join = socket.takeOne();
  assert.deepEqual(join.since, { epoch: 'e', seq: 7 });
  socket.acks(join, { epoch: 'e', seq: 7, top: 12, recovered: true });
  assert.deepEqual(stage.of('onJoined'), [['general', { epoch: 'e', seq: 7, top: 12, recovered: true, resumed: true }]]);
});

for (const since of [{ epoch: '', seq: 0 }, { epoch: 'e', seq: -1 }, { epoch: 'e', seq: 1.5 }, { epoch: 5, seq: 1 }, 7, []]) {
  test(`${JSON.stringify(since)} is no position to keep`, () => {
    const stage = new Stage();
    stage.chat.join('general', /** @type {any} */ (since));
    assert.equal(stage.chat.position('general'), null);
    assert.equal('since' in stage.online().takeOne(), false);
  });
}

test('after a reconnect each room is joined from its own position', () => {
  const stage = new Stage();
  stage.chat.join('a');
  stage.chat.join('b');
  let socket = stage.online();
  const [a, b] = socket.take();
  socket.acks(/** @type {any} */ (a), { epoch: 'ea', seq: 1, top: 1 });
  socket.acks(/** @type {any} */ (b), { epoch: 'eb', seq: 2, top: 2 });
  socket.says(message(2, { room: 'a' }));
  socket = stage.reconnect();
  assert.equal(stage.chat.isJoined('a'), false);
  assert.deepEqual(socket.take().map(({ room, since }) => [room, since]),
    [['a', { epoch: 'ea', seq: 2 }], ['b', { epoch: 'eb', seq: 2 }]]);
});

test('without a store the answer has no epoch, and nothing is told as since', () => {
  const stage = new Stage();
  let socket = stage.inRoom('general', { recovered: false });
  assert.equal(stage.chat.position('general'), null);
  socket.says({ type: 'message', room: 'general', user: 'bob', text: 'x' });
  socket = stage.reconnect();
  assert.equal('since' in socket.takeOne(), false);
});

test('no more rooms than limits.rooms; the rest fail for good', () => {
  const stage = new Stage();
  for (const room of ['a', 'b', 'c', 'd']) stage.chat.join(room);
  const socket = stage.online({ limits: { rooms: 2 } });
  assert.deepEqual(socket.take().map(({ room }) => room), ['a', 'b']);
  assert.deepEqual(stage.of('onJoinFailed').map(([room, { code }, final]) => [room, code, final]),
    [['c', 'rate_limited', true], ['d', 'rate_limited', true]]);
  assert.deepEqual(stage.chat.rooms, ['a', 'b']);
});

test('who leaves a room before it is told that it cannot be joined is not told', () => {
  const stage = new Stage();
  for (const room of ['a', 'b', 'c']) stage.chat.join(room);
  stage.also.onJoinFailed = () => stage.chat.leave('c');
  stage.online({ limits: { rooms: 1 } });
  assert.deepEqual(stage.of('onJoinFailed').map(([room]) => room), ['b']);
});

test('while offline the next hello decides how many rooms there may be', () => {
  const stage = new Stage();
  stage.chat.join('a');
  stage.online({ limits: { rooms: 1 } });
  stage.socket.closes();
  stage.chat.join('b');
  stage.chat.retryNow();
  assert.deepEqual(stage.greet({ limits: { rooms: 2 } }).take().map(({ room }) => room), ['a', 'b']);
});

test('one room too many while online fails at the end of the turn; a place that was left can be taken', async () => {
  const stage = new Stage();
  stage.chat.join('a');
  const socket = stage.online({ limits: { rooms: 1 } });
  socket.acks(socket.takeOne(), ACK);
  stage.chat.join('b');
  assert.deepEqual(stage.of('onJoinFailed'), []);
  await turn();
  assert.deepEqual(stage.of('onJoinFailed').map(([room, { code }, final]) => [room, code, final]),
    [['b', 'rate_limited', true]]);
  assert.deepEqual(socket.take(), []);
  stage.chat.leave('a');
  stage.chat.join('b');
  assert.deepEqual(socket.take().map(({ type, room }) => [type, room]), [['room.leave', 'a'], ['room.join', 'b']]);
});

test('a name that is none is not even asked for', async () => {
  const stage = new Stage();
  const socket = stage.online();
  stage.chat.join('two words');
  await turn();
  assert.deepEqual(stage.of('onJoinFailed').map(([, { code }, final]) => [code, final]), [['bad_request', true]]);
  assert.deepEqual(socket.take(), []);
  assert.deepEqual(stage.chat.rooms, []);
});

test('a refusal for good is told as final, and not tried again', () => {
  const stage = new Stage();
  stage.chat.join('secret');
  let socket = stage.online();
  socket.refuses(socket.takeOne(), 'doorman.not_invited');
  const [[room, error, final]] = /** @type {any} */ (stage.of('onJoinFailed'));
  assert.deepEqual([room, error.code, error.message, final], ['secret', 'doorman.not_invited', 'doorman.not_invited.', true]);
  socket = stage.reconnect();
  stage.clock.advance(60_000);
  assert.equal(socket.take().some(({ type }) => type === 'room.join'), false);
});

test('a refusal for a while is tried again after retry_ms', () => {
  const stage = new Stage();
  stage.chat.join('general');
  const socket = stage.online();
  socket.refuses(socket.takeOne(), 'unavailable', { temporary: true, retry_ms: 3_000 });
  assert.deepEqual(stage.of('onJoinFailed').map(([, { code, temporary, retryMs }, final]) => [code, temporary, retryMs, final]),
    [['unavailable', true, 3_000, false]]);
  stage.clock.advance(2_999);
  assert.deepEqual(socket.take(), []);
  stage.clock.advance(1);
  socket.acks(socket.takeOne(), ACK);
  assert.ok(stage.chat.isJoined('general'));
});

test('without retry_ms it backs off', () => {
  const stage = new Stage();
  stage.chat.join('general');
  const socket = stage.online();
  for (const wait of [250, 500, 1_000, 2_000]) {
    socket.refuses(socket.takeOne(), 'internal', { temporary: true });
    stage.clock.advance(wait - 1);
    assert.deepEqual(socket.take(), []);
    stage.clock.advance(1);
  }
  assert.equal(socket.takeOne().type, 'room.join');
});

test('the back-off begins anew with a new line', () => {
  const stage = new Stage();
  stage.chat.join('general');
  let socket = stage.online();
  for (const wait of [250, 500]) {
    socket.refuses(socket.takeOne(), 'internal', { temporary: true });
    stage.clock.advance(wait);
  }
  socket = stage.reconnect();
  socket.refuses(socket.takeOne(), 'internal', { temporary: true });
  stage.clock.advance(250);
  assert.equal(socket.take().length, 1);
});

test('leaving ends the waiting for the next try', () => {
  const stage = new Stage();
  stage.chat.join('general');
  const socket = stage.online();
  socket.refuses(socket.takeOne(), 'unavailable', { temporary: true, retry_ms: 1_000 });
  stage.chat.leave('general');
  socket.take();
  stage.clock.advance(5_000);
  assert.deepEqual(socket.take(), []);
});

test('a join that waits for its next try is joined once after a reconnect', () => {
  const stage = new Stage();
  stage.chat.join('general');
  let socket = stage.online();
  socket.refuses(socket.takeOne(), 'unavailable', { temporary: true, retry_ms: 3_000 });
  socket = stage.reconnect();
  socket.acks(socket.takeOne(), ACK);
  stage.clock.advance(5_000);
  assert.deepEqual(socket.take(), []);
});

test('a join without an answer is asked for again', () => {
  const stage = new Stage();
  stage.chat.join('general');
  const socket = stage.online();
  const late = socket.takeOne();
  stage.clock.advance(10_000);
  socket.raw('alive');
  stage.clock.advance(5_000);
  assert.deepEqual(stage.of('onJoinFailed').map(([, { code }, final]) => [code, final]), [['timeout', false]]);
  stage.clock.advance(250);
  const again = socket.takeOne();
  socket.acks(late, ACK);
  assert.equal(stage.chat.isJoined('general'), false, 'its time is over');
  socket.acks(again, ACK);
  assert.ok(stage.chat.isJoined('general'));
});

test('conflict: the server has us in it, so we go out and in to learn where we are', () => {
  const stage = new Stage();
  stage.chat.join('general', { epoch: 'e', seq: 5 });
  const socket = stage.online();
  socket.refuses(socket.takeOne(), 'conflict');
  const [leave, join] = socket.take();
  assert.equal(leave?.type, 'room.leave');
  assert.deepEqual(join?.since, { epoch: 'e', seq: 5 });
  socket.acks(/** @type {any} */ (join), ACK);
  assert.ok(stage.chat.isJoined('general'));
  assert.deepEqual(stage.of('onJoinFailed'), []);
  assert.equal(stage.of('onJoined').length, 1);
});

test('a refusal for a while between two conflicts makes them two', () => {
  const stage = new Stage();
  stage.chat.join('general');
  const socket = stage.online();
  socket.refuses(socket.takeOne(), 'conflict');
  socket.refuses(/** @type {any} */ (socket.take()[1]), 'rate_limited', { temporary: true, retry_ms: 1_000 });
  stage.clock.advance(1_000);
  socket.refuses(socket.takeOne(), 'conflict');
  assert.deepEqual(socket.take().map(({ type }) => type), ['room.leave', 'room.join']);
});

test('conflict again counts as joined, with what we know', () => {
  const stage = new Stage();
  stage.chat.join('general', { epoch: 'e', seq: 5 });
  const socket = stage.online();
  socket.refuses(socket.takeOne(), 'conflict');
  socket.refuses(/** @type {any} */ (socket.take()[1]), 'conflict');
  assert.deepEqual(stage.of('onJoined'), [['general', { epoch: 'e', seq: 5, top: 5, recovered: false, resumed: true }]]);
  socket.says(message(6));
  assert.deepEqual(stage.chat.position('general'), { epoch: 'e', seq: 6 });
});

test('leave tells the server and forgets the room', () => {
  const stage = new Stage();
  const socket = stage.inRoom();
  stage.chat.leave('general');
  assert.equal(socket.takeOne().type, 'room.leave');
  assert.deepEqual(stage.chat.rooms, []);
  assert.equal(stage.chat.position('general'), null);
  socket.says(message(11), { type: 'typing', room: 'general', user: 'bob', typing: true });
  assert.deepEqual(stage.take(), [], 'what was on its way is ignored');
  assert.deepEqual(stage.reconnect().take(), []);
});

test('leave of a room that is not wanted, or not asked for yet, says nothing', () => {
  const stage = new Stage();
  stage.chat.leave('general');
  stage.chat.join('general');
  stage.chat.leave('general');
  const socket = stage.online();
  stage.chat.leave('general');
  assert.deepEqual(socket.take(), []);
});

test('a leave that is refused for a while is repeated, unless we are back', () => {
  const stage = new Stage();
  const socket = stage.inRoom();
  stage.chat.leave('general');
  socket.refuses(socket.takeOne(), 'rate_limited', { temporary: true, retry_ms: 400 });
  stage.clock.advance(400);
  socket.refuses(socket.takeOne(), 'rate_limited', { temporary: true, retry_ms: 400 });
  stage.chat.join('general');
  assert.equal(socket.takeOne().type, 'room.join');
  stage.clock.advance(10_000);
  assert.deepEqual(socket.take(), []);
});

test('leaving within the status online, before the joins, has nothing to say', () => {
  const stage = new Stage();
  stage.chat.join('general');
  stage.also.onStatus = ({ phase }) => {
    if (phase === 'online') stage.chat.leave('general');
  };
  assert.deepEqual(stage.online().take(), []);
});

test('a leave on its way ends with its line', () => {
  const stage = new Stage();
  const socket = stage.inRoom();
  stage.chat.leave('general');
  assert.equal(socket.take().length, 1);
  stage.chat.close();
  assert.equal(stage.clock.pending, 0);
});

test('leaving while the join is on its way: its answer is of no use', () => {
  const stage = new Stage();
  stage.chat.join('general');
  const socket = stage.online();
  const join = socket.takeOne();
  stage.chat.leave('general');
  assert.equal(socket.takeOne().type, 'room.leave');
  socket.acks(join, ACK);
  assert.deepEqual(stage.of('onJoined'), []);
  assert.equal(stage.chat.isJoined('general'), false);
});

test('joining again after leaving: only the answer to the second join counts', () => {
  const stage = new Stage();
  stage.chat.join('general');
  const socket = stage.online();
  const first = socket.takeOne();
  stage.chat.leave('general');
  stage.chat.join('general');
  const [, second] = socket.take();
  socket.refuses(first, 'conflict');
  socket.says(message(11));
  assert.deepEqual(stage.of('onMessage'), []);
  assert.deepEqual(socket.take(), [], 'the conflict is of the join we gave up');
  socket.acks(/** @type {any} */ (second), ACK);
  assert.equal(stage.of('onJoined').length, 1);
});

test('answers of an earlier line never count for a later one', () => {
  const stage = new Stage();
  stage.chat.join('general');
  const old = stage.online();
  const join = old.takeOne();
  const socket = stage.reconnect();
  assert.equal(socket.sent[0]?.id, join.id, 'ids begin anew with each line');
  old.acks(join, ACK);
  assert.equal(stage.chat.isJoined('general'), false);
  socket.acks(socket.takeOne(), ACK);
  assert.ok(stage.chat.isJoined('general'));
});

test('leaving within onJoined is fine', () => {
  const stage = new Stage();
  stage.also.onJoined = (room) => stage.chat.leave(room);
  stage.chat.send('general', 'waits');
  stage.chat.join('general');
  const socket = stage.online();
  socket.acks(socket.takeOne(), ACK);
  assert.deepEqual(socket.take().map(({ type }) => type), ['room.leave']);
  assert.equal(stage.chat.waiting('general').length, 1);
});

test('close() keeps the rooms and positions for the next open()', () => {
  const stage = new Stage();
  stage.inRoom();
  stage.chat.close();
  assert.deepEqual(stage.chat.rooms, ['general']);
  assert.equal(stage.chat.isJoined('general'), false);
  assert.deepEqual(stage.online().takeOne().since, { epoch: 'e', seq: 10 });
});
