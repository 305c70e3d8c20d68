// SPDX-License-Identifier: MIT
// The box a message is written in: it grows with the text, Enter sends, Shift+Enter makes a line.
// @ts-check

import { byId } from './dom.js';

/**
 * @typedef {object} ComposerActions
 * @property {(text: string) => void} send  not empty; the connection may be gone
 * @property {() => void} typing  the text was changed and is not empty
 */

export class Composer {
  #form = byId('send-form', HTMLFormElement);
  #text = byId('text', HTMLTextAreaElement);
  #send = byId('send', HTMLButtonElement);
  #online = false;

  /** @param {ComposerActions} actions @param {() => void} changed  the person changed the text */
  constructor(actions, changed) {
    this.#text.addEventListener('input', () => {
      this.#fit();
      this.#allowSend();
      changed();
      if (this.#filled()) actions.typing();
    });
    this.#text.addEventListener('keydown', (event) => {
      // While an input method composes, Enter belongs to it.
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#submit(actions);
    });
    // A press of the button leaves the focus, and a phone's keyboard, with the box.
    this.#send.addEventListener('mousedown', (event) => event.preventDefault());
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit(actions);
    });
  }

  get draft() {
    return this.#text.value;
  }

  /** @param {string} text */
  setDraft(text) {
    this.#text.value = text;
    this.#fit();
    this.#allowSend();
  }

  /** @param {boolean} online */
  setOnline(online) {
    this.#online = online;
    this.#allowSend();
  }

  focus() {
    this.#text.focus({ preventScroll: true });
  }

  /** @param {ComposerActions} actions */
  #submit(actions) {
    if (this.#filled()) actions.send(this.#text.value.trim());
  }

  #filled() {
    return this.#text.value.trim() !== '';
  }

  #allowSend() {
    this.#send.disabled = !this.#online || !this.#filled();
  }

  #fit() {
    const { style } = this.#text;
    style.height = 'auto';
    // The border is outside scrollHeight.
    style.height = `${this.#text.scrollHeight + 2}px`;
  }
}
