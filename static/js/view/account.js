// SPDX-License-Identifier: MIT
// The part of the settings that is about one's account: another password, and the end of all sessions.
// @ts-check

import { byId, tell } from './dom.js';
import { t } from './i18n.js';

/**
 * @typedef {object} AccountActions
 * @property {(old: string, fresh: string) => void} changePassword
 * @property {() => void} signOutEverywhere
 */

export class AccountView {
  #part = byId('account', HTMLElement);
  #details = byId('password-part', HTMLDetailsElement);
  #form = byId('password-form', HTMLFormElement);
  #user = byId('password-user', HTMLInputElement);
  #old = byId('password-old', HTMLInputElement);
  #fresh = byId('password-new', HTMLInputElement);
  #reveal = byId('password-show', HTMLInputElement);
  #change = byId('password-change', HTMLButtonElement);
  #everywhere = byId('sign-out-all', HTMLButtonElement);
  #error = byId('account-error', HTMLParagraphElement);
  #done = byId('account-done', HTMLParagraphElement);

  /** @param {AccountActions} actions */
  constructor(actions) {
    this.#form.noValidate = true;
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      if (this.#filled()) actions.changePassword(this.#old.value, this.#fresh.value);
    });
    this.#reveal.addEventListener('change', () => this.#revealPasswords());
    this.#everywhere.addEventListener('click', () => actions.signOutEverywhere());
    byId('settings', HTMLDialogElement).addEventListener('close', () => this.#empty());
  }

  /** @param {string} user  '' for a guest, who has no account */
  show(user) {
    this.#part.hidden = user === '';
    // Where a password manager looks for whom the passwords are.
    this.#user.value = user;
  }

  hide() {
    this.show('');
    this.#empty();
  }

  /** @param {string} text */
  failed(text) {
    tell(this.#done, '');
    this.#error.textContent = text;
  }

  /** @param {string} text */
  done(text) {
    this.#empty();
    tell(this.#done, text);
  }

  /** @param {boolean} busy */
  busy(busy) {
    this.#change.disabled = busy;
    this.#everywhere.disabled = busy;
    this.#part.setAttribute('aria-busy', String(busy));
  }

  /** No password stays in the page. */
  #empty() {
    this.#old.value = '';
    this.#fresh.value = '';
    this.#reveal.checked = false;
    this.#revealPasswords();
    this.#details.open = false;
    this.#error.textContent = '';
    tell(this.#done, '');
  }

  #revealPasswords() {
    for (const input of [this.#old, this.#fresh]) input.type = this.#reveal.checked ? 'text' : 'password';
  }

  #filled() {
    if (this.#change.disabled) return false;
    const lacking = [this.#old, this.#fresh].find((input) => input.value === '');
    this.failed(lacking === undefined ? '' : t(lacking === this.#old ? 'needOldPassword' : 'needNewPassword'));
    lacking?.focus();
    return lacking === undefined;
  }
}
