// SPDX-License-Identifier: MIT
// Messages on their way: order, repeats, what settles them, and when a repeat is no longer safe.
// @ts-check

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { message, Stage, turn } from './lib/stage.mjs';

/** @typedef {import('./lib/stage.mjs').FakeSocket} FakeSocket */

const MINUTE = 60_000;

/** Answers the join that was just sent. @param {FakeSocket} socket @param {Record<string, any>} [more] */
function letIn(socket, more = {}) {
  const join = socket.takeOne();
  assert.equal(join.type, 'room.join');
  socket.acks(join, { epoch: 'e', seq: 10, top: 10, recovered: true, ...join.since, ...more });
}

/** @param {Stage} stage */
function failures(stage) {
  return stage.of('onSendFailed').map(([room, cid, { code }]) => [room, cid, code]);
}

/** @param {Stage} stage */
function texts(stage, room = 'general') {
  return stage.chat.waiting(room).map(({ text }) => text);
}

test('a message goes out at once and is settled by its ack', () => {
  const stage = new Stage();
  const socket = stage.inRoom();
  const cid = stage.chat.send('general', 'Hello');
  const send = socket.takeOne();
  assert.deepEqual(send, { type: 'message.send', id: send.id, room: 'general', text: 'Hello', cid });
  assert.deepEqual(stage.chat.waiting('general'), [{ cid, text: 'Hello', firstSentAt: stage.clock.time }]);
  socket.acks(send, { room: 'general', seq: 11, ts: 1_790_000_000_000, cid });
  assert.deepEqual(stage.of('onSent'), [['general', cid, { seq: 11, ts: 1_790_000_000_000, duplicate: false }]]);
  assert.deepEqual(stage.chat.waiting('general'), []);
});

test('a cid is 128 random bits', () => {
  const stage = new Stage();
  const cids = new Set(Array.from({ length: 100 }, () => stage.chat.send('general', 'x')));
  assert.equal(cids.size, 100);
  for (const cid of cids) assert.match(cid, /^[0-9a-f]{32}$/);
});

test('one message of a room is on its way at a time, so order is kept', () => {
  const stage = new Stage();
  const socket = stage.inRoom();
  for (const text of ['1', '2', '3']) stage.chat.send('general', text);
  for (const text of ['1', '2', '3']) {
    const send = socket.takeOne();
    assert.equal(send.text, text);
    socket.acks(send, { seq: 10 + Number(text) });
  }
  assert.deepEqual(socket.take(), []);
});

test('rooms do not wait for each other', () => {
  const stage = new Stage();
  const socket = stage.inRoom('a');
  stage.chat.join('b');
  letIn(socket);
  stage.chat.send('a', 'to a');
  stage.chat.send('b', 'to b');
  assert.deepEqual(socket.take().map(({ room }) => room), ['a', 'b']);
});

test('messages wait for the connection, then for the join', () => {
  const stage = new Stage();
  stage.chat.send('general', 'early');
  const socket = stage.online();
  assert.deepEqual(socket.take(), []);
  stage.chat.join('general');
  stage.chat.send('general', 'later');
  letIn(socket);
  assert.equal(socket.takeOne().text, 'early');
  assert.deepEqual(texts(stage), ['early', 'later']);
});

test('onSending tells when a message first went out, after its cid is known', async () => {
  const stage = new Stage();
  const socket = stage.inRoom();
  const cid = stage.chat.send('general', 'x');
  assert.deepEqual(stage.of('onSending'), []);
  await turn();
  assert.deepEqual(stage.of('onSending'), [['general', cid, stage.clock.time]]);
  socket.closes();
  stage.chat.retryNow();
  letIn(stage.greet());
  await turn();
  assert.equal(stage.of('onSending').length, 1);
});

