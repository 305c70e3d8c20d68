// SPDX-License-Identifier: MIT
// A room as the page knows it: what comes, what is missing, what is one's own, what is unread.
import assert from 'node:assert/strict';
import test from 'node:test';

import { RoomState } from '../../static/js/state/room.js';

const EPOCH = 'e1';

const message = (seq, user = 'bob', cid = '') => ({ seq, ts: 1_700_000_000_000 + seq * 1000, user, text: `text ${seq}`, cid });
const joined = (top, more = {}) => ({ epoch: EPOCH, seq: 0, top, recovered: false, resumed: false, ...more });
const page = (seqs, more = {}) => ({ messages: seqs.map((seq) => message(seq)), epoch: EPOCH, top: 100, more: false, next: 0, ...more });
const seqs = (room) => room.entries.map((entry) => entry.seq);
const notOwn = () => false;

/** A room with the records from..to read. */
function roomWith(from, to) {
  const room = new RoomState('general');
  room.joined(joined(to));
  for (let seq = from; seq <= to; seq++) room.add(message(seq), false);
  room.markRead();
  return room;
}

test('messages are kept in order, each once', () => {
  const room = roomWith(1, 3);
  assert.equal(room.add(message(3), false), false);
  assert.equal(room.add(message(4), false), true);
  assert.deepEqual(seqs(room), [1, 2, 3, 4]);
});

test('a late one goes where its number belongs', () => {
  const room = roomWith(1, 2);
  room.add(message(5), false);
  room.add(message(4), false);
  assert.deepEqual(seqs(room), [1, 2, 4, 5]);
});

test('every change raises the version, and no two entries have one key', () => {
  const room = roomWith(1, 3);
  const { version } = room;
  room.add(message(4), false);
  assert.ok(room.version > version);
  assert.equal(new Set(room.entries.map((entry) => entry.key)).size, 4);
});

test('a first visit has nothing unread, whatever the room has', () => {
  const room = new RoomState('general');
  room.joined(joined(50));
  for (let seq = 1; seq <= 50; seq++) room.add(message(seq), false);
  assert.equal(room.unread, 0);
  room.add(message(51), false);
  assert.equal(room.unread, 1);
});

test('what came since the last visit is unread, and "more" says when it is not all here', () => {
  const room = new RoomState('general');
  room.joined(joined(100), 40);
  for (let seq = 51; seq <= 100; seq++) room.add(message(seq), false);
  assert.equal(room.unread, 50);
  assert.equal(room.unreadMore, true);
  room.markRead();
  assert.equal(room.unread, 0);
  assert.equal(room.unreadMore, false);
  assert.equal(room.readSeq, 100);
});

test('one\'s own messages are never unread', () => {
  const room = roomWith(1, 3);
  room.add(message(4, 'alice'), true);
  assert.equal(room.unread, 0);
});

test('without a store messages keep the order they came in', () => {
  const room = new RoomState('general');
  room.joined({ epoch: '', seq: 0, top: 0, recovered: false, resumed: false });
  room.add(message(0), false);
  room.add({ ...message(0), text: 'second' }, false);
  assert.deepEqual(room.entries.map((entry) => entry.text), ['text 0', 'second']);
  assert.equal(room.unread, 2);
});

test('without a store a new connection marks the place where messages may be missing', () => {
  const room = new RoomState('general');
  const nothing = { epoch: '', seq: 0, top: 0, recovered: false, resumed: false };
  room.joined(nothing);
  room.add(message(0), false);
  room.joined(nothing);
  room.add(message(0), false);
  room.add(message(0), false);
  assert.deepEqual(room.entries.map((entry) => entry.hole), [false, true, false]);
});

test('an own message becomes the entry of the log under the same key', () => {
  const room = roomWith(1, 1);
  room.sending('c1', 'alice', 'text 2', 1);
  const { key } = room.pending[0];
  room.add(message(2, 'alice', 'c1'), true);
  assert.deepEqual(room.pending, []);
  assert.equal(room.entries[1].key, key);
});

