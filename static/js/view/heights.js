// SPDX-License-Identifier: MIT
// Arithmetic over a list of heights. Pure.
// @ts-check

/**
 * @param {number[]} heights
 * @param {number} from
 * @param {number} end
 */
export function sum(heights, from, end) {
  let total = 0;
  for (let at = from; at < end; at++) total += heights[at] ?? 0;
  return total;
}

/**
 * How many rows it takes to cover `px`, from row `from` on (that one included when going down, not when going up).
 * @param {number[]} heights
 * @param {number} from
 * @param {1 | -1} step  1: down, -1: up
 * @param {number} px
 */
export function reach(heights, from, step, px) {
  let count = 0;
  let covered = 0;
  for (let at = step > 0 ? from : from - 1; at >= 0 && at < heights.length && covered < px; at += step) {
    covered += heights[at] ?? 0;
    count += 1;
  }
  return count;
}

/**
 * The row at `y`, and where it starts; beyond the end the last one.
 * @param {number[]} heights  not empty
 * @param {number} y
 */
export function indexAt(heights, y) {
  let start = 0;
  for (let index = 0; index < heights.length; index++) {
    const next = start + (heights[index] ?? 0);
    if (next > y || index === heights.length - 1) return { index, start };
    start = next;
  }
  return { index: 0, start: 0 };
}