test('after a lost connection it is repeated with the same cid, in order', () => {
  const stage = new Stage();
  let socket = stage.inRoom();
  const cid = stage.chat.send('general', '1');
  stage.chat.send('general', '2');
  socket.take();
  socket = stage.reconnect();
  letIn(socket);
  const again = socket.takeOne();
  assert.deepEqual([again.text, again.cid], ['1', cid]);
  socket.acks(again, { seq: 11, duplicate: true });
  assert.deepEqual(stage.of('onSent'), [['general', cid, { seq: 11, ts: 0, duplicate: true }]]);
  assert.equal(socket.takeOne().text, '2');
});

test('an ack of the lost line does not count', () => {
  const stage = new Stage();
  const old = stage.inRoom();
  stage.chat.send('general', 'x');
  const send = old.takeOne();
  const socket = stage.reconnect();
  letIn(socket);
  old.acks(send, { seq: 11 });
  assert.deepEqual(stage.of('onSent'), []);
});

for (const code of ['unavailable', 'timeout']) {
  test(`after ${code} it is repeated with the same cid after retry_ms, and the next one waits`, () => {
    const stage = new Stage();
    const socket = stage.inRoom();
    const cid = stage.chat.send('general', '1');
    stage.chat.send('general', '2');
    const sentAt = stage.clock.time;
    socket.refuses(socket.takeOne(), code, { temporary: true, retry_ms: 1_000 });
    stage.clock.advance(999);
    assert.deepEqual(socket.take(), []);
    stage.clock.advance(1);
    const again = socket.takeOne();
    assert.deepEqual([again.text, again.cid], ['1', cid]);
    assert.equal(stage.chat.waiting('general')[0]?.firstSentAt, sentAt);
  });
}

test('temporary refusals back off when the server names no time', () => {
  const stage = new Stage();
  const socket = stage.inRoom();
  stage.chat.send('general', 'x');
  for (const wait of [250, 500, 1_000, 2_000]) {
    socket.refuses(socket.takeOne(), 'rate_limited', { temporary: true });
    stage.clock.advance(wait - 1);
    assert.deepEqual(socket.take(), []);
    stage.clock.advance(1);
  }
  assert.equal(socket.take().length, 1);
});

test('a clear refusal leaves no doubt behind: it did not arrive', () => {
  const stage = new Stage();
  const socket = stage.inRoom();
  stage.chat.send('general', 'x');
  socket.refuses(socket.takeOne(), 'rate_limited', { temporary: true, retry_ms: 100 });
  assert.equal(stage.chat.waiting('general')[0]?.firstSentAt, 0);
});

test('an earlier doubt stays through a clear refusal', async () => {
  const stage = new Stage();
  const socket = stage.inRoom();
  const firstSentAt = stage.clock.time - MINUTE;
  stage.chat.send('general', 'x', { firstSentAt });
  await turn();
  socket.refuses(socket.takeOne(), 'rate_limited', { temporary: true, retry_ms: 100 });
  assert.equal(stage.chat.waiting('general')[0]?.firstSentAt, firstSentAt);
});

test('timeout and unavailable are repeated whatever they say of themselves', () => {
  for (const code of ['timeout', 'unavailable']) {
    const stage = new Stage();
    const socket = stage.inRoom();
    stage.chat.send('general', 'x');
    socket.refuses(socket.takeOne(), code);
    stage.clock.advance(250);
    assert.equal(socket.takeOne().text, 'x');
  }
});

test('a pause ends with its line', () => {
  const stage = new Stage();
  let socket = stage.inRoom();
  stage.chat.send('general', 'x');
  socket.refuses(socket.takeOne(), 'rate_limited', { temporary: true, retry_ms: 60_000 });
  socket = stage.reconnect();
  letIn(socket);
  assert.equal(socket.takeOne().text, 'x');
  stage.clock.advance(5_000);
  assert.deepEqual(socket.take(), []);
});

test('a permanent refusal fails, and the next one goes', () => {
  const stage = new Stage();
  const socket = stage.inRoom();
  const cid = stage.chat.send('general', 'bad');
  stage.chat.send('general', 'good');
  socket.refuses(socket.takeOne(), 'words.forbidden');
  assert.deepEqual(failures(stage), [['general', cid, 'words.forbidden']]);
  assert.equal(socket.takeOne().text, 'good');
});

