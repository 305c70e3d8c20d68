// SPDX-License-Identifier: MIT
// A clock that stands still until a test moves it, with the timers that hang on it.
// @ts-check

export class Clock {
  /** @type {Map<number, {at: number, action: () => void}>} */ #timers = new Map();
  #next = 1;
  /** Milliseconds since 1970. */ time = 1_790_000_000_000;

  now = () => this.time;

  /** @param {() => void} action @param {number} ms */
  setTimeout = (action, ms) => {
    const id = this.#next++;
    // Like a browser's, which fires at once above 2^31.
    this.#timers.set(id, { at: this.time + (ms > 2 ** 31 - 1 ? 0 : Math.max(ms, 0)), action });
    return id;
  };

  /** @param {unknown} id */
  clearTimeout = (id) => {
    this.#timers.delete(/** @type {number} */ (id));
  };

  /** How many timers are set. */
  get pending() {
    return this.#timers.size;
  }

  /** Moves the time on; every timer fires at its own time. @param {number} ms */
  advance(ms) {
    const end = this.time + ms;
    for (let due = this.#due(end); due !== undefined; due = this.#due(end)) {
      this.#timers.delete(due[0]);
      this.time = Math.max(this.time, due[1].at);
      due[1].action();
    }
    this.time = end;
  }

  /** The time jumps, as it does for a page that was asleep: what was due fires only now. @param {number} ms */
  sleep(ms) {
    this.time += ms;
    this.advance(0);
  }

  /** @param {number} end */
  #due(end) {
    return [...this.#timers].filter(([, { at }]) => at <= end).sort(([a, x], [b, y]) => x.at - y.at || a - b)[0];
  }
}
