// SPDX-License-Identifier: MIT
// The server's rules for names and passwords, and ids of messages.
// @ts-check

import assert from 'node:assert/strict';
import { test } from 'node:test';
import './lib/node18.mjs';
import { accountProblem, isRoomName, newCid, textBytes } from '../../static/js/protocol/chatd.js';

test('a room is 1 to 64 bytes of UTF-8', () => {
  assert.ok(isRoomName('general'));
  assert.ok(isRoomName('café-☕'));
  assert.ok(isRoomName('x'.repeat(64)));
  assert.ok(isRoomName('ä'.repeat(32)));
  assert.equal(isRoomName(''), false);
  assert.equal(isRoomName('x'.repeat(65)), false);
  assert.equal(isRoomName('ä'.repeat(33)), false);
});

for (const name of ['a b', 'a\tb', 'a\u00a0b', 'a/b', 'a{b', 'a}b', 'a\u0000b', 'a\u0085b', '\ud800', '\u2028']) {
  test(`no room: ${JSON.stringify(name)}`, () => assert.equal(isRoomName(name), false));
}

test('a user has 1 to 32 letters, marks, digits, . _ -', () => {
  for (const user of ['a', 'Alice', 'al.ice_2-x', 'Łukasz', '数', 'x'.repeat(32)]) {
    assert.equal(accountProblem(user, 'long enough'), null, user);
  }
  for (const user of ['', 'two words', 'a/b', 'a@b', 'x'.repeat(33), '☕']) {
    assert.equal(accountProblem(user, 'long enough'), 'badUser', user);
  }
});

test('a password has 8 characters to 72 bytes', () => {
  assert.equal(accountProblem('alice', '1234567'), 'shortPassword');
  assert.equal(accountProblem('alice', '☕'.repeat(7)), 'shortPassword');
  assert.equal(accountProblem('alice', '12345678'), null);
  assert.equal(accountProblem('alice', 'x'.repeat(72)), null);
  assert.equal(accountProblem('alice', 'x'.repeat(73)), 'longPassword');
  assert.equal(accountProblem('alice', 'ä'.repeat(37)), 'longPassword');
});

test('ids are 128 random bits and never the same', () => {
  const cids = Array.from({ length: 1_000 }, newCid);
  assert.equal(new Set(cids).size, 1_000);
  assert.ok(cids.every((cid) => /^[0-9a-f]{32}$/.test(cid)));
});

test('a text is measured in bytes of UTF-8', () => {
  assert.equal(textBytes(''), 0);
  assert.equal(textBytes('aä€😀'), 10);
});
