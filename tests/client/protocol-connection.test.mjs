// SPDX-License-Identifier: MIT
// The connection: dialing, hello, loss, coming back, ending for good, and noticing a dead line.
// @ts-check

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ChatClient, fullJitter } from '../../static/js/protocol/chatd.js';
import { HELLO, message, Stage, turn } from './lib/stage.mjs';

test('nothing is dialed before open()', () => {
  const stage = new Stage();
  assert.equal(stage.sockets.length, 0);
  assert.deepEqual(stage.chat.status, { phase: 'closed', attempt: 0, retryAt: 0, code: 0, reason: '' });
  assert.equal(stage.chat.hello, null);
});

test('open() dials ws in the folder, by wss from https, with the subprotocol', () => {
  const stage = new Stage('https://chat.example/sub/');
  stage.chat.open();
  assert.equal(stage.socket.url, 'wss://chat.example/sub/ws');
  assert.equal(stage.socket.subprotocol, 'chatd.v1');
  const plain = new Stage('http://localhost:8080/');
  plain.chat.open();
  assert.equal(plain.socket.url, 'ws://localhost:8080/ws');
});

test('a second open() changes nothing', () => {
  const stage = new Stage();
  stage.chat.open();
  stage.chat.open();
  stage.greet();
  stage.chat.open();
  assert.equal(stage.sockets.length, 1);
});

test('it is connecting until hello, which is told before online', () => {
  const stage = new Stage();
  stage.online();
  assert.deepEqual(stage.take().map(([name, value]) => value.phase ?? name), ['connecting', 'onHello', 'online']);
  assert.equal(stage.chat.status.phase, 'online');
});

test('hello is read with its names translated', () => {
  const stage = new Stage();
  stage.online();
  const { hello } = stage.chat;
  assert.equal(hello?.user, 'alice');
  assert.equal(hello?.pingMs, 25_000);
  assert.deepEqual([...hello?.features ?? []], ['auth', 'rooms', 'history', 'typing']);
  assert.deepEqual(hello?.limits, { messageBytes: 65_536, textBytes: 4_096, rooms: 100, resume: 1_000 });
});

test('frames before hello are ignored', () => {
  const stage = new Stage();
  stage.chat.join('general');
  stage.chat.open();
  stage.socket.says(message(1), { type: 'ack', id: '1', epoch: 'e', seq: 1, top: 1 });
  assert.equal(stage.of('onMessage').length, 0);
  assert.equal(stage.chat.status.phase, 'connecting');
});

test('only the first hello counts', () => {
  const stage = new Stage();
  const socket = stage.online();
  socket.says({ ...HELLO, user: 'mallory' });
  assert.equal(stage.chat.hello?.user, 'alice');
  assert.equal(stage.of('onHello').length, 1);
});

test('close() within onHello keeps everything back', () => {
  const stage = new Stage();
  stage.chat.join('general');
  stage.also.onHello = () => stage.chat.close();
  stage.online();
  assert.deepEqual(stage.phases, ['connecting', 'closed']);
  assert.deepEqual(stage.socket.sent, []);
  assert.equal(stage.clock.pending, 0);
});

test('an attempt that gets no hello within 15 s is given up, though the socket says nothing', () => {
  const stage = new Stage();
  stage.chat.open();
  stage.clock.advance(14_999);
  assert.equal(stage.chat.status.phase, 'connecting');
  stage.clock.advance(1);
  assert.equal(stage.chat.status.phase, 'waiting');
  assert.ok(stage.socket.isClosed);
  assert.equal(stage.of('onUnreachable').length, 1);
});

test('an attempt that ends before hello is told as unreachable, a loss after hello is not', () => {
  const stage = new Stage();
  stage.chat.open();
  stage.socket.closes();
  assert.equal(stage.of('onUnreachable').length, 1);
  assert.equal(stage.events.at(-1)?.[0], 'onUnreachable');
  stage.take();
  stage.chat.retryNow();
  stage.greet();
  stage.socket.closes();
  assert.equal(stage.of('onUnreachable').length, 0);
});

test('a lost line is dialed again after a full-jitter wait, and status says when', () => {
  const stage = new Stage();
  stage.online();
  stage.socket.closes(1001, 'stopping');
  const { phase, attempt, retryAt, code, reason } = stage.chat.status;
  assert.deepEqual({ phase, attempt, code, reason }, { phase: 'waiting', attempt: 1, code: 1001, reason: 'stopping' });
  assert.equal(retryAt, stage.clock.time + 250);
  stage.clock.advance(249);
  assert.equal(stage.sockets.length, 1);
  stage.clock.advance(1);
  assert.equal(stage.sockets.length, 2);
  assert.deepEqual(stage.phases, ['connecting', 'online', 'waiting', 'connecting']);
});