test('the same cid from somebody else is another message', () => {
  const room = roomWith(1, 1);
  room.sending('c1', 'alice', 'hello', 1);
  room.add(message(2, 'mallory', 'c1'), false);
  assert.equal(room.pending.length, 1);
});

test('acknowledged before the log brings it: shown as sent until then', () => {
  const room = roomWith(1, 1);
  room.sending('c1', 'alice', 'text 2', 1);
  room.sent('c1', 2);
  assert.equal(room.pending[0].phase, 'sent');
  room.add(message(2, 'alice', 'c1'), true);
  assert.deepEqual(room.pending, []);
  assert.deepEqual(seqs(room), [1, 2]);
});

test('acknowledged after the log brought it: nothing is left over', () => {
  const room = roomWith(1, 1);
  room.sending('c1', 'alice', 'text 2', 1);
  room.add(message(2, 'alice', 'c1'), true);
  room.sent('c1', 2);
  assert.deepEqual(room.pending, []);
});

test('a sent one that the log passes over does not stay for ever', () => {
  const room = roomWith(1, 1);
  room.sending('c1', 'alice', 'hidden by a plugin', 1);
  room.sent('c1', 2);
  room.add(message(3), false);
  assert.deepEqual(room.pending, []);
});

test('a failed one keeps its text and why, and can be dropped', () => {
  const room = roomWith(1, 1);
  room.sending('c1', 'alice', 'precious', 1);
  room.failed('c1', { code: 'rate_limited', message: 'too fast' });
  assert.equal(room.pending[0].phase, 'failed');
  assert.equal(room.pending[0].problem.code, 'rate_limited');
  assert.equal(room.drop('c1').text, 'precious');
  assert.deepEqual(room.pending, []);
});

