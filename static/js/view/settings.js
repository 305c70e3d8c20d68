// SPDX-License-Identifier: MIT
// The window with the settings and the list of keys. What is about one's account is loaded when it is opened.
// @ts-check

import { byId, tell } from './dom.js';
import { t } from './i18n.js';

/** @typedef {import('../state/storage.js').Settings} Settings */

/**
 * @typedef {import('./account.js').AccountActions & {settingsChosen: (settings: Settings) => void}} SettingsActions
 */

/** @returns {'none' | NotificationPermission}  'none': this browser has no notifications */
export function notificationState() {
  return typeof Notification === 'undefined' ? 'none' : Notification.permission;
}

/** @returns {Promise<boolean>} whether the page may show notifications; asks the person if nobody did */
export async function askForNotifications() {
  if (typeof Notification === 'undefined') return false;
  return (await Notification.requestPermission()) === 'granted';
}

export class SettingsView {
  #dialog = byId('settings', HTMLDialogElement);
  #form = byId('settings-form', HTMLFormElement);
  #note = byId('notify-note', HTMLParagraphElement);
  #theme = byId('set-theme', HTMLSelectElement);
  #language = byId('set-language', HTMLSelectElement);
  #sound = byId('set-sound', HTMLInputElement);
  #notify = byId('set-notify', HTMLInputElement);

  #accountPart = byId('account', HTMLElement);
  #accountState = byId('account-state', HTMLParagraphElement);
  #accountRetry = byId('account-retry', HTMLButtonElement);
  /** @type {import('./account.js').AccountView | null} null: not loaded yet */ #account = null;
  /** Whose account it is; '' nobody's. */ #user = '';
  #isLoading = false;
  /** How often loading has failed. */ #failures = 0;

  /** @param {SettingsActions} actions */
  constructor(actions) {
    this.actions = actions;
    this.#accountRetry.addEventListener('click', () => void this.#loadAccount());
    this.#dialog.addEventListener('close', () => this.#account?.empty());
    for (const id of ['settings-open', 'sign-settings']) {
      byId(id, HTMLButtonElement).addEventListener('click', () => this.show());
    }
    byId('settings-close', HTMLButtonElement).addEventListener('click', () => this.#dialog.close());
    // A press beside the window closes it, as everywhere; not one that began inside.
    this.#dialog.addEventListener('pointerdown', (event) => {
      if (event.target === this.#dialog) this.#dialog.close();
    });
    this.#form.addEventListener('change', () => actions.settingsChosen(this.#chosen()));
    this.#form.addEventListener('submit', (event) => event.preventDefault());
  }

  get isOpen() {
    return this.#dialog.open;
  }

  show() {
    if (!this.#dialog.open) this.#dialog.showModal();
    void this.#loadAccount();
  }

  /** @param {string} user  '' for nobody, or a guest, who has no account */
  showAccount(user) {
    this.#user = user;
    this.#accountPart.hidden = user === '';
    this.#account?.show(user);
    if (user === '') this.#account?.empty();
    else if (this.isOpen) void this.#loadAccount();
  }

  close() {
    this.#dialog.close();
  }

  /** @param {Settings} settings @param {string} note  what the person should know about notifications; '' nothing */
  fill(settings, note) {
    this.#theme.value = settings.theme;
    this.#language.value = settings.language;
    this.#sound.checked = settings.sound;
    this.#notify.checked = settings.notify;
    this.#note.textContent = note;
    this.#note.hidden = note === '';
  }

  async #loadAccount() {
    if (this.#account !== null || this.#isLoading || this.#user === '') return;
    this.#isLoading = true;
    tell(this.#accountState, t('starting'));
    try {
      // A browser may remember that an address failed, and not ask again: each further attempt has one of its own.
      const again = `./account.js?again=${this.#failures}`;
      /** @type {typeof import('./account.js')} */
      const { AccountView } = await (this.#failures === 0 ? import('./account.js') : import(again));
      this.#account = new AccountView(this.#accountPart, this.actions);
      this.#account.show(this.#user);
      tell(this.#accountState, '');
      const hadFocus = document.activeElement === this.#accountRetry;
      this.#accountRetry.hidden = true;
      if (hadFocus) this.#account.focus();
    } catch {
      this.#failures += 1;
      tell(this.#accountState, t('accountNotLoaded'));
      this.#accountRetry.hidden = false;
    } finally {
      this.#isLoading = false;
    }
  }

  /** @returns {Settings} */
  #chosen() {
    return {
      theme: /** @type {Settings['theme']} */ (this.#theme.value),
      language: /** @type {Settings['language']} */ (this.#language.value),
      sound: this.#sound.checked,
      notify: this.#notify.checked,
    };
  }
}