test('the limit of the wait doubles from half a second to thirty', () => {
  const limits = [0, 1, 2, 3, 4, 5, 6, 7, 60, 5000].map((attempt) => fullJitter(attempt, () => 1));
  assert.deepEqual(limits, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000, 30_000]);
  assert.equal(fullJitter(3, () => 0), 0);
  assert.ok(fullJitter(0) < 500);
});

test('attempts that fail in a row wait longer and longer', () => {
  const stage = new Stage();
  stage.chat.open();
  const waits = [];
  for (let i = 0; i < 8; i++) {
    stage.socket.closes();
    waits.push(stage.chat.status.retryAt - stage.clock.time);
    assert.equal(stage.chat.status.attempt, i + 1);
    stage.clock.advance(15_000);
  }
  assert.deepEqual(waits, [250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
});

test('a line that breaks soon after hello counts as a failure, one that lived 5 s does not', () => {
  const stage = new Stage();
  stage.online();
  stage.socket.closes();
  stage.chat.retryNow();
  stage.greet();
  stage.clock.advance(4_999);
  stage.socket.closes();
  assert.equal(stage.chat.status.attempt, 2);
  stage.chat.retryNow();
  stage.greet();
  stage.clock.advance(5_000);
  assert.equal(stage.chat.status.attempt, 0);
  stage.socket.closes();
  assert.equal(stage.chat.status.attempt, 1);
});

test('retryNow() does not wait, and does nothing unless waiting', () => {
  const stage = new Stage();
  stage.chat.retryNow();
  assert.equal(stage.sockets.length, 0);
  stage.chat.open();
  stage.chat.retryNow();
  stage.greet();
  stage.chat.retryNow();
  assert.equal(stage.sockets.length, 1);
  stage.socket.closes();
  stage.chat.retryNow();
  assert.equal(stage.sockets.length, 2);
  stage.clock.advance(1_000);
  assert.equal(stage.sockets.length, 2, 'the timer is gone');
});

test('bye ends the line at once, with its own code, and not before retry_ms', () => {
  const stage = new Stage();
  stage.online();
  stage.socket.says({ type: 'bye', code: 1001, reason: 'restart', retry_ms: 4_000 });
  const { phase, code, reason, retryAt } = stage.chat.status;
  assert.deepEqual({ phase, code, reason }, { phase: 'waiting', code: 1001, reason: 'restart' });
  assert.equal(retryAt, stage.clock.time + 4_000);
  assert.ok(stage.socket.isClosed);
  stage.socket.closes(1006);
  assert.equal(stage.chat.status.code, 1001, 'the close that follows is of the past');
});

test('the back-off counts where it is longer than retry_ms', () => {
  const stage = new Stage();
  stage.online();
  stage.socket.says({ type: 'bye', code: 1001, reason: '', retry_ms: 100 });
  assert.equal(stage.chat.status.retryAt, stage.clock.time + 250);
});

test('an endless retry_ms is cut to ten minutes', () => {
  const stage = new Stage();
  stage.online();
  stage.socket.says({ type: 'bye', code: 1001, reason: '', retry_ms: 2 ** 40 });
  assert.equal(stage.chat.status.retryAt, stage.clock.time + 600_000);
});

for (const code of [4500, 4501, 4503, 4999]) {
  test(`close code ${code} ends it for good`, () => {
    const stage = new Stage();
    stage.online();
    stage.socket.closes(code, 'why');
    assert.deepEqual(stage.chat.status, { phase: 'closed', attempt: 0, retryAt: 0, code, reason: 'why' });
    assert.equal(stage.clock.pending, 0);
    stage.chat.retryNow();
    assert.equal(stage.sockets.length, 1);
  });
}

test('a bye with 4501 ends it for good, and open() begins anew', () => {
  const stage = new Stage();
  stage.online();
  stage.socket.says({ type: 'bye', code: 4501, reason: 'token revoked' });
  assert.equal(stage.chat.status.phase, 'closed');
  assert.equal(stage.chat.status.code, 4501);
  stage.chat.open();
  stage.greet();
  assert.equal(stage.chat.status.phase, 'online');
});

for (const code of [1000, 1006, 1013, 4001, 4002, 4499, 5000]) {
  test(`close code ${code} leads back`, () => {
    const stage = new Stage();
    stage.online();
    stage.socket.closes(code);
    assert.equal(stage.chat.status.phase, 'waiting');
  });
}

test('an end for good before hello is no riddle: unreachable is not told', () => {
  const stage = new Stage();
  stage.chat.open();
  stage.socket.closes(4501);
  assert.equal(stage.of('onUnreachable').length, 0);
});

test('open() after an end for good begins with the short wait', () => {
  const stage = new Stage();
  stage.chat.open();
  for (let i = 0; i < 5; i++) {
    stage.socket.closes();
    stage.chat.retryNow();
  }
  stage.socket.closes(4501);
  stage.chat.open();
  assert.equal(stage.chat.status.attempt, 0);
});

test('close() within the status online joins nothing', () => {
  const stage = new Stage();
  stage.chat.join('general');
  stage.also.onStatus = ({ phase }) => {
    if (phase === 'online') stage.chat.close();
  };
  stage.online();
  assert.deepEqual(stage.socket.sent, []);
  assert.equal(stage.events.at(-1)?.[1].phase, 'closed');
});

test('close() tells its status, nothing else, and leaves no timer', () => {
  const stage = new Stage();
  const socket = stage.inRoom();
  stage.chat.send('general', 'on its way');
  stage.take();
  stage.chat.close();
  assert.deepEqual(stage.take().map(([name, status]) => [name, status.phase]), [['onStatus', 'closed']]);
  assert.ok(socket.isClosed);
  assert.equal(stage.clock.pending, 0);
  stage.chat.close();
  assert.deepEqual(stage.take(), []);
});

test('close() while waiting ends the waiting', () => {
  const stage = new Stage();
  stage.online();
  stage.socket.closes();
  stage.chat.close();
  stage.clock.advance(60_000);
  assert.equal(stage.sockets.length, 1);
});

test('close() within the status of a loss is the end of it', () => {
  const stage = new Stage();
  stage.chat.open();
  stage.also.onStatus = (status) => {
    if (status.phase === 'waiting') stage.chat.close();
  };
  stage.socket.closes();
  assert.deepEqual(stage.phases, ['connecting', 'waiting', 'closed']);
  assert.equal(stage.of('onUnreachable').length, 0);
});

test('a socket that was replaced still fires, and is ignored', () => {
  const stage = new Stage();
  const old = stage.inRoom();
  old.says({ type: 'bye', code: 1001, reason: '' });
  stage.chat.retryNow();
  stage.greet();
  stage.socket.acks(stage.socket.takeOne(), { epoch: 'e', seq: 10, top: 10 });
  stage.take();
  old.says(message(11), HELLO, { type: 'bye', code: 4501, reason: '' });
  old.closes(4501);
  assert.deepEqual(stage.take(), []);
  assert.equal(stage.chat.status.phase, 'online');
});

test('check() asks for a sign of life and drops a line on which nothing is heard for 5 s', () => {
  const stage = new Stage();
  const socket = stage.online();
  stage.chat.check();
  const ping = socket.takeOne();
  assert.equal(ping.type, 'ping');
  assert.equal(typeof ping.id, 'string');
  stage.clock.advance(4_999);
  assert.equal(stage.chat.status.phase, 'online');
  stage.clock.advance(1);
  assert.equal(stage.chat.status.phase, 'waiting');
  assert.ok(socket.isClosed, 'without waiting for its close');
});

for (const [what, answer] of [
  ['an ack', (/** @type {any} */ id) => ({ type: 'ack', id })],
  ['an error', (/** @type {any} */ id) => ({ type: 'error', id, code: 'unknown_type', message: '', temporary: false })],
  ['anything else', () => message(11)],
]) {
  test(`${what} proves life`, () => {
    const stage = new Stage();
    const socket = stage.inRoom();
    stage.chat.check();
    socket.says(/** @type {any} */ (answer)(socket.takeOne().id));
    stage.clock.advance(6_000);
    assert.equal(stage.chat.status.phase, 'online');
  });
}

test('check() twice asks once, and does nothing while not online', () => {
  const stage = new Stage();
  stage.chat.check();
  const socket = stage.online();
  stage.chat.check();
  stage.chat.check();
  assert.equal(socket.take().length, 1);
});

test('a check that slept with the page asks again before it judges', () => {
  const stage = new Stage();
  const socket = stage.online();
  stage.chat.check();
  socket.take();
  stage.clock.sleep(3_600_000);
  assert.equal(stage.chat.status.phase, 'online');
  assert.equal(socket.takeOne().type, 'ping');
  stage.clock.advance(5_000);
  assert.equal(stage.chat.status.phase, 'waiting');
});

test('where every timer is late, as in a hidden page, the second silence is the end', () => {
  const stage = new Stage();
  stage.online();
  stage.chat.check();
  stage.clock.sleep(60_000);
  assert.equal(stage.chat.status.phase, 'online');
  stage.clock.sleep(60_000);
  assert.equal(stage.chat.status.phase, 'waiting');
});

test('after ping_ms of silence it checks by itself', () => {
  const stage = new Stage();
  const socket = stage.online();
  stage.clock.advance(24_999);
  assert.deepEqual(socket.take(), []);
  stage.clock.advance(1);
  assert.equal(socket.takeOne().type, 'ping');
  stage.clock.advance(5_000);
  assert.equal(stage.chat.status.phase, 'waiting');
});

test('what is heard puts the check off', () => {
  const stage = new Stage();
  const socket = stage.online();
  stage.clock.advance(20_000);
  socket.raw('anything');
  stage.clock.advance(24_999);
  assert.deepEqual(socket.take(), []);
  stage.clock.advance(1);
  assert.equal(socket.takeOne().type, 'ping');
});

test('a silent line that answers its checks stays for hours', () => {
  const stage = new Stage();
  const socket = stage.online();
  for (let i = 0; i < 200; i++) {
    stage.clock.advance(25_000);
    socket.acks(socket.takeOne());
  }
  assert.equal(stage.chat.status.phase, 'online');
  assert.ok(stage.clock.pending < 10);
});

for (const [given, least] of [[1, 10_000], [10_000, 10_000], [-5, 25_000], ['soon', 25_000], [2 ** 45, 600_000]]) {
  test(`ping_ms ${given} means a check after ${least} ms`, () => {
    const stage = new Stage();
    const socket = stage.online({ ping_ms: given });
    stage.clock.advance(Number(least) - 1);
    assert.deepEqual(socket.take(), []);
    stage.clock.advance(1);
    assert.equal(socket.take().length, 1);
  });
}

test('a WebSocket that cannot be made is a failed attempt like others', () => {
  const stage = new Stage();
  stage.dialFails = true;
  stage.chat.open();
  assert.deepEqual(stage.phases, ['connecting']);
  stage.clock.advance(0);
  assert.deepEqual(stage.phases, ['connecting', 'waiting']);
  assert.equal(stage.of('onUnreachable').length, 1);
  stage.dialFails = false;
  stage.clock.advance(1_000);
  stage.greet();
  assert.equal(stage.chat.status.phase, 'online');
});

test('close() right after it could not be made is the end of it', () => {
  const stage = new Stage();
  stage.dialFails = true;
  stage.chat.open();
  stage.chat.close();
  stage.clock.advance(60_000);
  assert.deepEqual(stage.phases, ['connecting', 'closed']);
  assert.equal(stage.of('onUnreachable').length, 0);
});

test('where there is no WebSocket at all, open() says so', { skip: 'WebSocket' in globalThis }, () => {
  assert.throws(() => new ChatClient('http://localhost/').open(), TypeError);
});

test('a callback that throws is reported and breaks nothing', async (t) => {
  const stage = new Stage();
  /** @type {unknown[]} */ const reported = [];
  // @ts-ignore Node has none.
  globalThis.reportError = (/** @type {unknown} */ error) => reported.push(error);
  t.after(() => { Reflect.deleteProperty(globalThis, 'reportError'); });
  const flaw = new Error('mine');
  for (const name of ['onStatus', 'onHello', 'onJoined', 'onMessage', 'onSent']) {
    stage.also[name] = () => { throw flaw; };
  }
  const socket = stage.inRoom();
  socket.says(message(11), message(12));
  const cid = stage.chat.send('general', 'x');
  socket.acks(socket.takeOne(), { seq: 13, cid });
  await turn();
  assert.equal(stage.of('onMessage').length, 2);
  assert.deepEqual(stage.chat.position('general'), { epoch: 'e', seq: 12 });
  assert.deepEqual(stage.chat.waiting('general'), []);
  assert.equal(reported.length, 7);
  assert.ok(reported.every((error) => error === flaw));
});

test('without reportError a callback\'s exception comes out of a timer', () => {
  const stage = new Stage();
  const flaw = new Error('mine');
  stage.also.onHello = () => { throw flaw; };
  stage.online();
  assert.equal(stage.chat.status.phase, 'online');
  assert.throws(() => stage.clock.advance(0), flaw);
});

test('callbacks are optional', () => {
  const stage = new Stage();
  const socket = new Stage().online();
  socket.says(message(1));
  assert.doesNotThrow(() => new ChatClient('http://localhost/', undefined, { WebSocket: /** @type {any} */ (class {
    close() {}
  }), setTimeout: stage.clock.setTimeout }).open());
});
