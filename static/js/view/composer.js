// SPDX-License-Identifier: MIT
// The box a message is written in: it grows with the text, Enter sends, Shift+Enter makes a line.
// @ts-check

import { textBytes } from '../protocol/chatd.js';
import { byId, isTouch, tell } from './dom.js';
import { t } from './i18n.js';

/**
 * @typedef {object} ComposerActions
 * @property {(text: string) => void} send  not empty, not too long; the connection may be gone
 * @property {(text: string) => void} written  the text was changed
 */

/** From this part of the limit on the box tells how much is left. */
const TELL_FROM = 0.8;

export class Composer {
  #form = byId('send-form', HTMLFormElement);
  #text = byId('text', HTMLTextAreaElement);
  #send = byId('send', HTMLButtonElement);
  #room = byId('text-room', HTMLParagraphElement);
  #max = Infinity;
  #left = Infinity;

  /** @param {ComposerActions} actions */
  constructor(actions) {
    this.#text.addEventListener('input', () => {
      this.#changed();
      actions.written(this.#text.value);
    });
    this.#text.addEventListener('keydown', (event) => {
      // While an input method composes, Enter belongs to it.
      // 229: Safari's for the key that ends the composition, which it reports after the end.
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return;
      // A keyboard on the screen has no Shift+Enter: there Enter is a line, and the button sends.
      if (isTouch()) return;
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

  /** @param {boolean} shown */
  show(shown) {
    this.#form.hidden = !shown;
    // Its height could not be measured while it was hidden.
    if (shown) this.#changed();
    else tell(this.#room, '');
  }

  /** @param {string} text */
  setText(text) {
    this.#text.value = text;
    this.#changed();
  }

  /** @param {number} bytes  the longest text the server takes */
  setLimit(bytes) {
    this.#max = bytes;
    this.#changed();
  }

  get hasFocus() {
    return this.#form.contains(document.activeElement);
  }

  focus() {
    this.#text.focus({ preventScroll: true });
  }

  /** @param {ComposerActions} actions */
  #submit(actions) {
    const text = this.#text.value.trim();
    if (text !== '' && this.#left >= 0) actions.send(text);
  }

  #changed() {
    const { style } = this.#text;
    style.height = 'auto';
    // The border is outside scrollHeight.
    style.height = `${this.#text.scrollHeight + 2}px`;
    const text = this.#text.value.trim();
    const bytes = textBytes(text);
    this.#left = this.#max - bytes;
    tell(this.#room, this.#left < 0 ? t('tooLong', { n: lettersOver(text, this.#max) })
      : bytes > this.#max * TELL_FROM ? t('lettersLeft', { n: lettersLeft(text, this.#left) }) : '');
    this.#room.classList.toggle('over', this.#left < 0);
    this.#text.setAttribute('aria-invalid', String(this.#left < 0));
    this.#send.disabled = text === '' || this.#left < 0;
  }
}

/** How many letters of the kind written last there is room for. @param {string} text @param {number} bytes */
function lettersLeft(text, bytes) {
  return Math.floor(bytes / textBytes(Array.from(text.slice(-2)).at(-1) ?? ' '));
}

/** How many letters must go from the end. @param {string} text @param {number} max  bytes */
function lettersOver(text, max) {
  const letters = Array.from(text);
  let bytes = textBytes(text);
  let count = 0;
  while (bytes > max && count < letters.length) {
    count += 1;
    bytes -= textBytes(letters[letters.length - count] ?? '');
  }
  return count;
}
