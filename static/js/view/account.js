// SPDX-License-Identifier: MIT
// The part of the settings that is about one's account: another password, and the end of all sessions. It is loaded
// when the settings are opened, and makes its own elements: a first visit carries none of this.
// @ts-check

import { make, tell } from './dom.js';
import { addTexts, t } from './i18n.js';
import * as texts from './texts-account.js';

/** @typedef {import('./i18n.js').TextKey} TextKey */

/**
 * @typedef {object} AccountActions
 * @property {(old: string, fresh: string) => Promise<string>} changePassword  what was wrong; '' nothing
 * @property {() => void} signOutEverywhere
 */

/**
 * An element with a text that follows the language of the page.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag @param {string} id @param {string} className @param {TextKey} key
 */
function said(tag, id, className, key) {
  const element = make(tag, className, t(key));
  if (id !== '') element.id = id;
  element.dataset['i18n'] = key;
  return element;
}

/** @param {string} id @param {string} name @param {AutoFill} autocomplete */
function passwordInput(id, name, autocomplete) {
  const input = make('input', '');
  Object.assign(input, { id, name, type: 'password', autocomplete, autocapitalize: 'none', spellcheck: false, required: true });
  return input;
}

/** @param {HTMLInputElement} input @param {TextKey} key @param {HTMLElement[]} more */
function field(input, key, ...more) {
  const label = said('label', '', '', key);
  label.htmlFor = input.id;
  const box = make('div', 'field');
  box.append(label, input, ...more);
  return box;
}

addTexts(texts);

export class AccountView {
  #part;
  #details = make('details', '');
  #form = make('form', '');
  #user = make('input', '');
  #old = passwordInput('password-old', 'old', 'current-password');
  #fresh = passwordInput('password-new', 'new', 'new-password');
  #reveal = make('input', '');
  #summary = said('summary', '', '', 'changePassword');
  #change = said('button', 'password-change', 'primary', 'changePasswordNow');
  #everywhere = said('button', 'sign-out-all', '', 'signOutEverywhere');
  #error = make('p', 'error');
  #done = make('p', 'hint');

  /** @param {HTMLElement} part  where it goes @param {AccountActions} actions */
  constructor(part, actions) {
    this.#part = part;
    this.actions = actions;
    this.#details.id = 'password-part';
    Object.assign(this.#form, { id: 'password-form', method: 'post', noValidate: true });
    // Where a password manager looks for whom the passwords are.
    Object.assign(this.#user, { id: 'password-user', name: 'user', type: 'text', autocomplete: 'username', hidden: true });
    Object.assign(this.#reveal, { id: 'password-show', type: 'checkbox' });
    this.#everywhere.type = 'button';
    this.#fresh.setAttribute('aria-describedby', 'password-new-hint');
    this.#error.id = 'account-error';
    this.#error.setAttribute('role', 'alert');
    Object.assign(this.#done, { id: 'account-done', hidden: true });
    this.#done.setAttribute('role', 'status');
    const check = make('label', 'check');
    check.append(this.#reveal, ' ', said('span', '', '', 'showPasswords'));
    this.#form.append(this.#user, field(this.#old, 'oldPassword'),
      field(this.#fresh, 'newPassword', said('p', 'password-new-hint', 'hint', 'newPasswordHint'), check),
      this.#error, this.#change);
    this.#details.append(this.#summary, this.#form);
    part.append(this.#details, this.#done, this.#everywhere);

    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      if (this.#filled()) void this.#changePassword();
    });
    this.#reveal.addEventListener('change', () => this.#revealPasswords());
    this.#everywhere.addEventListener('click', () => actions.signOutEverywhere());
  }

  /** @param {string} user  whose account it is */
  show(user) {
    this.#user.value = user;
  }

  focus() {
    this.#summary.focus();
  }

  /** No password stays in the page. */
  empty() {
    this.#old.value = '';
    this.#fresh.value = '';
    this.#reveal.checked = false;
    this.#revealPasswords();
    this.#details.open = false;
    this.#failed('');
  }

  async #changePassword() {
    this.#failed('');
    this.#busy(true);
    const problem = await this.actions.changePassword(this.#old.value, this.#fresh.value);
    this.#busy(false);
    if (problem !== '') {
      this.#failed(problem);
      return;
    }
    // The button that was pressed goes away with the form.
    const hadFocus = this.#form.contains(document.activeElement) || document.activeElement === document.body;
    this.empty();
    tell(this.#done, t('passwordChanged'));
    if (hadFocus) this.focus();
  }

  /** @param {string} text */
  #failed(text) {
    tell(this.#done, '');
    this.#error.textContent = text;
  }

  /** @param {boolean} busy */
  #busy(busy) {
    this.#change.disabled = busy;
    this.#everywhere.disabled = busy;
    this.#part.setAttribute('aria-busy', String(busy));
  }

  #revealPasswords() {
    for (const input of [this.#old, this.#fresh]) input.type = this.#reveal.checked ? 'text' : 'password';
  }

  #filled() {
    if (this.#change.disabled) return false;
    const lacking = [this.#old, this.#fresh].find((input) => input.value === '');
    this.#failed(lacking === undefined ? '' : t(lacking === this.#old ? 'needOldPassword' : 'needNewPassword'));
    lacking?.focus();
    return lacking === undefined;
  }
}
