// SPDX-License-Identifier: MIT
// The page: everything that touches the DOM. Text goes in as text nodes only.
// @ts-check

import { dayLabel, dayNumber, fullTimeOf, isTextKey, language, t, timeOf } from './i18n.js';
import { splitLinks } from './links.js';

/** @typedef {import('./state.js').Entry} Entry */
/** @typedef {import('./protocol.js').ConnectionState} ConnectionState */

/**
 * What the person does.
 * @typedef {object} Actions
 * @property {(user: string, password: string) => void} signIn
 * @property {(user: string, password: string) => void} signUp
 * @property {() => void} signOut
 * @property {(room: string) => void} chooseRoom  as typed; not checked
 * @property {(text: string) => void} send
 * @property {() => void} typing  the text was changed and is not empty
 * @property {() => void} retry
 * @property {() => void} roomsShown  the list of rooms comes into view
 */

const AVATAR_COLOURS = 8;
/** Messages of one author closer than this are shown as one group. */
const GROUP_MS = 5 * 60_000;
/** Nearer to the end than this counts as reading the end. */
const BOTTOM_PX = 48;
/** A list of rooms longer than this is narrowed by what is typed above it. */
const FILTER_FROM = 10;
const WIDE = '(min-width: 700px)';

/**
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} type
 * @returns {T}
 */
function byId(id, type) {
  const element = document.getElementById(id);
  if (!(element instanceof type)) throw new Error(`index.html has no ${type.name} #${id}`);
  return element;
}

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {string} className
 * @param {string} [text]
 */