test('an answer that does not come within 15 s on a living line: repeated', () => {
  const stage = new Stage();
  const socket = stage.inRoom();
  const cid = stage.chat.send('general', 'x');
  socket.take();
  stage.clock.advance(10_000);
  socket.raw('alive');
  stage.clock.advance(5_250);
  assert.equal(socket.takeOne().cid, cid);
  assert.deepEqual(failures(stage), []);
});

test('its own event settles a message before the ack, and the ack adds nothing', () => {
  const stage = new Stage();
  const socket = stage.inRoom();
  const cid = stage.chat.send('general', 'x');
  stage.chat.send('general', 'next');
  const send = socket.takeOne();
  stage.take();
  socket.says(message(11, { user: 'alice', text: 'x', cid, ts: 5 }));
  assert.deepEqual(stage.take().map(([name]) => name), ['onSent', 'onMessage']);
  const next = socket.takeOne();
  assert.equal(next.text, 'next');
  socket.acks(send, { seq: 11 });
  assert.deepEqual(stage.take(), []);
  assert.deepEqual(texts(stage), ['next']);
});

test('its own event after the ack adds no second onSent', () => {
  const stage = new Stage();
  const socket = stage.inRoom();
  const cid = stage.chat.send('general', 'x');
  socket.acks(socket.takeOne(), { seq: 11 });
  socket.says(message(11, { user: 'alice', text: 'x', cid }));
  assert.equal(stage.of('onSent').length, 1);
  assert.equal(stage.of('onMessage').length, 1);
});

test('the cid of somebody else\'s message means nothing', () => {
  const stage = new Stage();
  const socket = stage.inRoom();
  const cid = stage.chat.send('general', 'x');
  socket.says(message(11, { user: 'mallory', cid }));
  assert.deepEqual(stage.of('onSent'), []);
  assert.equal(texts(stage).length, 1);
});

test('the cid in another room means nothing either', () => {
  const stage = new Stage();
  const socket = stage.inRoom('a');
  stage.chat.join('b');
  letIn(socket);
  const cid = stage.chat.send('a', 'x');
  socket.says(message(11, { room: 'b', user: 'alice', cid }));
  assert.deepEqual(stage.of('onSent'), []);
});

test('what arrived before the loss is settled by the resume, not repeated', () => {
  const stage = new Stage();
  stage.inRoom();
  const cid = stage.chat.send('general', '1');
  stage.chat.send('general', '2');
  const socket = stage.reconnect();
  letIn(socket, { top: 11 });
  const repeat = socket.takeOne();
  socket.says(message(11, { user: 'alice', cid, text: '1' }));
  assert.equal(stage.of('onSent').length, 1);
  assert.equal(socket.takeOne().text, '2');
  socket.acks(repeat, { seq: 11, duplicate: true });
  assert.equal(stage.of('onSent').length, 1);
});

test('a guest\'s message is its own also under the name of an earlier connection', () => {
  const stage = new Stage();
  stage.inRoom('general', undefined, { features: ['history'], user: 'guest-1' });
  const cid = stage.chat.send('general', 'x');
  const socket = stage.reconnect({ features: ['history'], user: 'guest-2' });
  letIn(socket, { top: 11 });
  socket.says(message(11, { user: 'guest-1', cid }));
  assert.equal(stage.of('onSent').length, 1);
});

test('a guest has another name after a reconnect, and the server would not know the repeat: it is unknown', () => {
  const stage = new Stage();
  stage.inRoom('general', undefined, { features: ['history'], user: 'guest-1' });
  const cid = stage.chat.send('general', 'x');
  stage.chat.send('general', 'not out');
  const socket = stage.reconnect({ features: ['history'], user: 'guest-2' });
  letIn(socket);
  assert.deepEqual(socket.take(), []);
  stage.clock.advance(5_000);
  assert.deepEqual(failures(stage), [['general', cid, 'unknown']]);
  assert.equal(socket.takeOne().text, 'not out');
});

