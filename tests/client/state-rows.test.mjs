// SPDX-License-Identifier: MIT
// Which rows stand in the list: day lines, groups, marks, one's own on their way.
import assert from 'node:assert/strict';
import test from 'node:test';

import { RoomState } from '../../static/js/state/room.js';
import { rowsOf } from '../../static/js/state/rows.js';

const NOON = new Date(2026, 5, 15, 12).getTime();
const MINUTE = 60_000;

function roomWith(messages) {
  const room = new RoomState('general');
  room.joined({ epoch: 'e', seq: 0, top: messages.length, recovered: false, resumed: false });
  messages.forEach(([user, ts], at) => room.add({ seq: at + 1, ts, user, text: 'x', cid: '' }, false));
  room.older = 'none';
  return room;
}

const kinds = (room) => rowsOf(room).map((row) => (row.grouped ? `${row.kind}+` : row.kind));

test('one day is one line, the next another', () => {
  const room = roomWith([['a', NOON], ['b', NOON + MINUTE], ['a', NOON + 24 * 60 * MINUTE]]);
  assert.deepEqual(kinds(room), ['start', 'day', 'message', 'message', 'day', 'message']);
});

test('midnight between two messages a minute apart ends the group too', () => {
  const midnight = new Date(2026, 5, 16).getTime();
  const room = roomWith([['a', midnight - 30_000], ['a', midnight + 30_000]]);
  assert.deepEqual(kinds(room), ['start', 'day', 'message', 'day', 'message']);
});

test('one author within five minutes is one group', () => {
  const room = roomWith([['a', NOON], ['a', NOON + 4 * MINUTE], ['a', NOON + 10 * MINUTE], ['b', NOON + 10 * MINUTE]]);
  assert.deepEqual(kinds(room), ['start', 'day', 'message', 'message+', 'message', 'message']);
});

test('messages without a time have no day', () => {
  assert.deepEqual(kinds(roomWith([['a', 0], ['b', 0]])), ['start', 'message', 'message']);
});

test('a gap stands in its place and ends the group', () => {
  const room = roomWith([['a', NOON]]);
  room.gap(2, 13);
  room.add({ seq: 14, ts: NOON, user: 'a', text: 'x', cid: '' }, false);
  assert.deepEqual(kinds(room), ['start', 'day', 'message', 'mark', 'message']);
  assert.equal(rowsOf(room)[3].mark.count, 12);
});

test('a gap at the end stands at the end', () => {
  const room = roomWith([['a', NOON]]);
  room.gap(2, 13);
  assert.deepEqual(kinds(room), ['start', 'day', 'message', 'mark']);
});

test('the line "new" stands once, before the first unread message of somebody else', () => {
  const room = roomWith([['a', NOON], ['a', NOON], ['a', NOON]]);
  room.newAfter = 1;
  assert.deepEqual(kinds(room), ['start', 'day', 'message', 'new', 'message', 'message+']);
});

test('what is on its way stands at the end, in the group of its author', () => {
  const room = roomWith([['me', NOON]]);
  room.sending('c', 'me', 'hi', NOON + 1000);
  assert.deepEqual(kinds(room), ['start', 'day', 'message', 'pending+']);
});

test('keys are never the same twice, and a changed row looks different', () => {
  const room = roomWith([['a', NOON], ['b', NOON]]);
  room.sending('c', 'me', 'hi', NOON);
  const rows = rowsOf(room);
  assert.equal(new Set(rows.map((row) => row.key)).size, rows.length);
  const { look } = rows.at(-1);
  room.failed('c', { code: 'x', message: 'why' });
  assert.notEqual(rowsOf(room).at(-1).look, look);
});

test('what lies further back is one row: a button, or the beginning', () => {
  const room = roomWith([['a', NOON]]);
  for (const older of ['more', 'loading', 'failed']) {
    room.older = older;
    assert.equal(rowsOf(room)[0].kind, 'older');
  }
  room.older = 'unknown';
  assert.equal(rowsOf(room)[0].kind, 'day');
});

test('10,000 messages over some days are as many rows, and a line for each day', () => {
  const room = roomWith(Array.from({ length: 10_000 }, (_, at) => [`u${at % 7}`, NOON + at * MINUTE]));
  const rows = rowsOf(room);
  assert.equal(rows.filter((row) => row.kind === 'message').length, 10_000);
  assert.ok(rows.filter((row) => row.kind === 'day').length >= 7);
});
