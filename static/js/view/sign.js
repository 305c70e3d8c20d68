// SPDX-License-Identifier: MIT
// The sign-in form: what is typed there goes to the actions, what went wrong is said beside the fields.
// @ts-check

import { byId, tell } from './dom.js';
import { t } from './i18n.js';

/**
 * @typedef {object} SignActions
 * @property {(user: string, password: string) => void} signIn
 * @property {(user: string, password: string) => void} signUp
 */

export class SignView {
  #part = byId('sign', HTMLElement);
  #form = byId('sign-form', HTMLFormElement);
  #user = byId('user', HTMLInputElement);
  #password = byId('password', HTMLInputElement);
  #showPassword = byId('show-password', HTMLInputElement);
  #signIn = byId('sign-in', HTMLButtonElement);
  #signUp = byId('sign-up', HTMLButtonElement);
  #notice = byId('sign-notice', HTMLParagraphElement);
  #error = byId('sign-error', HTMLParagraphElement);
  /** @type {Element | null} */ #focused = null;

  /** @param {SignActions} actions */
  constructor(actions) {
    // Our own messages, in the page's language and beside the fields, instead of the browser's bubbles.
    this.#form.noValidate = true;
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      if (this.#filled()) actions.signIn(this.#user.value.trim(), this.#password.value);
    });
    this.#showPassword.addEventListener('change', () => this.#revealPassword());
    this.#signUp.addEventListener('click', () => {
      if (this.#filled()) actions.signUp(this.#user.value.trim(), this.#password.value);
    });
  }

  /** @param {string} notice  why the form is here; '' says nothing */
  show(notice) {
    this.#part.hidden = false;
    this.error('');
    tell(this.#notice, notice);
    (this.#user.value === '' ? this.#user : this.#password).focus();
  }

  /** The password does not stay in the page. */
  hide() {
    this.#part.hidden = true;
    this.#password.value = '';
    this.#showPassword.checked = false;
    this.#revealPassword();
  }

  /** @param {string} text  '' takes it away */
  error(text) {
    this.#error.textContent = text;
  }

  /** @param {boolean} busy */
  busy(busy) {
    // A button that is out of use loses the focus.
    if (busy) this.#focused = document.activeElement;
    this.#signIn.disabled = busy;
    this.#signUp.disabled = busy;
    this.#form.setAttribute('aria-busy', String(busy));
    if (!busy && document.activeElement === document.body && this.#focused instanceof HTMLElement) this.#focused.focus();
  }

  #revealPassword() {
    this.#password.type = this.#showPassword.checked ? 'text' : 'password';
  }

  /** Whether both fields have something; if not, says which one lacks it and goes there. */
  #filled() {
    if (this.#signIn.disabled) return false;
    const lacking = this.#user.value.trim() === '' ? this.#user : this.#password.value === '' ? this.#password : null;
    this.error(lacking === null ? '' : t(lacking === this.#user ? 'needUser' : 'needPassword'));
    lacking?.focus();
    if (lacking === null) tell(this.#notice, '');
    return lacking === null;
  }
}