test('a guest\'s message that was clearly refused is repeated under the new name', () => {
  const stage = new Stage();
  const old = stage.inRoom('general', undefined, { features: ['history'], user: 'guest-1' });
  stage.chat.send('general', 'x');
  old.refuses(old.takeOne(), 'rate_limited', { temporary: true, retry_ms: 60_000 });
  const socket = stage.reconnect({ features: ['history'], user: 'guest-2' });
  letIn(socket);
  assert.equal(socket.takeOne().text, 'x');
});

test('a restored message of a guest is not repeated either', async () => {
  const stage = new Stage();
  const socket = stage.inRoom('general', undefined, { features: ['history'], user: 'guest-1' });
  stage.chat.send('general', 'x', { firstSentAt: stage.clock.time - MINUTE });
  await turn();
  assert.equal(failures(stage).length, 1);
  assert.deepEqual(socket.take(), []);
});

test('another account\'s message is not repeated under this one', () => {
  const stage = new Stage();
  stage.inRoom();
  stage.chat.send('general', 'x');
  letIn(stage.reconnect({ user: 'bob' }));
  stage.clock.advance(5_000);
  assert.deepEqual(failures(stage).map(([, , code]) => code), ['unknown']);
});

test('with accounts an earlier name is somebody else\'s', () => {
  const stage = new Stage();
  stage.inRoom();
  const cid = stage.chat.send('general', 'x');
  const socket = stage.reconnect({ user: 'bob' });
  letIn(socket, { top: 11 });
  socket.says(message(11, { user: 'alice', cid }));
  assert.deepEqual(stage.of('onSent'), []);
});

test('not_member while the join is on its way: it waits for the join', () => {
  const stage = new Stage();
  const socket = stage.inRoom();
  stage.chat.send('general', 'x');
  const send = socket.takeOne();
  stage.chat.leave('general');
  stage.chat.join('general');
  const [, join] = socket.take();
  socket.refuses(send, 'not_member');
  assert.deepEqual(failures(stage), []);
  assert.deepEqual(socket.take(), []);
  socket.acks(/** @type {any} */ (join), { epoch: 'e', seq: 10, top: 10 });
  assert.equal(socket.takeOne().text, 'x');
});

test('not_member out of the blue: we join again from our position, and then send', () => {
  const stage = new Stage();
  const socket = stage.inRoom();
  const cid = stage.chat.send('general', 'x');
  socket.refuses(socket.takeOne(), 'not_member');
  assert.equal(stage.chat.isJoined('general'), false);
  letIn(socket);
  const again = socket.takeOne();
  assert.equal(again.cid, cid);
  socket.refuses(again, 'not_member');
  assert.deepEqual(failures(stage), [['general', cid, 'not_member']], 'but only once');
});

test('messages to a room that was left wait for the next join', () => {
  const stage = new Stage();
  const socket = stage.inRoom();
  stage.chat.send('general', '1');
  stage.chat.send('general', '2');
  const send = socket.takeOne();
  stage.chat.leave('general');
  socket.take();
  socket.refuses(send, 'not_member');
  assert.deepEqual(texts(stage), ['1', '2']);
  stage.chat.join('general');
  letIn(socket);
  assert.equal(socket.takeOne().text, '1');
});

test('nine minutes after it first went out it is no longer repeated', () => {
  const stage = new Stage();
  stage.inRoom();
  const cid = stage.chat.send('general', 'old');
  stage.chat.send('general', 'never out');
  stage.socket.closes();
  stage.chat.close();
  stage.clock.advance(9 * MINUTE);
  const socket = stage.online();
  letIn(socket);
  stage.clock.advance(5_000);
  assert.deepEqual(failures(stage), [['general', cid, 'unknown']]);
  assert.equal(socket.takeOne().text, 'never out');
});

test('a moment before that it still is', () => {
  const stage = new Stage();
  stage.inRoom();
  stage.chat.send('general', 'old');
  stage.chat.close();
  stage.clock.advance(9 * MINUTE - 1);
  const socket = stage.online();
  letIn(socket);
  assert.equal(socket.takeOne().text, 'old');
});

