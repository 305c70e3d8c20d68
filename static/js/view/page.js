// SPDX-License-Identifier: MIT
// The page as a whole: which part is shown, the head of the room, its state, who is typing. The parts are files of
// their own.
// @ts-check

import { Composer } from './composer.js';
import { byId, isTouch, isWide, make, paintAvatar, tell } from './dom.js';
import { currentLanguage, isTextKey, t, timeOf } from './i18n.js';
import { MessagesView } from './messages.js';
import { RoomsView } from './rooms.js';
import { SettingsView } from './settings.js';
import { SignView } from './sign.js';
import { fitToKeyboard } from './viewport.js';

/** @typedef {import('../state/room.js').RoomState} RoomState */
/** @typedef {import('../protocol/types.js').Status} Status */

/**
 * What the person does.
 * @typedef {import('./sign.js').SignActions & import('./rooms.js').RoomsActions
 *   & import('./composer.js').ComposerActions & import('./messages.js').MessagesActions
 *   & import('./settings.js').SettingsActions
 *   & {signOut: () => void, retry: () => void, leaveRoom: () => void}} Actions
 */

export class Page {
  #boot = byId('boot', HTMLParagraphElement);
  #chat = byId('chat', HTMLElement);
  #me = byId('me', HTMLSpanElement);
  #meAvatar = byId('me-avatar', HTMLSpanElement);
  #signOut = byId('sign-out', HTMLButtonElement);
  #leave = byId('leave', HTMLButtonElement);
  #roomTitle = byId('room-title', HTMLHeadingElement);
  #status = byId('status', HTMLParagraphElement);
  #countdown = byId('countdown', HTMLSpanElement);
  #retry = byId('retry', HTMLButtonElement);
  #nowhere = byId('nowhere', HTMLParagraphElement);
  #typing = byId('typing', HTMLParagraphElement);
  #notice = byId('notice', HTMLParagraphElement);
  #room = '';
  #unread = 0;
  /** @type {ReturnType<typeof setInterval> | undefined} */ #ticking;

  /** @param {Actions} actions */
  constructor(actions) {
    this.settings = new SettingsView(actions);
    this.sign = new SignView(actions);
    this.rooms = new RoomsView(actions);
    this.box = new Composer(actions);
    this.messages = new MessagesView(actions, () => this.focusRoom());
    fitToKeyboard(this.#chat);
    this.#signOut.addEventListener('click', () => actions.signOut());
    this.#leave.addEventListener('click', () => actions.leaveRoom());
    this.#retry.addEventListener('click', () => actions.retry());
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
    clearInterval(this.#ticking);
    tell(this.#boot, '');
    this.settings.close();
    this.settings.showAccount('');
    this.#chat.hidden = true;
    this.#room = '';
    this.#title();
    this.sign.show(notice);
  }

  /** @param {string} user @param {boolean} isGuest */
  showChat(user, isGuest) {
    tell(this.#boot, '');
    this.sign.hide();
    this.#chat.hidden = false;
    this.#signOut.hidden = isGuest;
    this.settings.showAccount(isGuest ? '' : user);
    this.showName(user);
  }

  /** @param {string} user */
  showName(user) {
    this.#me.textContent = user;
    this.#me.title = user;
    paintAvatar(this.#meAvatar, user);
  }

  // ---- the room

  /** @param {RoomState | null} room  null: none is open @param {string} nowhere  said instead of messages */
  showRoom(room, nowhere) {
    const name = room?.name ?? '';
    this.#room = name;
    this.#roomTitle.textContent = name === '' ? 'chatd' : name;
    this.#roomTitle.title = name;
    this.#roomTitle.classList.toggle('is-room', name !== '');
    this.#leave.hidden = room === null;
    this.showTypists([]);
    this.notice('');
    this.messages.open(room);
    this.showBlocked(nowhere);
    this.box.setText(room?.draft ?? '');
    this.#title();
  }

  /** @param {string} why  there is nothing to read or write; '' there is */
  showBlocked(why) {
    const loses = why !== '' && this.box.hasFocus;
    tell(this.#nowhere, why);
    this.box.show(why === '');
    if (loses) this.focusRoom();
  }

  /** From the list of rooms to the room itself. */
  toRoom() {
    this.rooms.close();
    this.focusRoom();
  }

  /** The focus goes to where one writes, or as near as that is wise. */
  focusRoom() {
    if (!isWide()) this.rooms.focusMenu();
    else if (this.#nowhere.hidden && !isTouch()) this.box.focus();
    else this.messages.focus();
  }

  /** @param {number} unread  in all rooms */
  showUnread(unread) {
    this.#unread = unread;
    this.#title();
  }

  /** @param {Status['phase']} phase @param {string} text @param {number} retryAt  ms; 0: no attempt is coming */
  showStatus(phase, text, retryAt) {
    this.#status.dataset['state'] = phase === 'online' ? 'online' : phase === 'connecting' ? 'connecting' : 'offline';
    const words = /** @type {HTMLElement} */ (this.#status.firstElementChild);
    if (words.textContent !== text) words.textContent = text;
    clearInterval(this.#ticking);
    const tick = () => {
      const n = Math.ceil((retryAt - Date.now()) / 1000);
      this.#countdown.textContent = retryAt > 0 && n > 0 ? t('retryIn', { n }) : '';
    };
    tick();
    if (retryAt > 0) this.#ticking = setInterval(tick, 1000);
    // A button that vanishes while it is pressed would take the focus with it.
    const isFocused = document.activeElement === this.#retry;
    this.#retry.hidden = phase === 'online' || (phase === 'connecting' && !isFocused);
    if (isFocused && this.#retry.hidden) this.focusRoom();
  }

  /** @param {string[]} names */
  showTypists(names) {
    // Names go in as elements of their own, so that one name's direction does not turn the sentence.
    if (names.join(' ') === this.#typing.dataset['names']) return;
    this.#typing.dataset['names'] = names.join(' ');
    this.#typing.replaceChildren();
    if (names.length === 0) return;
    const [a = '', b = ''] = names;
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

  /** The texts of the page that stand in index.html. */
  translate() {
    document.documentElement.lang = currentLanguage();
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
    delete this.#typing.dataset['names'];
    // What was said once is not said again in another language.
    this.notice('');
    this.sign.error('');
    this.rooms.error('');
  }

  // ---- inside

  #title() {
    const unread = this.#unread > 0 ? `(${this.#unread > 99 ? '99+' : this.#unread}) ` : '';
    document.title = `${unread}${this.#room === '' ? '' : `${this.#room} · `}chatd`;
  }
}
