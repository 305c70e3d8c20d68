// SPDX-License-Identifier: MIT
// When to renew a session, so that a page that stays open is not signed out.
// @ts-check

/** So that a refusal that will not change is not asked for without end. */
const MIN_MS = 30_000;
/** A session may last longer than a timer can. */
const MAX_MS = 24 * 3_600_000;
/** Timers stand still while the page is asleep: the clock is looked at so often. */
const LOOK_EVERY_MS = 60_000;

/** Asks at about half of what is left, again and again until the end has moved. */
export class Renewal {
  #session;
  #endsAt = 0;
  #dueAt = 0;

  /** @param {import('./session.js').Session} session */
  constructor(session) {
    this.#session = session;
  }

  /** @param {import('./line.js').Line} line @param {number} leftMs  0: the session has no end */
  online(line, leftMs) {
    if (leftMs <= 0) return;
    this.moved(leftMs);
    this.#watch(line);
  }

  /** @param {number} leftMs */
  moved(leftMs) {
    this.#endsAt = this.#session.seams.now() + leftMs;
    this.#plan();
  }

  #plan() {
    const { now, random } = this.#session.seams;
    // Many pages came back at one time, after a restart say: they do not ask at one time.
    const part = (this.#endsAt - now()) * (0.4 + 0.2 * random());
    this.#dueAt = now() + Math.min(Math.max(part, MIN_MS), MAX_MS);
  }

  /** @param {import('./line.js').Line} line */
  #watch(line) {
    const { now } = this.#session.seams;
    line.later(Math.min(Math.max(this.#dueAt - now(), 0), LOOK_EVERY_MS), () => {
      if (now() >= this.#dueAt) {
        this.#plan();
        this.#session.tell((on) => on.onExpiring?.());
      }
      this.#watch(line);
    });
  }
}
