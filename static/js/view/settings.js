// SPDX-License-Identifier: MIT
// The window with the settings and the list of keys.
// @ts-check

import { byId } from './dom.js';

/** @typedef {import('../state/storage.js').Settings} Settings */

/**
 * @typedef {object} SettingsActions
 * @property {(settings: Settings) => void} settingsChosen
 */

export class SettingsView {
  #dialog = byId('settings', HTMLDialogElement);
  #form = byId('settings-form', HTMLFormElement);
  #note = byId('notify-note', HTMLParagraphElement);
  #theme = byId('set-theme', HTMLSelectElement);
  #language = byId('set-language', HTMLSelectElement);
  #sound = byId('set-sound', HTMLInputElement);
  #notify = byId('set-notify', HTMLInputElement);

  /** @param {SettingsActions} actions */
  constructor(actions) {
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
