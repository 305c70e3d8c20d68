// SPDX-License-Identifier: MIT
// Pages of a room's history, against a server that is slow, silent, or says strange things.
import assert from 'node:assert/strict';
import test from 'node:test';

import { Loader } from '../../static/js/app/loader.js';
import { ChatError } from '../../static/js/protocol/chatd.js';
import { RoomState } from '../../static/js/state/room.js';

const message = (seq) => ({ seq, ts: seq, user: 'bob', text: `text ${seq}`, cid: '' });
const page = (seqs, more = {}) => ({ messages: seqs.map(message), epoch: 'e', top: 1000, more: false, next: 0, ...more });
const turn = () => new Promise((resolve) => { setImmediate(resolve); });

/** A room with records, a loader, and what was asked for; answer() gives the oldest request its page or error. */
function scene(from, to) {
  const room = new RoomState('general');
  room.joined({ epoch: 'e', seq: 0, top: to, recovered: false, resumed: false });
  for (let seq = from; seq <= to; seq++) room.add(message(seq), false);
  const asked = [];
  const waiting = [];
  const client = {
    status: { phase: 'online' },
    history(name, what) {
      asked.push(what);
      return new Promise((resolve, reject) => { waiting.push({ resolve, reject }); });
    },
  };
  const loader = new Loader(client, () => false, (changed) => loader.fillGaps(changed));
  const answer = async (what) => {
    const { resolve, reject } = waiting.shift();
    if (what instanceof Error) reject(what);
    else resolve(what);
    await turn();
  };
  return { room, loader, client, asked, answer };
}

const seqs = (room) => room.entries.map((entry) => entry.seq);

test('older pages: the next is asked for with what the one before said', async () => {
  const { room, loader, asked, answer } = scene(901, 910);
  void loader.older(room);
  assert.equal(room.older, 'loading');
  void loader.older(room); // pressed twice
  assert.deepEqual(asked, [{ before: 901, limit: 100 }]);
  await answer(page([], { more: true, next: 801 })); // all of it hidden by a plugin
  void loader.older(room);
  assert.deepEqual(asked[1], { before: 801, limit: 100 });
  await answer(page([800], { more: false }));
  assert.equal(room.older, 'none');
  assert.deepEqual(seqs(room).slice(0, 2), [800, 901]);
});

test('a page that comes after the room has changed before it is not put in', async () => {
  const { room, loader, answer } = scene(901, 910);
  void loader.older(room);
  room.reset(0, 'another life');
  await answer(page([900]));
  assert.deepEqual(seqs(room), []);
  assert.equal(room.older, 'none');
});

test('a page of another life of the store waits for the person, and is not asked for again and again', async () => {
  const { room, loader, asked, answer } = scene(901, 910);
  void loader.older(room);
  await answer(page([900], { epoch: 'another' }));
  assert.equal(room.older, 'failed');
  assert.deepEqual(seqs(room)[0], 901);
  assert.equal(asked.length, 1);
});

test('cut off: it can be asked for again at once, and not while there is no line', async () => {
  const { room, loader, client, asked, answer } = scene(901, 910);
  void loader.older(room);
  client.status.phase = 'waiting';
  await answer(new ChatError('lost', 'gone', { temporary: true }));
  assert.equal(room.older, 'more');
  void loader.older(room);
  assert.equal(asked.length, 1);
  client.status.phase = 'online';
  void loader.older(room);
  await answer(new ChatError('internal', 'broken'));
  assert.equal(room.older, 'failed');
  void loader.older(room); // the button
  assert.equal(asked.length, 3);
});

test('a gap comes by itself, page after page', async () => {
  const { room, loader, asked, answer } = scene(1, 3);
  room.gap(4, 500);
  room.add(message(501), false);
  loader.fillGaps(room);
  loader.fillGaps(room);
  assert.deepEqual(asked, [{ after: 3, limit: 200 }]);
  await answer(page([4, 5], { more: true, next: 203 }));
  assert.deepEqual(asked[1], { after: 203, limit: 200 });
  assert.equal(room.marks[0].count, 297);
  await answer(page([499, 500]));
  assert.deepEqual(room.marks, []);
  assert.deepEqual(seqs(room), [1, 2, 3, 4, 5, 499, 500, 501]);
});

test('a gap that was cut off half way goes on when there is a line', async () => {
  const { room, loader, client, asked, answer } = scene(1, 3);
  room.gap(4, 500);
  loader.fillGaps(room);
  await answer(page([4], { more: true, next: 203 }));
  client.status.phase = 'waiting';
  await answer(new ChatError('lost', 'gone', { temporary: true }));
  assert.equal(room.marks[0].phase, 'open');
  client.status.phase = 'online';
  loader.fillGaps(room);
  assert.deepEqual(asked.at(-1), { after: 203, limit: 200 });
});

test('a gap that is refused waits for the person, and so does a very long one', async () => {
  const { room, loader, asked, answer } = scene(1, 3);
  room.gap(4, 5);
  loader.fillGaps(room);
  await answer(new ChatError('internal', 'broken'));
  assert.equal(room.marks[0].phase, 'failed');
  room.gap(6, 5000);
  loader.fillGaps(room);
  assert.equal(asked.length, 1);
  void loader.gap(room, room.marks[1]);
  for (let part = 1; part <= 10; part++) await answer(page([], { more: true, next: 5 + part * 200 }));
  assert.equal(asked.length, 11, 'not without end for one press');
  assert.equal(room.marks[1].phase, 'held');
});