test('a message too old to repeat waits for the records we missed: it may be among them', () => {
  const stage = new Stage();
  stage.inRoom();
  const cid = stage.chat.send('general', 'old');
  stage.chat.close();
  stage.clock.advance(60 * MINUTE);
  const socket = stage.online();
  letIn(socket, { top: 12 });
  socket.says(message(11));
  assert.deepEqual(failures(stage), []);
  socket.says(message(12, { user: 'alice', cid }));
  assert.equal(stage.of('onSent').length, 1);
  assert.deepEqual(failures(stage), []);
});

test('when it is not among them, it fails after five seconds', () => {
  const stage = new Stage();
  stage.inRoom();
  stage.chat.send('general', 'old');
  stage.chat.close();
  stage.clock.advance(60 * MINUTE);
  const socket = stage.online();
  letIn(socket, { top: 12 });
  socket.says(message(11), message(12));
  stage.clock.advance(4_999);
  assert.equal(failures(stage).length, 0);
  stage.clock.advance(1);
  assert.equal(failures(stage).length, 1);
});

test('repeats on one line end after nine minutes too', () => {
  const stage = new Stage();
  const socket = stage.inRoom();
  stage.chat.send('general', 'x');
  for (let at = 0; at < 12 * MINUTE && failures(stage).length === 0; at += 10_000) {
    for (const frame of socket.take()) {
      if (frame.type === 'message.send') socket.refuses(frame, 'unavailable', { temporary: true });
      else socket.acks(frame);
    }
    stage.clock.advance(10_000);
  }
  assert.deepEqual(failures(stage).map(([, , code]) => code), ['unknown']);
});

test('a clock that was set back far makes no old message young', () => {
  const stage = new Stage();
  stage.inRoom();
  stage.chat.send('general', 'x');
  stage.chat.close();
  stage.clock.time -= 60 * MINUTE;
  letIn(stage.online());
  stage.clock.advance(5_000);
  assert.equal(failures(stage).length, 1);
});

test('a restored message keeps its cid and its time', () => {
  const stage = new Stage();
  const socket = stage.inRoom();
  const firstSentAt = stage.clock.time - MINUTE;
  assert.equal(stage.chat.send('general', 'x', { cid: 'kept', firstSentAt }), 'kept');
  assert.deepEqual(stage.chat.waiting('general'), [{ cid: 'kept', text: 'x', firstSentAt }]);
  return turn().then(() => assert.equal(socket.takeOne().cid, 'kept'));
});

test('a restored message that is too old fails, but not within send()', async () => {
  const stage = new Stage();
  const socket = stage.inRoom();
  stage.chat.send('general', 'x', { cid: 'kept', firstSentAt: stage.clock.time - 10 * MINUTE });
  assert.deepEqual(failures(stage), []);
  await turn();
  assert.deepEqual(failures(stage), [['general', 'kept', 'unknown']]);
  assert.deepEqual(socket.take(), []);
});

test('send() tells nothing of others either', () => {
  const stage = new Stage();
  const socket = stage.inRoom();
  stage.chat.send('general', 'head');
  socket.refuses(socket.takeOne(), 'unavailable', { temporary: true, retry_ms: 600_000 });
  stage.clock.time += 9 * MINUTE;
  stage.chat.send('general', 'next');
  assert.deepEqual(failures(stage), []);
});

test('a cid that is on its way already is the same message', () => {
  const stage = new Stage();
  const socket = stage.inRoom();
  stage.chat.send('general', 'x', { cid: 'one' });
  stage.chat.send('general', 'x', { cid: 'one' });
  assert.equal(texts(stage).length, 1);
  assert.equal(socket.take().length, 1);
});

test('a cid longer than the server takes is replaced', () => {
  const stage = new Stage();
  assert.notEqual(stage.chat.send('general', 'x', { cid: 'ä'.repeat(33) }), 'ä'.repeat(33));
  assert.equal(stage.chat.send('general', 'x', { cid: 'ä'.repeat(32) }), 'ä'.repeat(32));
});

