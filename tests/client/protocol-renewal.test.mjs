// SPDX-License-Identifier: MIT
// Sessions that end: when the client asks to renew, and what it makes of the answer.
// @ts-check

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HELLO, Stage } from './lib/stage.mjs';

const HOUR = 3_600_000;

/** @param {number} leftMs @param {number} [clockMs]  by how much the server's clock is ahead of ours */
function signedIn(leftMs, clockMs = 0) {
  const stage = new Stage();
  stage.chat.open();
  const now = stage.clock.time + clockMs;
  stage.socket.says({ ...HELLO, expires: now + leftMs, now });
  return stage;
}

/** Moves the time on, and keeps the line alive meanwhile. @param {Stage} stage @param {number} ms */
function advance(stage, ms) {
  for (let left = ms; left > 0; left -= 4_000) {
    stage.clock.advance(Math.min(left, 4_000));
    stage.socket.says({ type: 'nothing' });
  }
}

/** @param {Stage} stage */
function asked(stage) {
  return stage.of('onExpiring').length;
}

test('a session without an end is not renewed', () => {
  const stage = new Stage();
  stage.online();
  advance(stage, HOUR);
  assert.equal(stage.chat.hello?.leftMs, 0);
  assert.equal(asked(stage), 0);
});

for (const clockMs of [0, 48 * HOUR, -48 * HOUR]) {
  test(`it asks at half of the time, with a clock that is ${clockMs} ms off`, () => {
    const stage = signedIn(HOUR, clockMs);
    assert.equal(stage.chat.hello?.leftMs, HOUR);
    advance(stage, HOUR / 2 - 8_000);
    assert.equal(asked(stage), 0);
    advance(stage, 16_000);
    assert.equal(asked(stage), 1);
  });
}

test('it asks again and again until the end, but not all the time', () => {
  const stage = signedIn(HOUR);
  advance(stage, HOUR);
  const times = asked(stage);
  assert.ok(times > 4 && times < 12, `${times}`);
});

test('refresh() moves the end, and with it the time to ask', async () => {
  const stage = signedIn(HOUR);
  stage.socket.take();
  const done = stage.chat.refresh();
  const request = stage.socket.takeOne();
  assert.deepEqual({ ...request, id: '' }, { type: 'session.refresh', id: '' });
  stage.socket.acks(request, { expires: stage.clock.time + 3 * HOUR, now: stage.clock.time });
  await done;
  advance(stage, HOUR);
  assert.equal(asked(stage), 0);
  advance(stage, HOUR);
  assert.equal(asked(stage), 1);
});

test('refresh() hands a token over', () => {
  const stage = signedIn(HOUR);
  stage.socket.take();
  void stage.chat.refresh('a.b.c').catch(() => {});
  assert.equal(stage.socket.takeOne().token, 'a.b.c');
});

test('a refusal is an error, and it is asked again', async () => {
  const stage = signedIn(HOUR);
  stage.socket.take();
  const done = stage.chat.refresh();
  stage.socket.refuses(stage.socket.takeOne(), 'auth.not_renewable');
  await assert.rejects(done, { code: 'auth.not_renewable' });
  advance(stage, 3 * HOUR / 4);
  assert.ok(asked(stage) >= 1);
});

test('without a connection refresh() fails', async () => {
  await assert.rejects(new Stage().chat.refresh(), { code: 'offline' });
});

test('who was asleep asks soon after waking up', () => {
  const stage = signedIn(24 * HOUR);
  advance(stage, 60_000);
  stage.clock.sleep(20 * HOUR);
  stage.socket.says({ type: 'nothing' });
  advance(stage, 60_000);
  assert.equal(asked(stage), 1);
});

test('a session of years is renewed once a day', () => {
  const stage = signedIn(10_000 * HOUR);
  stage.clock.advance(0);
  assert.equal(asked(stage), 0);
  advance(stage, 23 * HOUR);
  assert.equal(asked(stage), 0);
  advance(stage, 2 * HOUR);
  assert.equal(asked(stage), 1);
});

test('nothing is asked when the line is gone', () => {
  const stage = signedIn(HOUR);
  stage.chat.close();
  assert.equal(stage.clock.pending, 0);
  assert.equal(asked(stage), 0);
});