function make(tag, className, text) {
  const element = document.createElement(tag);
  element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

/**
 * Colour and letter of a name; the same on every screen.
 * @param {HTMLElement} avatar
 * @param {string} name
 */
function paintAvatar(avatar, name) {
  let hash = 0;
  for (const char of name) hash = (hash * 31 + (char.codePointAt(0) ?? 0)) >>> 0;
  avatar.className = `avatar colour-${hash % AVATAR_COLOURS}`;
  avatar.textContent = (Array.from(name)[0] ?? '').toLocaleUpperCase();
}

/** @param {string} text */
function textNodes(text) {
  const fragment = document.createDocumentFragment();
  for (const part of splitLinks(text)) {
    if (part.href === null) {
      fragment.append(part.text);
      continue;
    }
    const link = make('a', '', part.text);
    link.href = part.href;
    link.target = '_blank';
    link.rel = 'noopener noreferrer';
    fragment.append(link);
  }
  return fragment;
}

/** @param {HTMLElement} element @param {string} text  '' hides it */
function tell(element, text) {
  element.hidden = text === '';
  // A live region repeats what is set again: only changes are news.
  if (element.textContent !== text) element.textContent = text;
}

export class View {
  #boot = byId('boot', HTMLParagraphElement);
  #sign = byId('sign', HTMLElement);
  #signForm = byId('sign-form', HTMLFormElement);
  #user = byId('user', HTMLInputElement);
  #password = byId('password', HTMLInputElement);
  #signIn = byId('sign-in', HTMLButtonElement);
  #signUp = byId('sign-up', HTMLButtonElement);
  #signNotice = byId('sign-notice', HTMLParagraphElement);
  #signError = byId('sign-error', HTMLParagraphElement);
  #chat = byId('chat', HTMLElement);
  #side = byId('side', HTMLElement);
  #shade = byId('side-shade', HTMLButtonElement);
  #menu = byId('menu', HTMLButtonElement);
  #me = byId('me', HTMLSpanElement);
  #meAvatar = byId('me-avatar', HTMLSpanElement);
  #signOut = byId('sign-out', HTMLButtonElement);
  #roomForm = byId('room-form', HTMLFormElement);
  #roomName = byId('room-name', HTMLInputElement);
  #roomError = byId('room-error', HTMLParagraphElement);
  #rooms = byId('rooms', HTMLUListElement);
  #roomTitle = byId('room-title', HTMLHeadingElement);
  #status = byId('status', HTMLParagraphElement);
  #retry = byId('retry', HTMLButtonElement);
  #log = byId('log', HTMLDivElement);
  #empty = byId('empty', HTMLParagraphElement);
  #messages = byId('messages', HTMLOListElement);
  #jump = byId('jump', HTMLButtonElement);
  #typing = byId('typing', HTMLParagraphElement);
  #notice = byId('notice', HTMLParagraphElement);
  #sendForm = byId('send-form', HTMLFormElement);
  #text = byId('text', HTMLTextAreaElement);
  #send = byId('send', HTMLButtonElement);

  /** @type {Entry | undefined} the last one shown */ #last;
  #atBottom = true;
  #scrollTop = 0;
  #missed = 0;
  #unread = 0;
  #scrollPlanned = false;
  #room = '';
  /** @type {string[]} */ #roomList = [];

  /** @param {Actions} actions */
  constructor(actions) {
    this.#translate();
    this.#watchSign(actions);
    this.#watchSide(actions);
    this.#watchLog();
    this.#watchComposer(actions);
    this.#retry.addEventListener('click', () => actions.retry());
    document.addEventListener('visibilitychange', () => {
      if (document.hidden) return;
      this.#unread = 0;
      this.#title();
      this.#labelDays();
    });
  }

  // ---- which part is shown

  /** @param {string} text */
  showBoot(text) {
    this.#sign.hidden = true;
    this.#chat.hidden = true;
    tell(this.#boot, text);
  }

  /** @param {string} notice */
  showSign(notice) {
    tell(this.#boot, '');
    this.#chat.hidden = true;
    this.#sign.hidden = false;
    this.signError('');
    tell(this.#signNotice, notice);
    document.title = 'chatd';
    (this.#user.value === '' ? this.#user : this.#password).focus();
  }

  /** @param {string} user @param {boolean} guest */
  showChat(user, guest) {
    tell(this.#boot, '');
    this.#sign.hidden = true;
    this.#password.value = '';
    this.#chat.hidden = false;
    this.#signOut.hidden = guest;
    this.showName(user);
  }

  /** @param {string} user */
  showName(user) {
    this.#me.textContent = user;
    paintAvatar(this.#meAvatar, user);
  }

  // ---- signing in

  /** @param {string} text */
  signError(text) {
    this.#signError.textContent = text;
  }

  /** @param {boolean} busy */
  signBusy(busy) {
    this.#signIn.disabled = busy;
    this.#signUp.disabled = busy;
    this.#signForm.setAttribute('aria-busy', String(busy));
  }

  // ---- rooms

  /** @param {string} room @param {string} draft */
  showRoom(room, draft) {
    this.#room = room;
    this.#roomTitle.textContent = room;
    this.#roomTitle.title = room;
    this.#unread = 0;
    this.#title();
    this.#listRooms();
    this.showEntries([]);
    this.showTypists([]);
    this.notice('');
    this.setDraft(draft);
    this.#atBottom = true;
    this.closeRooms();
  }

  /** The room was chosen: the drawer of the narrow layout has done its work. */
  closeRooms() {
    this.#openSide(false);
    this.focusText();
  }

  /** @param {string} text */
  roomError(text) {
    this.#roomError.textContent = text;
    this.#roomName.setAttribute('aria-invalid', String(text !== ''));
  }

  /** @param {string[]} rooms */
  showRooms(rooms) {
    this.#roomList = rooms;
    this.#listRooms();
  }

  // ---- connection

  /** @param {ConnectionState} state @param {string} text */
  showState(state, text) {
    this.#status.dataset.state = state;
    if (this.#status.textContent !== text) this.#status.textContent = text;
    // A button that vanishes while it is pressed would take the focus with it.
    const focused = document.activeElement === this.#retry;
    this.#retry.hidden = state === 'online' || (state === 'connecting' && !focused);
    if (focused && this.#retry.hidden) this.focusText();
    this.#allowSend();
  }

  /** While history comes in, a screen reader stays quiet. @param {boolean} filling */
  filling(filling) {
    this.#log.setAttribute('aria-live', filling ? 'off' : 'polite');
    this.#empty.hidden = filling || this.#last !== undefined;
  }

  // ---- messages

  /** @param {Entry} entry @param {boolean} live  false for history */
  append(entry, live) {
    this.#messages.append(...this.#rows(entry, this.#last));
    this.#last = entry;
    this.#empty.hidden = true;
    if (live && document.hidden && !entry.own) {
      this.#unread += 1;
      this.#title();
    }
    if (this.#atBottom) {
      this.#planScroll();
    } else if (live && !entry.own) {
      this.#missed += 1;
      this.#showJump();
    }
  }

  /** @param {Entry[]} entries  the whole list anew */
  showEntries(entries) {
    this.#last = undefined;
    const rows = [];
    for (const entry of entries) {
      rows.push(...this.#rows(entry, this.#last));
      this.#last = entry;
    }
    this.#messages.replaceChildren(...rows);
    this.#empty.hidden = true;
    if (this.#atBottom) this.#planScroll();
    if (entries.length === 0) this.#reachedBottom();
  }

  get atBottom() {
    return this.#atBottom;
  }

  toBottom() {
    this.#reachedBottom();
    this.#planScroll();
  }

  /** @param {string[]} names */
  showTypists(names) {
    // Names go in as elements of their own, so that one name's direction does not turn the sentence.
    this.#typing.replaceChildren();
    this.#typing.classList.toggle('on', names.length > 0);
    if (names.length === 0) return;
    const [a, b] = names;
    const marks = { a: '\u0001', b: '\u0002' };
    const pattern = names.length === 1 ? t('typingOne', marks) : names.length === 2 ? t('typingTwo', marks) : t('typingMany');
    this.#typing.append(make('span', 'dots'));
    for (const piece of pattern.split(/([\u0001\u0002])/)) {
      if (piece === marks.a) this.#typing.append(make('bdi', '', a));
      else if (piece === marks.b) this.#typing.append(make('bdi', '', b));
      else this.#typing.append(piece);
    }
  }

  /** @param {string} text  '' takes it away */
  notice(text) {
    tell(this.#notice, text);
  }

  // ---- the box

  get draft() {
    return this.#text.value;
  }

  /** @param {string} text */
  setDraft(text) {
    this.#text.value = text;
    this.#fitText();
    this.#allowSend();
  }

  focusText() {
    // On a phone the box would open the keyboard over the messages.
    (matchMedia(WIDE).matches ? this.#text : this.#menu).focus({ preventScroll: true });
  }

  // ---- inside

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
      if (element instanceof HTMLButtonElement && element !== this.#shade) element.title = text;
    });
    each('data-i18n-placeholder', (element, text) => element.setAttribute('placeholder', text));
  }

  /** @param {Actions} actions */
  #watchSign(actions) {
    // Our own messages, in the page's language and beside the fields, instead of the browser's bubbles.
    this.#signForm.noValidate = true;
    this.#signForm.addEventListener('submit', (event) => {
      event.preventDefault();
      if (this.#signFilled()) actions.signIn(this.#user.value.trim(), this.#password.value);
    });
    this.#signUp.addEventListener('click', () => {
      if (this.#signFilled()) actions.signUp(this.#user.value.trim(), this.#password.value);
    });
    this.#signOut.addEventListener('click', () => actions.signOut());
  }

  #signFilled() {
    if (this.#signIn.disabled) return false;
    const lacking = this.#user.value.trim() === '' ? this.#user : this.#password.value === '' ? this.#password : null;
    this.signError(lacking === null ? '' : t(lacking === this.#user ? 'needUser' : 'needPassword'));
    lacking?.focus();
    if (lacking === null) tell(this.#signNotice, '');
    return lacking === null;
  }

  /** @param {Actions} actions */
  #watchSide(actions) {
    this.#roomForm.addEventListener('submit', (event) => {
      event.preventDefault();
      actions.chooseRoom(this.#roomName.value.trim());
    });
    this.#roomName.addEventListener('input', () => {
      this.roomError('');
      this.#listRooms();
    });
    this.#rooms.addEventListener('click', (event) => {
      const button = event.target instanceof Element ? event.target.closest('button') : null;
      if (button?.dataset.room !== undefined) actions.chooseRoom(button.dataset.room);
    });
    this.#menu.addEventListener('click', () => {
      this.#openSide(true);
      actions.roomsShown();
    });
    this.#shade.addEventListener('click', () => this.#closeSide());
    this.#side.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') this.#closeSide();
    });
    // Tabbing out of the open drawer closes it: what has the focus must not lie under it.
    this.#side.addEventListener('focusout', (event) => {
      const next = event.relatedTarget;
      if (next instanceof Node && !this.#side.contains(next) && next !== this.#shade) this.#openSide(false);
    });
  }

  /** Closes the drawer of the narrow layout and gives the focus back; the wide layout has none. */
  #closeSide() {
    if (this.#shade.hidden) return;
    this.#openSide(false);
    this.#menu.focus();
  }

  /** @param {boolean} open */
  #openSide(open) {
    this.#side.classList.toggle('open', open);
    this.#shade.hidden = !open;
    this.#menu.setAttribute('aria-expanded', String(open));
    if (open) {
      const current = this.#rooms.querySelector('[aria-current]');
      if (current instanceof HTMLElement) current.focus();
    } else {
      this.#roomName.value = '';
      this.roomError('');
      this.#listRooms();
    }
  }

  #watchLog() {
    this.#log.addEventListener('scroll', () => {
      const { scrollHeight, scrollTop, clientHeight } = this.#log;
      const up = scrollTop < this.#scrollTop;
      this.#scrollTop = scrollTop;
      // Only going up leaves the end: after our own scrolling, more may have come before this event does.
      if (scrollHeight - scrollTop - clientHeight <= BOTTOM_PX) this.#reachedBottom();
      else if (up) this.#leftBottom();
    }, { passive: true });
    this.#jump.addEventListener('click', () => {
      this.toBottom();
      // The button goes; the focus must not fall to the top of the page.
      (matchMedia(WIDE).matches ? this.#text : this.#log).focus({ preventScroll: true });
    });
    // The keyboard of a phone, a growing box, a turned screen: who was at the end stays there.
    new ResizeObserver(() => {
      if (this.#atBottom) this.#planScroll();
    }).observe(this.#log);
  }

  /** @param {Actions} actions */
  #watchComposer(actions) {
    this.#text.addEventListener('input', () => {
      this.#fitText();
      this.#allowSend();
      this.notice('');
      if (this.#text.value.trim() !== '') actions.typing();
    });
    this.#text.addEventListener('keydown', (event) => {
      // While an input method composes, Enter belongs to it.
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#sendForm.requestSubmit();
    });
    // A press of the button leaves the focus, and a phone's keyboard, with the box.
    this.#send.addEventListener('mousedown', (event) => event.preventDefault());
    this.#sendForm.addEventListener('submit', (event) => {
      event.preventDefault();
      if (!this.#send.disabled) actions.send(this.#text.value.trim());
    });
  }

  #allowSend() {
    this.#send.disabled = this.#status.dataset.state !== 'online' || this.#text.value.trim() === '';
  }

  #fitText() {
    const { style } = this.#text;
    style.height = 'auto';
    // The border is outside scrollHeight.
    style.height = `${this.#text.scrollHeight + 2}px`;
  }

  #title() {
    document.title = `${this.#unread > 0 ? `(${this.#unread}) ` : ''}${this.#room} · chatd`;
  }

  #listRooms() {
    if (this.#room === '') return;
    const wanted = this.#roomList.length >= FILTER_FROM ? this.#roomName.value.trim().toLowerCase() : '';
    const names = [...new Set([this.#room, ...this.#roomList])]
      .filter((name) => name.toLowerCase().includes(wanted))
      .sort((a, b) => a.localeCompare(b));
    const shown = [...this.#rooms.querySelectorAll('button')];
    if (shown.length !== names.length || shown.some((button, at) => button.dataset.room !== names[at])) {
      const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.room : undefined;
      this.#rooms.replaceChildren(...names.map((name) => {
        const item = make('li', '');
        const button = make('button', 'room');
        button.type = 'button';
        button.dataset.room = name;
        button.title = name;
        const label = make('span', 'room-label', name);
        label.dir = 'auto';
        button.append(label);
        item.append(button);
        return item;
      }));
      if (focused !== undefined) this.#roomButton(focused)?.focus();
    }
    this.#rooms.querySelector('[aria-current]')?.removeAttribute('aria-current');
    this.#roomButton(this.#room)?.setAttribute('aria-current', 'true');
  }

  /** @param {string} room */
  #roomButton(room) {
    return [...this.#rooms.querySelectorAll('button')].find((button) => button.dataset.room === room);
  }

  /**
   * An entry's row, after the lines that belong above it.
   * @param {Entry} entry
   * @param {Entry | undefined} before
   */
  #rows(entry, before) {
    const rows = [];
    const newDay = entry.ts > 0 && (before === undefined || before.ts === 0 || dayNumber(before.ts) !== dayNumber(entry.ts));
    if (newDay) {
      const day = make('li', 'day');
      const label = make('span', '', dayLabel(entry.ts));
      day.dataset.ts = String(entry.ts);
      day.append(label);
      rows.push(day);
      this.#labelDays();
    }
    if (entry.gap) rows.push(make('li', 'gap', t('gap')));
    const grouped = !newDay && !entry.gap && before !== undefined && before.user === entry.user
      && Math.abs(entry.ts - before.ts) < GROUP_MS;
    rows.push(this.#messageRow(entry, grouped));
    return rows;
  }

  /** @param {Entry} entry @param {boolean} grouped */
  #messageRow(entry, grouped) {
    const row = make('li', 'message');
    row.dataset.seq = String(entry.seq);
    row.classList.toggle('own', entry.own);
    row.classList.toggle('grouped', grouped);
    const avatar = make('span', 'avatar');
    avatar.setAttribute('aria-hidden', 'true');
    paintAvatar(avatar, entry.user);
    const author = make('span', 'author', entry.user);
    author.dir = 'auto';
    const text = make('div', 'text');
    text.dir = 'auto';
    text.append(textNodes(entry.text));
    const time = make('time', '');
    if (entry.ts > 0) {
      time.dateTime = new Date(entry.ts).toISOString();
      time.textContent = timeOf(entry.ts);
      time.title = fullTimeOf(entry.ts);
    }
    const bubble = make('div', 'bubble');
    bubble.append(text, time);
    const body = make('div', 'body');
    body.append(author, bubble);
    row.append(avatar, body);
    return row;
  }

  /** "Today" does not stay true. */
  #labelDays() {
    for (const day of this.#messages.querySelectorAll('li.day')) {
      const label = dayLabel(Number(/** @type {HTMLElement} */ (day).dataset.ts));
      if (day.textContent !== label) day.firstElementChild?.replaceChildren(label);
    }
  }

  /** Fifty messages of a page cost one scroll. */
  #planScroll() {
    if (this.#scrollPlanned) return;
    this.#scrollPlanned = true;
    requestAnimationFrame(() => {
      this.#scrollPlanned = false;
      if (this.#atBottom) this.#log.scrollTop = this.#log.scrollHeight;
    });
  }

  #reachedBottom() {
    this.#atBottom = true;
    this.#missed = 0;
    this.#jump.hidden = true;
  }

  #leftBottom() {
    this.#atBottom = false;
    this.#showJump();
  }

  #showJump() {
    this.#jump.hidden = false;
    this.#jump.textContent = this.#missed > 0 ? t('jumpNew', { n: this.#missed }) : t('jump');
  }
}