test('a gap is filled by pages, in order, and then it is gone', () => {
  const room = roomWith(1, 3);
  room.gap(4, 9);
  room.add(message(10), false);
  const [mark] = room.marks;
  assert.equal(room.unread, 7);
  assert.equal(room.fillGap(mark, page([4, 5, 6], { more: true, next: 6 }), notOwn), true);
  assert.equal(mark.count, 3);
  assert.equal(room.fillGap(mark, page([7, 8, 9, 10]), notOwn), false);
  assert.deepEqual(room.marks, []);
  assert.deepEqual(seqs(room), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  assert.equal(room.unread, 7);
});

test('a gap the store has nothing of says so', () => {
  const room = roomWith(1, 3);
  room.gap(4, 9);
  room.add(message(10), false);
  assert.equal(room.fillGap(room.marks[0], page([10]), notOwn), false);
  assert.equal(room.marks[0].phase, 'gone');
  assert.equal(room.unread, 1);
});

test('a gap of which plugins hide a part is filled all the same', () => {
  const room = roomWith(1, 3);
  room.gap(4, 9);
  room.fillGap(room.marks[0], page([5]), notOwn);
  assert.deepEqual(room.marks, []);
});

test('too much missed: a gap between what we had and the latest page', () => {
  const room = roomWith(1, 3);
  room.joined(joined(2000, { resumed: true }));
  room.add(message(1951), false);
  assert.deepEqual(room.marks.map(({ kind, from, to, count }) => ({ kind, from, to, count })),
    [{ kind: 'gap', from: 4, to: 1950, count: 1947 }]);
});

test('recovered: nothing is marked, though numbers are missing on purpose', () => {
  const room = roomWith(1, 3);
  room.joined(joined(9, { resumed: true, recovered: true }));
  room.add(message(9), false);
  assert.deepEqual(room.marks, []);
});

test('another life of the store: what we hold says nothing any more, and a line tells of it', () => {
  const room = roomWith(1, 3);
  room.joined({ epoch: 'e2', seq: 0, top: 2, recovered: false, resumed: true });
  room.add(message(1), false);
  assert.deepEqual(seqs(room), [1]);
  assert.deepEqual(room.marks.map(({ kind, count }) => ({ kind, count })), [{ kind: 'lost', count: 3 }]);
});

test('reset: what is after the number is void, what is before stays', () => {
  const room = roomWith(1, 5);
  room.reset(3, 'e2');
  assert.deepEqual(seqs(room), [1, 2, 3]);
  assert.equal(room.epoch, 'e2');
  assert.deepEqual(room.marks.map(({ kind, count }) => ({ kind, count })), [{ kind: 'lost', count: 2 }]);
  room.add({ ...message(4), text: 'of the new life' }, false);
  assert.equal(room.entries[3].text, 'of the new life');
  assert.equal(room.unread, 1);
});

test('a reset that takes nothing from us leaves no line', () => {
  const room = roomWith(1, 3);
  room.reset(3, 'e2');
  assert.deepEqual(room.marks, []);
});

test('older pages go before what is here, without doubles', () => {
  const room = roomWith(51, 60);
  room.addOlder(page([49, 50, 51], { more: true, next: 49 }), 51, notOwn);
  assert.deepEqual(seqs(room).slice(0, 3), [49, 50, 51]);
  assert.equal(room.older, 'more');
  room.addOlder(page([47, 48]), 49, notOwn);
  assert.equal(room.older, 'none');
  assert.equal(room.unread, 0);
});

test('the first record is the beginning, whatever the page says', () => {
  const room = roomWith(3, 4);
  room.addOlder(page([1, 2], { more: true, next: 1 }), 3, notOwn);
  assert.equal(room.older, 'none');
});

test('the line "new" stands where one stopped reading, and goes when one writes', () => {
  const room = roomWith(1, 3);
  room.add(message(4), false);
  room.placeNewLine();
  assert.equal(room.newAfter, 3);
  room.sending('c1', 'alice', 'answer', 1);
  assert.equal(room.newAfter, -1);
});

test('a long room lets its oldest go, and they can be loaded again', () => {
  const room = roomWith(1, 2700);
  room.trim(true);
  assert.equal(room.entries.length, 2700, 'on the screen nothing goes');
  room.olderIs('loading');
  room.trim(false);
  assert.equal(room.entries.length, 2700, 'a page that is on its way would have nothing to go before');
  room.olderIs('more');
  room.trim(false);
  assert.ok(room.entries.length <= 2000);
  assert.equal(room.top, 2700);
  assert.equal(room.older, 'more');
});

test('nothing counts as read before the join says what there is', () => {
  const room = new RoomState('general');
  assert.equal(room.markRead(), false);
  room.joined(joined(500), 480);
  assert.equal(room.readSeq, 480);
  for (let seq = 451; seq <= 500; seq++) room.add(message(seq), false);
  assert.equal(room.unread, 20);
});

test('a page of which nothing is shown leads on to what is before it', () => {
  const room = roomWith(901, 950);
  room.addOlder(page([], { more: true, next: 801 }), 901, notOwn);
  assert.equal(room.older, 'more');
  assert.equal(room.olderBefore, 801);
  room.addOlder(page([700], { more: true, next: 700 }), 801, notOwn);
  assert.deepEqual(seqs(room).slice(0, 2), [700, 901]);
});

test('a server that says "more" and leads nowhere is not asked for ever', () => {
  const room = roomWith(901, 950);
  room.addOlder(page([], { more: true, next: 901 }), 901, notOwn);
  assert.equal(room.older, 'none');
});

test('a room that was empty when the line broke has a past when it is back', () => {
  const room = new RoomState('general');
  room.joined(joined(0));
  assert.equal(room.older, 'none');
  room.joined(joined(2000, { resumed: true }));
  for (let seq = 1951; seq <= 2000; seq++) room.add(message(seq), false);
  assert.equal(room.older, 'more');
});

test('a reset inside a gap shortens it', () => {
  const room = roomWith(1, 9);
  room.gap(10, 2050);
  room.reset(20, 'e2');
  const [mark] = room.marks;
  assert.deepEqual([mark.from, mark.to, mark.count], [10, 20, 11]);
  assert.equal(room.unread, 11);
});

test('a reset to nothing leaves nothing unread', () => {
  const room = roomWith(1, 3);
  for (let seq = 4; seq <= 8; seq++) room.add(message(seq), false);
  assert.equal(room.unread, 5);
  room.reset(0, 'e2');
  assert.equal(room.unread, 0);
  assert.equal(room.older, 'none');
});

test('what was acknowledged and then lost by the store can be sent again', () => {
  const room = roomWith(1, 3);
  room.sending('c1', 'alice', 'precious', 1);
  room.sent('c1', 5);
  room.reset(3, 'e2');
  assert.equal(room.pending[0].phase, 'failed');
  assert.equal(room.pending[0].problem.code, 'unknown');
  room.add({ ...message(5), text: 'another five' }, false);
  assert.equal(room.pending.length, 1);
});

test('a page that leads beyond the gap ends it', () => {
  const room = roomWith(1, 1899);
  room.gap(1900, 2000);
  room.add(message(2101), false);
  assert.equal(room.fillGap(room.marks[0], page([1950], { more: true, next: 2100 }), notOwn), false);
  assert.deepEqual(room.marks, []);
});

test('a gap whose records came another way is no gap', () => {
  const room = new RoomState('general');
  room.joined(joined(0));
  room.gap(1, 50);
  for (let seq = 1; seq <= 50; seq++) room.add(message(seq), false);
  room.fillGap(room.marks[0], page([1, 2, 3]), notOwn);
  assert.deepEqual(room.marks, []);
});

test('a very long gap waits for the person', () => {
  const room = roomWith(1, 1);
  room.gap(2, 1001);
  room.gap(1002, 3000);
  assert.deepEqual(room.marks.map((mark) => mark.phase), ['open', 'held']);
});

test('read in another window: here too, also what has not come yet', () => {
  const room = roomWith(1, 3);
  for (let seq = 4; seq <= 8; seq++) room.add(message(seq), false);
  room.readUpTo(6);
  assert.equal(room.unread, 2);
  room.readUpTo(2);
  assert.equal(room.unread, 2, 'what is read stays read');
  room.readUpTo(50);
  for (let seq = 9; seq <= 51; seq++) room.add(message(seq), false);
  assert.equal(room.unread, 1);
});

test('acknowledged, and then the join tells of another life: it can be sent again', () => {
  const room = roomWith(1, 3);
  room.sending('c1', 'alice', 'precious', 1);
  room.sent('c1', 4);
  room.joined({ epoch: 'e2', seq: 0, top: 2, recovered: false, resumed: true });
  assert.equal(room.pending[0].phase, 'failed');
  room.add(message(4), false);
  assert.equal(room.pending.length, 1);
});

test('a torn end after a gap is another gap, not the same once more', () => {
  const room = roomWith(1, 3);
  room.gap(4, 900);
  room.joined(joined(2000, { resumed: true }));
  room.add(message(1951), false);
  assert.deepEqual(room.marks.map(({ from, to }) => [from, to]), [[4, 900], [901, 1950]]);
});

test('what is read at the end is read with the gap that stands there', () => {
  const room = roomWith(1, 3);
  room.gap(4, 5000);
  assert.equal(room.unread, 4997);
  room.markRead();
  room.forgetNewLine();
  assert.equal(room.unread, 0);
});

test('from no store to one: the first page is not news, and no old line stays', () => {
  const room = new RoomState('general');
  room.joined({ epoch: '', seq: 0, top: 0, recovered: false, resumed: false });
  room.add(message(0), false);
  room.joined(joined(50));
  for (let seq = 1; seq <= 50; seq++) room.add(message(seq), false);
  assert.equal(room.unread, 0);
  assert.equal(room.newAfter, -1);
});