test('a text longer than limits.text_bytes fails at once and is not sent; the next one goes', async () => {
  const stage = new Stage();
  const socket = stage.inRoom('general', undefined, { limits: { text_bytes: 6 } });
  const cid = stage.chat.send('general', 'ääää');
  assert.deepEqual(failures(stage), [], 'not before the caller has the cid');
  await turn();
  assert.deepEqual(failures(stage), [['general', cid, 'too_large']]);
  stage.chat.send('general', 'äää');
  assert.equal(socket.takeOne().text, 'äää');
});

test('it fails also where it would have to wait', async () => {
  const stage = new Stage();
  stage.online({ limits: { text_bytes: 3 } });
  stage.chat.send('nowhere', 'long');
  await turn();
  assert.equal(failures(stage).length, 1);
});

test('a text written before the first hello is measured at hello', () => {
  const stage = new Stage();
  stage.chat.send('general', 'long');
  assert.equal(texts(stage).length, 1);
  stage.online({ limits: { text_bytes: 3 } });
  assert.equal(failures(stage).length, 1);
});

test('a text whose frame is larger than limits.message_bytes would end the connection: too_large', async () => {
  const stage = new Stage();
  stage.inRoom('general', undefined, { limits: { text_bytes: 4_096, message_bytes: 2_000 } });
  stage.chat.send('general', '\u0001'.repeat(1_000));
  await turn();
  assert.deepEqual(failures(stage).map(([, , code]) => code), ['too_large']);
});

test('the frame is measured with its id', async () => {
  const frame = { type: 'message.send', room: 'general', text: 'x', cid: 'c' };
  for (const [more, fails] of [[0, 1], [20, 1], [40, 0]]) {
    const stage = new Stage();
    stage.inRoom('general', undefined, { limits: { message_bytes: JSON.stringify(frame).length + Number(more) } });
    stage.chat.send('general', 'x', { cid: 'c' });
    await turn();
    assert.equal(failures(stage).length, fails);
  }
});

test('without a store a message whose line broke before its answer is unknown, and not repeated', () => {
  const stage = new Stage();
  stage.inRoom('general', { recovered: false }, { features: ['auth'] });
  const cid = stage.chat.send('general', 'out');
  stage.chat.send('general', 'not out');
  const socket = stage.reconnect({ features: ['auth'] });
  assert.deepEqual(failures(stage), [['general', cid, 'unknown']]);
  letIn(socket);
  assert.equal(socket.takeOne().text, 'not out');
});

test('without a store its own event settles it in time', () => {
  const stage = new Stage();
  const socket = stage.inRoom('general', { recovered: false }, { features: ['auth'] });
  const cid = stage.chat.send('general', 'out');
  socket.says({ type: 'message', room: 'general', user: 'alice', text: 'out', cid });
  socket.closes();
  assert.deepEqual(failures(stage), []);
  assert.deepEqual(stage.of('onSent'), [['general', cid, { seq: 0, ts: 0, duplicate: false }]]);
});

test('without a store a clear refusal is repeated, a timeout is not', () => {
  const stage = new Stage();
  const socket = stage.inRoom('general', { recovered: false }, { features: [] });
  stage.chat.send('general', 'x');
  socket.refuses(socket.takeOne(), 'unavailable', { temporary: true, retry_ms: 1_000 });
  stage.clock.advance(1_000);
  assert.deepEqual(failures(stage), []);
  socket.refuses(socket.takeOne(), 'timeout', { temporary: true, retry_ms: 1_000 });
  assert.deepEqual(failures(stage).map(([, , code]) => code), ['unknown']);
});

test('without a store a close() of ours leaves it to the next open() to say unknown', () => {
  const stage = new Stage();
  stage.inRoom('general', { recovered: false }, { features: [] });
  stage.chat.send('general', 'x');
  stage.chat.close();
  assert.deepEqual(failures(stage), []);
  stage.online({ features: [] });
  assert.equal(failures(stage).length, 1);
});

test('what may have reached a server with a store is not repeated to one without', () => {
  const stage = new Stage();
  stage.inRoom();
  stage.chat.send('general', 'x');
  const socket = stage.reconnect({ features: ['auth'] });
  letIn(socket, { epoch: undefined });
  assert.equal(failures(stage).length, 1);
  assert.deepEqual(socket.take(), []);
});

