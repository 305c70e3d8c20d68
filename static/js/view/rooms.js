// SPDX-License-Identifier: MIT
// The rooms: those one is in, with what is unread, those one may enter, the field to join or create one; on a narrow
// screen the drawer that holds them.
// @ts-check

import { byId, make } from './dom.js';
import { t } from './i18n.js';

/**
 * @typedef {object} RoomsActions
 * @property {(room: string) => void} chooseRoom  as typed; not checked
 * @property {() => void} roomsShown  the list comes into view
 */

/** More rooms than this are not listed; typing narrows the list to those that are meant. */
const MORE_MAX = 200;

/** @typedef {{name: string, unread: number, unreadMore: boolean, isRefused: boolean}} RoomItem */

export class RoomsView {
  #side = byId('side', HTMLElement);
  #shade = byId('side-shade', HTMLButtonElement);
  #menu = byId('menu', HTMLButtonElement);
  #menuBadge = byId('menu-badge', HTMLSpanElement);
  #form = byId('room-form', HTMLFormElement);
  #name = byId('room-name', HTMLInputElement);
  #error = byId('room-error', HTMLParagraphElement);
  #list = byId('rooms', HTMLUListElement);
  #heading = byId('rooms-heading', HTMLHeadingElement);
  #moreHeading = byId('more-rooms-heading', HTMLHeadingElement);
  #moreList = byId('more-rooms', HTMLUListElement);

  /** The one on the screen; '' for none. */ #current = '';
  /** @type {RoomItem[]} */ #joined = [];
  /** @type {string[]} all rooms of the server that we know of */ #known = [];

