// SPDX-License-Identifier: MIT
// Who else is typing in a room. Time comes from the caller.
// @ts-check

/** A signal that is not repeated ends by itself. */
const EXPIRES_MS = 6_000;

export class Typists {
  /** @type {Map<string, number>} name -> when it expires, ms */ #until = new Map();

  /**
   * @param {string} user
   * @param {boolean} typing
   * @param {number} now  ms
   */
  set(user, typing, now) {
    this.names(now);
    if (typing) this.#until.set(user, now + EXPIRES_MS);
    else this.#until.delete(user);
  }

  /**
   * @param {number} now  ms
   * @returns {string[]} those whose signal has not expired, the longest typing first; forgets the others
   */
  names(now) {
    for (const [user, until] of this.#until) if (until <= now) this.#until.delete(user);
    return [...this.#until.keys()];
  }

  clear() {
    this.#until.clear();
  }
}
