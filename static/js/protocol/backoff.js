// SPDX-License-Identifier: MIT
// How long to wait before the next attempt.
// @ts-check

const FIRST_MS = 500;
const MAX_MS = 30_000;
/** Longer waits that a server asks for are cut: a timer above 2^31 ms fires at once. */
const ASKED_MAX_MS = 600_000;

/**
 * Full jitter: a random time between nothing and a limit that doubles from half a second to thirty.
 * @param {number} attempt  0 for the first retry
 * @param {() => number} [random]
 * @returns {number} ms
 */
export function fullJitter(attempt, random = Math.random) {
  return random() * Math.min(MAX_MS, FIRST_MS * 2 ** attempt);
}

/**
 * The same, but not before the server wants us back.
 * @param {number} attempt
 * @param {number} askedMs  0 when it did not say
 * @param {() => number} [random]
 * @returns {number} ms
 */
export function retryDelay(attempt, askedMs, random) {
  return Math.ceil(Math.max(fullJitter(attempt, random), Math.min(askedMs, ASKED_MAX_MS)));
}
