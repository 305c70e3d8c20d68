// SPDX-License-Identifier: MIT
// The arithmetic of the windowed list.
import assert from 'node:assert/strict';
import test from 'node:test';

import { indexAt, reach, sum } from '../../static/js/view/heights.js';

const HEIGHTS = [10, 20, 30, 40];

test('sum adds a range', () => {
  assert.equal(sum(HEIGHTS, 0, 4), 100);
  assert.equal(sum(HEIGHTS, 1, 3), 50);
  assert.equal(sum(HEIGHTS, 2, 2), 0);
});

test('reach counts rows downwards from a row, that one included', () => {
  assert.equal(reach(HEIGHTS, 1, 1, 0), 0);
  assert.equal(reach(HEIGHTS, 1, 1, 20), 1);
  assert.equal(reach(HEIGHTS, 1, 1, 21), 2);
  assert.equal(reach(HEIGHTS, 1, 1, 1000), 3);
});

test('reach counts rows upwards from a row, that one not included', () => {
  assert.equal(reach(HEIGHTS, 2, -1, 20), 1);
  assert.equal(reach(HEIGHTS, 2, -1, 21), 2);
  assert.equal(reach(HEIGHTS, 0, -1, 100), 0);
});

test('indexAt finds the row under a point, and the last one beyond the end', () => {
  assert.deepEqual(indexAt(HEIGHTS, 0), { index: 0, start: 0 });
  assert.deepEqual(indexAt(HEIGHTS, 9.9), { index: 0, start: 0 });
  assert.deepEqual(indexAt(HEIGHTS, 10), { index: 1, start: 10 });
  assert.deepEqual(indexAt(HEIGHTS, 5000), { index: 3, start: 60 });
});