  /** @param {RoomsActions} actions */
  constructor(actions) {
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      actions.chooseRoom(this.#name.value.trim());
    });
    this.#name.addEventListener('focus', () => actions.roomsShown());
    this.#name.addEventListener('input', () => {
      this.error('');
      this.#fill();
    });
    for (const list of [this.#list, this.#moreList]) {
      list.addEventListener('click', (event) => {
        const button = event.target instanceof Element ? event.target.closest('button') : null;
        if (button?.dataset['room'] !== undefined) actions.chooseRoom(button.dataset['room']);
      });
    }
    this.#menu.addEventListener('click', () => {
      this.#open(true);
      actions.roomsShown();
    });
    this.#shade.addEventListener('click', () => this.#dismiss());
    this.#side.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape') return;
      // Escape has done its work here: it must not also scroll the messages.
      if (!this.#shade.hidden || this.#name.value !== '') event.stopPropagation();
      this.clear();
      this.#dismiss();
    });
    // Tabbing out of the open drawer closes it: what has the focus must not lie under it.
    this.#side.addEventListener('focusout', (event) => {
      const next = event.relatedTarget;
      if (next instanceof Node && !this.#side.contains(next) && next !== this.#shade) this.#open(false);
    });
  }

  /** @param {RoomItem[]} joined @param {string} current */
  showJoined(joined, current) {
    const isOther = current !== this.#current;
    this.#joined = joined;
    this.#current = current;
    this.#fill();
    if (isOther) this.#list.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest' });
    const unread = joined.reduce((total, room) => total + (room.name === current ? 0 : room.unread), 0);
    this.#menuBadge.hidden = unread === 0;
    this.#menuBadge.textContent = unread > 99 ? '99+' : String(unread);
    this.#menu.setAttribute('aria-label', unread > 0 ? t('openRoomsUnread', { n: unread }) : t('openRooms'));
  }

  /** @param {boolean} offered  the server has rooms at all */
  offer(offered) {
    this.#form.hidden = !offered;
  }

  /** @param {string[]} rooms  all of the server */
  showKnown(rooms) {
    this.#known = rooms;
    this.#fill();
  }

  /** @param {string} text  '' takes it away */
  error(text) {
    this.#error.textContent = text;
    this.#name.setAttribute('aria-invalid', String(text !== ''));
  }

  /** To the field, in the drawer if there is one. */
  focusName() {
    this.#open(true);
    this.#name.focus();
    this.#name.select();
  }

  /** A room was chosen: what was typed has done its work, and so has the drawer of the narrow layout. */
  close() {
    this.clear();
    this.#open(false);
  }

  clear() {
    if (this.#name.value === '' && this.#error.textContent === '') return;
    this.#name.value = '';
    this.error('');
    this.#fill();
  }

  /** The narrow layout's place for the focus while no field is wanted. */
  focusMenu() {
    this.#menu.focus({ preventScroll: true });
  }

  /** Closes the drawer of the narrow layout and gives the focus back; the wide layout has none. */
  #dismiss() {
    if (this.#shade.hidden) return;
    this.#open(false);
    this.#menu.focus();
  }

  /** @param {boolean} open */
  #open(open) {
    const isDrawer = getComputedStyle(this.#menu).display !== 'none';
    this.#side.classList.toggle('open', open && isDrawer);
    this.#shade.hidden = !open || !isDrawer;
    this.#menu.setAttribute('aria-expanded', String(open && isDrawer));
    if (open && isDrawer) {
      const current = this.#list.querySelector('[aria-current]');
      if (current instanceof HTMLElement) current.focus();
      else this.#name.focus();
    }
  }

  /** What is typed above narrows both lists. */
  #fill() {
    const typed = this.#name.value.trim().toLowerCase();
    /** @param {string} name */
    const matches = (name) => name.toLowerCase().includes(typed);
    const joined = this.#joined.filter((room) => matches(room.name));
    const names = new Set(this.#joined.map((room) => room.name));
    const more = this.#known.filter((name) => !names.has(name) && matches(name)).slice(0, MORE_MAX);
    fillList(this.#list, joined.map((room) => room.name));
    fillList(this.#moreList, more);
    this.#heading.hidden = this.#joined.length === 0;
    this.#moreHeading.hidden = more.length === 0;
    joined.forEach((room, at) => {
      const button = this.#list.querySelectorAll('button')[at];
      if (button !== undefined) paintRoom(button, room, room.name === this.#current);
    });
  }
}

/** @param {HTMLUListElement} list @param {string[]} names */
function fillList(list, names) {
  const shown = [...list.querySelectorAll('button')];
  if (shown.length === names.length && shown.every((button, at) => button.dataset['room'] === names[at])) return;
  const focused = document.activeElement instanceof HTMLElement && list.contains(document.activeElement)
    ? document.activeElement.dataset['room'] : undefined;
  list.replaceChildren(...names.map((name) => {
    const item = make('li', '');
    const button = make('button', 'room');
    button.type = 'button';
    button.dataset['room'] = name;
    button.title = name;
    const label = make('span', 'room-label', name);
    label.dir = 'auto';
    button.append(label);
    item.append(button);
    return item;
  }));
  if (focused === undefined) return;
  const again = [...list.querySelectorAll('button')].find((button) => button.dataset['room'] === focused);
  again?.focus();
}

/** @param {HTMLButtonElement} button @param {RoomItem} room @param {boolean} isCurrent */
function paintRoom(button, room, isCurrent) {
  if (isCurrent) button.setAttribute('aria-current', 'page');
  else button.removeAttribute('aria-current');
  button.classList.toggle('refused', room.isRefused);
  button.classList.toggle('has-unread', room.unread > 0);
  const hint = button.querySelector('.refusal');
  if (!room.isRefused) hint?.remove();
  else if (hint === null) button.append(make('span', 'unseen refusal', t('roomForbidden')));
  let badge = button.querySelector('.badge');
  if (room.unread === 0) {
    badge?.remove();
    return;
  }
  if (badge === null) {
    badge = make('span', 'badge');
    button.append(badge);
  }
  const count = room.unread > 99 ? '99+' : `${room.unread}${room.unreadMore ? '+' : ''}`;
  const words = t('roomUnread', { n: room.unread });
  if (badge.textContent === count + words) return;
  const number = make('span', '', count);
  number.setAttribute('aria-hidden', 'true');
  badge.replaceChildren(number, make('span', 'unseen', words));
}
