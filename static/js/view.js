// SPDX-License-Identifier: MIT
// The page as a whole: which part is shown, the head of the room, who is typing. The parts are files of their own.
// @ts-check

import { Composer } from './composer.js';
import { byId, isWide, make, paintAvatar, tell } from './dom.js';
import { isTextKey, language, t, timeOf } from './i18n.js';
import { MessagesView } from './messages.js';
import { RoomsView } from './rooms.js';
import { SignView } from './sign.js';

/** @typedef {import('./state.js').Entry} Entry */
/** @typedef {import('./protocol.js').ConnectionState} ConnectionState */

/**
 * What the person does.
 * @typedef {import('./sign.js').SignActions & import('./rooms.js').RoomsActions
 *   & import('./composer.js').ComposerActions & {signOut: () => void, retry: () => void}} Actions
 */

export class View {
  #boot = byId('boot', HTMLParagraphElement);
  #chat = byId('chat', HTMLElement);
  #me = byId('me', HTMLSpanElement);
  #meAvatar = byId('me-avatar', HTMLSpanElement);
  #signOut = byId('sign-out', HTMLButtonElement);
  #roomTitle = byId('room-title', HTMLHeadingElement);
  #status = byId('status', HTMLParagraphElement);
  #retry = byId('retry', HTMLButtonElement);
  #typing = byId('typing', HTMLParagraphElement);
  #notice = byId('notice', HTMLParagraphElement);
  #room = '';
  /** Messages that came while the page was out of sight. */ #unread = 0;

  /** @param {Actions} actions */
  constructor(actions) {
    this.#translate();
    this.sign = new SignView(actions);
    this.rooms = new RoomsView(actions);
    this.box = new Composer(actions, () => this.notice(''));
    this.messages = new MessagesView(() => this.box.focus());
    this.#signOut.addEventListener('click', () => actions.signOut());
    this.#retry.addEventListener('click', () => actions.retry());
    document.addEventListener('visibilitychange', () => {
      if (document.hidden) return;
      this.#unread = 0;
      this.#title();
      this.messages.labelDays();
    });
  }

  // ---- which part is shown

  /** @param {string} text */
  showBoot(text) {
    this.sign.hide();
    this.#chat.hidden = true;
    tell(this.#boot, text);
  }

  /** @param {string} notice  why the form is here; '' says nothing */
  showSign(notice) {
    tell(this.#boot, '');
    this.#chat.hidden = true;
    this.#room = '';
    this.#title();
    this.sign.show(notice);
  }

  /** @param {string} user @param {boolean} guest */
  showChat(user, guest) {
    tell(this.#boot, '');
    this.sign.hide();
    this.#chat.hidden = false;
    this.#signOut.hidden = guest;
    this.showName(user);
  }

  /** @param {string} user */
  showName(user) {
    this.#me.textContent = user;
    this.#me.title = user;
    paintAvatar(this.#meAvatar, user);
  }

  // ---- the room

  /** @param {string} room @param {string} draft */
  showRoom(room, draft) {
    this.#room = room;
    this.#roomTitle.textContent = room;
    this.#roomTitle.title = room;
    this.#unread = 0;
    this.#title();
    this.rooms.showCurrent(room);
    this.messages.show([]);
    this.showTypists([]);
    this.notice('');
    this.box.setDraft(draft);
    this.toRoom();
  }

  /** From the list of rooms to the room itself. */
  toRoom() {
    this.rooms.close();
    this.#focusRoom();
  }

  /** @param {ConnectionState} state @param {string} text */
  showState(state, text) {
    this.#status.dataset.state = state;
    if (this.#status.textContent !== text) this.#status.textContent = text;
    // A button that vanishes while it is pressed would take the focus with it.
    const focused = document.activeElement === this.#retry;
    this.#retry.hidden = state === 'online' || (state === 'connecting' && !focused);
    if (focused && this.#retry.hidden) this.#focusRoom();
    this.box.setOnline(state === 'online');
  }

  /** @param {Entry} entry @param {boolean} live  false for history */
  append(entry, live) {
    this.messages.append(entry);
    if (!live || !document.hidden || entry.own) return;
    this.#unread += 1;
    this.#title();
  }

  /** @param {string[]} names */
  showTypists(names) {
    // Names go in as elements of their own, so that one name's direction does not turn the sentence.
    this.#typing.replaceChildren();
    if (names.length === 0) return;
    const [a, b] = names;
    const marks = { a: '\u0001', b: '\u0002' };
    const pattern = names.length === 1 ? t('typingOne', marks) : names.length === 2 ? t('typingTwo', marks) : t('typingMany');
    // One box for the sentence: as children of a flex box its pieces would be boxes, and lines, of their own.
    const sentence = make('span', 'sentence');
    for (const piece of pattern.split(/([\u0001\u0002])/)) {
      if (piece === marks.a) sentence.append(make('bdi', '', a));
      else if (piece === marks.b) sentence.append(make('bdi', '', b));
      else sentence.append(piece);
    }
    this.#typing.append(make('span', 'dots'), sentence);
  }

  /** @param {string} text  '' takes it away */
  notice(text) {
    tell(this.#notice, text);
  }

  /** Takes the notice away if it is this one. @param {string} text */
  unnotice(text) {
    if (this.#notice.textContent === text) this.notice('');
  }

  // ---- inside

  #focusRoom() {
    // On a phone the box would open the keyboard over the messages.
    if (isWide()) this.box.focus();
    else this.rooms.focusMenu();
  }

  #title() {
    const unread = this.#unread > 0 ? `(${this.#unread}) ` : '';
    document.title = this.#room === '' ? 'chatd' : `${unread}${this.#room} · chatd`;
  }

  #translate() {
    document.documentElement.lang = language;
    document.documentElement.classList.toggle('short-clock', timeOf(Date.UTC(2000, 0, 1, 12)).length <= 5);
    /** @param {string} attribute @param {(element: HTMLElement, text: string) => void} put */
    const each = (attribute, put) => {
      for (const element of document.querySelectorAll(`[${attribute}]`)) {
        const key = element.getAttribute(attribute) ?? '';
        if (!isTextKey(key)) throw new Error(`no text ${key}`);
        put(/** @type {HTMLElement} */ (element), t(key));
      }
    };
    each('data-i18n', (element, text) => { element.textContent = text; });
    each('data-i18n-label', (element, text) => {
      element.setAttribute('aria-label', text);
      if (element instanceof HTMLButtonElement && element.id !== 'side-shade') element.title = text;
    });
    each('data-i18n-placeholder', (element, text) => element.setAttribute('placeholder', text));
  }
}