test('cancel() forgets a message, also one that is out, and the next one goes', async () => {
  const stage = new Stage();
  const socket = stage.inRoom();
  const [one, two] = ['1', '2', '3'].map((text) => stage.chat.send('general', text));
  const send = socket.takeOne();
  assert.equal(stage.chat.cancel('general', String(two)), true);
  assert.equal(stage.chat.cancel('general', String(one)), true);
  assert.equal(stage.chat.cancel('general', String(one)), false);
  assert.equal(stage.chat.cancel('elsewhere', String(one)), false);
  await turn();
  assert.equal(socket.takeOne().text, '3');
  socket.acks(send, { seq: 11 });
  assert.deepEqual(stage.of('onSent'), []);
});

test('close() keeps the outbox for the next open()', () => {
  const stage = new Stage();
  stage.inRoom();
  stage.chat.send('general', '1');
  stage.chat.send('general', '2');
  stage.chat.close();
  assert.deepEqual(texts(stage), ['1', '2']);
  const socket = stage.online();
  letIn(socket);
  assert.equal(socket.takeOne().text, '1');
});

test('a room that cannot be joined keeps its messages until they are cancelled', () => {
  const stage = new Stage();
  stage.chat.join('secret');
  const cid = stage.chat.send('secret', 'x');
  const socket = stage.online();
  socket.refuses(socket.takeOne(), 'forbidden');
  assert.deepEqual(texts(stage, 'secret'), ['x']);
  assert.equal(stage.chat.cancel('secret', cid), true);
});

test('who cancels a message before it is told that it failed is not told', () => {
  const stage = new Stage();
  stage.chat.send('general', 'long', { cid: 'a' });
  stage.chat.send('general', 'long', { cid: 'b' });
  stage.also.onSendFailed = () => stage.chat.cancel('general', 'b');
  stage.online({ limits: { text_bytes: 3 } });
  assert.deepEqual(failures(stage).map(([, cid]) => cid), ['a']);
});

test('who leaves within onSent gets no message of that room', () => {
  const stage = new Stage();
  const socket = stage.inRoom();
  const cid = stage.chat.send('general', 'x');
  stage.also.onSent = () => stage.chat.leave('general');
  socket.says(message(11, { user: 'alice', cid }));
  assert.deepEqual(stage.of('onMessage'), []);
});

test('sending from within onSent keeps one on its way', () => {
  const stage = new Stage();
  const socket = stage.inRoom();
  let left = 3;
  stage.also.onSent = () => {
    if (left-- > 0) stage.chat.send('general', 'more');
  };
  stage.chat.send('general', 'first');
  for (let i = 0; i < 4; i++) socket.acks(socket.takeOne(), { seq: 11 + i });
  assert.deepEqual(texts(stage), []);
});

test('cancelling the others from within onSendFailed is fine', () => {
  const stage = new Stage();
  stage.inRoom('general', { recovered: false }, { features: [] });
  stage.chat.join('b');
  letIn(/** @type {FakeSocket} */ (stage.socket), { epoch: undefined });
  stage.chat.send('general', 'a', { cid: 'a' });
  stage.chat.send('b', 'b', { cid: 'b' });
  stage.also.onSendFailed = () => stage.chat.cancel('b', 'b');
  stage.socket.closes();
  assert.deepEqual(failures(stage), [['general', 'a', 'unknown']]);
});

test('typing reaches only a server that has it, in a room we are in', () => {
  const stage = new Stage();
  assert.equal(stage.chat.typing('general', true), false);
  const socket = stage.inRoom();
  assert.equal(stage.chat.typing('elsewhere', true), false);
  assert.equal(stage.chat.typing('general', true), true);
  assert.deepEqual(socket.takeOne(), { type: 'typing', room: 'general', typing: true });
  stage.reconnect({ features: ['history'] });
  letIn(stage.socket);
  assert.equal(stage.chat.typing('general', true), false);
});
