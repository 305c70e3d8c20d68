// SPDX-License-Identifier: MIT
// Who we are: signing up, in and out, and finding out that a session is over.
// @ts-check

import { accountProblem, ApiError, fullJitter, passwordProblem } from '../protocol/chatd.js';
import { saveUser } from '../state/storage.js';
import { t } from '../view/i18n.js';

/** @typedef {import('../protocol/chatd.js').HttpApi} HttpApi */
/** @typedef {import('../view/page.js').Page} Page */

/**
 * @typedef {object} SessionEvents
 * @property {(user: string) => void} onEntered  '' for a guest, on a server without accounts
 * @property {(forgetTexts: boolean) => void} onLeft  the chat is over; `forgetTexts`: the person signed out
 */

/** A session that the server ends and knows again is taken up no more often than this. */
const TAKE_UP_EVERY_MS = 10_000;

export class Session {
  /** @type {string | null} null while not signed in, '' for a guest */ #user = null;
  #isSigningOut = false;
  /** The password is being changed, which closes our own sockets too. */ #isChanging = false;
  #takenUpAt = -Infinity;
  /** The server has ended the session while it was asked to. */ #hasEnded = false;

  /** @param {HttpApi} api @param {Page} page @param {SessionEvents} events */
  constructor(api, page, events) {
    this.api = api;
    this.page = page;
    this.events = events;
  }

  /** Signed in already, nobody yet, or a guest? */
  async start() {
    this.page.showBoot(t('starting'));
    for (let attempt = 0; ; attempt++) {
      try {
        this.#enter(await this.api.me());
        return;
      } catch (error) {
        const status = error instanceof ApiError ? error.status : 0;
        if (status === 401) {
          this.page.showSign('');
          return;
        }
        if (status === 404) {
          this.#enter('');
          return;
        }
        this.page.showBoot(t('serverAway'));
        await new Promise((resolve) => { setTimeout(resolve, fullJitter(attempt)); });
      }
    }
  }

