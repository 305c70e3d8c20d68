// SPDX-License-Identifier: MIT
// What is kept over a reload, and how several windows share it.
import assert from 'node:assert/strict';
import test from 'node:test';

/** As a browser has it. */
class FakeStorage {
  #items = new Map();
  writes = 0;
  getItem(key) { return this.#items.get(key) ?? null; }
  setItem(key, value) { this.writes += 1; this.#items.set(key, value); }
  removeItem(key) { this.writes += 1; this.#items.delete(key); }
}
globalThis.localStorage = new FakeStorage();
globalThis.sessionStorage = new FakeStorage();
const { Kept, loadSettings, saveSettings, saveUser, USER, userIn } = await import('../../static/js/state/storage.js');
const { Rooms } = await import('../../static/js/state/rooms.js');

let people = 0;
const newKept = () => new Kept(`person ${++people}`);
const room = (name, seq, epoch = 'e') => ({ room: name, epoch, seq });

test('settings come back, and nonsense does not', () => {
  assert.deepEqual(loadSettings(), { theme: 'system', language: 'auto', sound: false, notify: false });
  saveSettings({ theme: 'dark', language: 'ru', sound: true, notify: true });
  assert.deepEqual(loadSettings(), { theme: 'dark', language: 'ru', sound: true, notify: true });
  localStorage.setItem('chatd.settings', '{"theme":7,"sound":"yes"}');
  assert.deepEqual(loadSettings(), { theme: 'system', language: 'auto', sound: false, notify: false });
  localStorage.setItem('chatd.settings', 'not json');
  assert.equal(loadSettings().theme, 'system');
});

test('no rooms yet is another thing than no rooms any more', () => {
  const kept = newKept();
  assert.equal(kept.rooms(), null);
  kept.saveRooms([room('a', 1)]);
  kept.forgetRoom('a');
  assert.deepEqual(kept.rooms(), []);
});

test('two windows add up: rooms of both, read as far as either', () => {
  const kept = newKept();
  kept.saveRooms([room('a', 5), room('b', 2)]);
  kept.saveRooms([room('a', 3), room('c', 1)]);
  assert.deepEqual(kept.rooms(), [room('a', 5), room('b', 2), room('c', 1)]);
  kept.saveRooms([room('a', -1, '')]);
  assert.deepEqual(kept.rooms()[0], room('a', 5), 'not heard from yet is no news');
  kept.saveRooms([room('a', 1, 'another life')]);
  assert.equal(kept.rooms()[0].seq, 1);
});

test('a room left in one window does not come back from the other', () => {
  const [one, other] = [new Kept('pair'), new Kept('pair')];
  one.saveRooms([room('a', 1), room('x', 1)]);
  other.saveRooms([room('a', 1), room('x', 1)]);
  one.forgetRoom('x');
  other.saveRooms([room('a', 2), room('x', 2)]); // it has not heard yet
  assert.deepEqual(one.rooms(), [room('a', 2)]);
  other.keepRoom('x'); // and now that it has, it stays
  other.saveRooms([room('a', 2), room('x', 2)]);
  assert.deepEqual(one.rooms(), [room('a', 2), room('x', 2)]);
  one.saveRooms([room('a', 2)]);
  one.saveRooms([room('a', 2), room('x', 2)]);
  assert.equal(one.rooms().length, 2, 'joined again');
});

test('what an earlier visit knew does not overwrite what another window has learnt', () => {
  const kept = new Kept('late');
  kept.saveRooms([room('a', 900, 'old')]);
  const rooms = new Rooms(kept, () => []);
  rooms.restore('general');
  new Kept('late').saveRooms([room('a', 10, 'new')]);
  rooms.save();
  assert.deepEqual(kept.rooms(), [room('a', 10, 'new')]);
});

test('what is the same is not written again, or windows would wake each other for ever', () => {
  const kept = newKept();
  kept.saveRooms([room('a', 5)]);
  kept.saveRooms([room('a', 5)]);
  const { writes } = localStorage;
  kept.saveRooms([room('a', 5)]);
  kept.saveRooms([room('a', 4)]);
  assert.equal(localStorage.writes, writes);
});

test('what another window did', () => {
  const kept = newKept();
  const changes = kept.changes({ oldValue: JSON.stringify([room('a', 1), room('b', 1)]), newValue: JSON.stringify([room('b', 7), room('c', 1)]) });
  assert.deepEqual(changes, { joined: ['c'], left: ['a'], read: [room('b', 7), room('c', 1)] });
  assert.deepEqual(kept.changes({ oldValue: JSON.stringify([room('a', 1)]), newValue: null }).left, [], 'forgotten is not left');
});

test('rooms and people may have any name', () => {
  const kept = newKept();
  for (const name of ['__proto__', 'constructor', 'кофе']) {
    kept.saveDrafts(new Map([[name, 'draft']]));
    assert.deepEqual([...kept.drafts()], [[name, 'draft']]);
  }
});

test('who is signed in is told to other windows', () => {
  saveUser('alice');
  assert.equal(userIn(localStorage.getItem(USER)), 'alice');
  saveUser(null);
  assert.equal(userIn(localStorage.getItem(USER)), null);
  assert.equal(userIn('{"x":1}'), null);
});

test('what is under way and what has failed is kept, what is acknowledged is not', () => {
  const kept = newKept();
  const rooms = new Rooms(kept, () => [{ cid: 'c1', firstSentAt: 77 }]);
  const state = rooms.add('general');
  for (const cid of ['c1', 'c2', 'c3']) state.sending(cid, 'alice', `text ${cid}`, 5);
  state.failed('c2', { code: 'rate_limited', message: 'slow down' });
  state.sent('c3', 9);
  rooms.saveTexts();
  assert.deepEqual(kept.outbox().get('general'), [
    { cid: 'c1', text: 'text c1', at: 5, sentAt: 77, problem: null },
    { cid: 'c2', text: 'text c2', at: 5, sentAt: 5, problem: { code: 'rate_limited', message: 'slow down' } },
  ]);
  kept.forgetTexts();
  assert.equal(kept.outbox().size, 0);
});

test('steps between rooms go round, from none to the first or the last', () => {
  const rooms = new Rooms(newKept(), () => []);
  for (const name of ['a', 'b', 'c']) rooms.add(name);
  assert.equal(rooms.neighbour(1, false).name, 'a');
  assert.equal(rooms.neighbour(-1, false).name, 'c');
  rooms.current = rooms.get('c');
  assert.equal(rooms.neighbour(1, false).name, 'a');
  assert.equal(rooms.neighbour(-1, false).name, 'b');
  assert.equal(rooms.neighbour(1, true), null);
});
