// SPDX-License-Identifier: MIT
// What the parts of a client share: the world outside, who we are, the line while there is one, and the way to tell.
// @ts-check

/** @typedef {import('./types.js').Seams} Seams */

/** @param {Partial<Seams>} given @returns {Seams} */
export function seamsOf(given) {
  // The browser's own must be called as functions of the window, and looked up when they are needed.
  return {
    WebSocket: given.WebSocket ?? globalThis.WebSocket,
    now: given.now ?? (() => Date.now()),
    setTimeout: given.setTimeout ?? ((action, ms) => setTimeout(action, ms)),
    clearTimeout: given.clearTimeout ?? ((timer) => clearTimeout(timer)),
    random: given.random ?? (() => Math.random()),
  };
}

export class Session {
  /** The latest one; null before the first. @type {import('./types.js').Hello | null} */ hello = null;
  /** Null while not online. @type {import('./line.js').Line | null} */ line = null;
  /** Who we are and, where there are no accounts, were. @type {Set<string>} */ #names = new Set();
  #events;

  /**
   * @param {import('./types.js').ChatEvents} events
   * @param {Seams} seams
   */
  constructor(events, seams) {
    this.#events = events;
    this.seams = seams;
  }

  /** @param {import('./types.js').Hello} hello */
  greeted(hello) {
    this.hello = hello;
    // Only guests change their names.
    if (hello.features.has('auth')) this.#names.clear();
    this.#names.add(hello.user);
  }

  /** @param {string} user */
  isOurs(user) {
    return this.#names.has(user);
  }

  /** @param {string} feature */
  offers(feature) {
    return this.hello?.features.has(feature) === true;
  }

  /** A callback that throws harms nobody but itself. @param {(on: import('./types.js').ChatEvents) => void} call */
  tell(call) {
    try {
      call(this.#events);
    } catch (error) {
      if (typeof reportError === 'function') reportError(error);
      else this.seams.setTimeout(() => { throw error; }, 0);
    }
  }
}