  /** @param {string} user @param {string} password */
  async signIn(user, password) {
    await this.#signing(async () => {
      await this.api.login(user, password);
    }, 'wrongLogin');
  }

  /** @param {string} user @param {string} password */
  async signUp(user, password) {
    const problem = accountProblem(user, password);
    if (problem !== null) {
      this.page.sign.error(t(problem));
      return;
    }
    await this.#signing(async () => {
      await this.api.register(user, password);
      await this.api.login(user, password);
    }, 'failed');
  }

  async signOut() {
    await this.#signingOut(() => this.api.logout(), 'signedOut');
  }

  async signOutEverywhere() {
    await this.#signingOut(() => this.api.logoutAll(), 'signedOutEverywhere');
  }

  /** @param {string} old @param {string} fresh @returns {Promise<string>} what was wrong, for people; '' nothing */
  async changePassword(old, fresh) {
    const user = this.#user;
    if (user === null || this.#isChanging) return '';
    const problem = passwordProblem(fresh);
    if (problem !== null) return t(problem);
    this.#isChanging = true;
    this.#hasEnded = false;
    try {
      await this.api.changePassword(old, fresh);
      this.#hasEnded = false;
      this.replaced(user);
      return '';
    } catch (error) {
      return changeProblem(error);
    } finally {
      this.#isChanging = false;
      // It was done, and the answer got lost.
      if (this.#hasEnded) void this.ended();
    }
  }

  /** @param {() => Promise<unknown>} call @param {'signedOut' | 'signedOutEverywhere'} said */
  async #signingOut(call, said) {
    if (this.#isSigningOut) return;
    this.#isSigningOut = true;
    this.#hasEnded = false;
    try {
      // The cookie may be somebody else's by now, who signed in in another window: that session is not ours to end.
      const user = await this.api.me();
      if (user !== this.#user) {
        this.replaced(user);
        return;
      }
      await call();
    } catch (error) {
      // 401: the session was over already. Anything else: the cookie is still there, and only the server can clear it.
      if (!this.#hasEnded && !(error instanceof ApiError && error.status === 401)) {
        this.page.settings.close();
        this.page.notice(t('signOutFailed'));
        return;
      }
    } finally {
      this.#isSigningOut = false;
    }
    if (this.#user === null) return;
    saveUser(null);
    this.#leave(true);
    this.page.showSign(t(said));
  }

  /** Another window of this browser. @param {string | null} user  signed in there; null: signed out there */
  otherWindow(user) {
    if (this.#user === null || this.#user === '' || user === this.#user) return;
    if (user !== null) {
      void this.check();
      return;
    }
    this.#leave(true);
    this.page.showSign(t('signedOut'));
  }

  /** The server says that the session is over. */
  async ended() {
    // It closes the sockets of a session before it answers who signs out; the person did this, and will be told so.
    if (this.#isSigningOut || this.#isChanging) this.#hasEnded = true;
    const asked = this.#user;
    if (asked === null || this.#isSigningOut || this.#isChanging) return;
    // Another window may have changed the password: then the cookie is a new one already.
    if (await this.#isKnownAgain(asked) && this.#user === asked) this.replaced(asked);
    else if (this.#user === asked) this.#over();
  }

  /** @param {string} user */
  async #isKnownAgain(user) {
    if (user === '' || Date.now() - this.#takenUpAt < TAKE_UP_EVERY_MS) return false;
    this.#takenUpAt = Date.now();
    try {
      return await this.api.me() === user;
    } catch {
      return false;
    }
  }

  #over() {
    this.#leave(false);
    this.page.showSign(t('sessionEnded'));
  }

  /** The server knows us by another name: somebody else signed in in another window of this browser. @param {string} user */
  replaced(user) {
    this.#leave(false);
    this.#enter(user);
  }

  /** An upgrade failed, and the browser does not say why: perhaps the session is over. */
  async check() {
    const asked = this.#user;
    if (asked === null || asked === '') return;
    try {
      const user = await this.api.me();
      if (this.#user === asked && user !== asked) this.replaced(user);
    } catch (error) {
      if (this.#user === asked && error instanceof ApiError && error.status === 401) this.#over();
    }
  }

  /** @param {string} user */
  #enter(user) {
    this.#user = user;
    if (user !== '') saveUser(user);
    this.events.onEntered(user);
  }

  /** @param {boolean} forgetTexts */
  #leave(forgetTexts) {
    this.#user = null;
    this.events.onLeft(forgetTexts);
  }

  /**
   * @param {() => Promise<void>} action
   * @param {'wrongLogin' | 'failed'} unauthorized  what a 401 means here
   */
  async #signing(action, unauthorized) {
    const { sign } = this.page;
    sign.error('');
    sign.busy(true);
    try {
      await action();
      this.#enter(await this.api.me());
    } catch (error) {
      sign.error(signProblem(error, unauthorized));
    } finally {
      sign.busy(false);
    }
  }
}

/**
 * @param {unknown} error
 * @param {'wrongLogin' | 'failed'} unauthorized
 */
function signProblem(error, unauthorized) {
  if (!(error instanceof ApiError)) return t('failed', { reason: String(error) });
  const reason = error.message || error.code || String(error.status);
  const n = error.retrySeconds;
  switch (error.status) {
    case 0: return t('unreachable');
    case 400: return error.code === 'bad_password' ? t('weakPassword') : t('badRequest', { reason });
    case 401: return t(unauthorized, { reason });
    case 403: return error.code === 'registration_closed' ? t('registrationClosed')
      : error.code === 'forbidden' ? t('foreignOrigin') : t('badRequest', { reason });
    case 409: return t('nameTaken');
    case 429: return n > 0 ? t('tooManyWait', { n }) : t('tooMany');
    case 502: case 503: case 504: return n > 0 ? t('unavailableWait', { n }) : t('unavailable');
    default: return t('failed', { reason });
  }
}

/** @param {unknown} error */
function changeProblem(error) {
  if (error instanceof ApiError && error.code === 'bad_credentials') return t('wrongOldPassword');
  if (error instanceof ApiError && error.status === 409) return t('passwordConflict');
  return signProblem(error, 'failed');
}
