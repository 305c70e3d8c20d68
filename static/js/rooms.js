// SPDX-License-Identifier: MIT
// The rooms: the list, the field to join or create one, and on a narrow screen the drawer that holds them.
// @ts-check

import { byId, make } from './dom.js';

/** A list of rooms at least this long is narrowed by what is typed above it. */
const FILTER_FROM = 10;

/**
 * @typedef {object} RoomsActions
 * @property {(room: string) => void} chooseRoom  as typed; not checked
 * @property {() => void} roomsShown  the list comes into view
 */

export class RoomsView {
  #side = byId('side', HTMLElement);
  #shade = byId('side-shade', HTMLButtonElement);
  #menu = byId('menu', HTMLButtonElement);
  #form = byId('room-form', HTMLFormElement);
  #name = byId('room-name', HTMLInputElement);
  #error = byId('room-error', HTMLParagraphElement);
  #list = byId('rooms', HTMLUListElement);

  /** The room we are in; '' for none. */ #room = '';
  /** @type {string[]} */ #rooms = [];

  /** @param {RoomsActions} actions */
  constructor(actions) {
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      actions.chooseRoom(this.#name.value.trim());
    });
    this.#name.addEventListener('input', () => {
      this.error('');
      this.#fill();
    });
    this.#list.addEventListener('click', (event) => {
      const button = event.target instanceof Element ? event.target.closest('button') : null;
      if (button?.dataset.room !== undefined) actions.chooseRoom(button.dataset.room);
    });
    this.#menu.addEventListener('click', () => {
      this.#open(true);
      actions.roomsShown();
    });
    this.#shade.addEventListener('click', () => this.#dismiss());
    this.#side.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') this.#dismiss();
    });
    // Tabbing out of the open drawer closes it: what has the focus must not lie under it.
    this.#side.addEventListener('focusout', (event) => {
      const next = event.relatedTarget;
      if (next instanceof Node && !this.#side.contains(next) && next !== this.#shade) this.#open(false);
    });
  }

  /** @param {string[]} rooms */
  showRooms(rooms) {
    this.#rooms = rooms;
    this.#fill();
  }

  /** @param {string} room */
  showCurrent(room) {
    this.#room = room;
    this.#fill();
  }

  /** @param {string} text  '' takes it away */
  error(text) {
    this.#error.textContent = text;
    this.#name.setAttribute('aria-invalid', String(text !== ''));
  }

  /** A room was chosen: the drawer of the narrow layout has done its work. */
  close() {
    this.#open(false);
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
    this.#side.classList.toggle('open', open);
    this.#shade.hidden = !open;
    this.#menu.setAttribute('aria-expanded', String(open));
    if (open) {
      const current = this.#list.querySelector('[aria-current]');
      if (current instanceof HTMLElement) current.focus();
    } else {
      this.#name.value = '';
      this.error('');
      this.#fill();
    }
  }

  #fill() {
    if (this.#room === '') return;
    const wanted = this.#rooms.length >= FILTER_FROM ? this.#name.value.trim().toLowerCase() : '';
    const names = [...new Set([this.#room, ...this.#rooms])]
      .filter((name) => name.toLowerCase().includes(wanted))
      .sort((a, b) => a.localeCompare(b));
    const shown = [...this.#list.querySelectorAll('button')];
    if (shown.length !== names.length || shown.some((button, at) => button.dataset.room !== names[at])) {
      const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.room : undefined;
      this.#list.replaceChildren(...names.map((name) => {
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
    this.#list.querySelector('[aria-current]')?.removeAttribute('aria-current');
    this.#roomButton(this.#room)?.setAttribute('aria-current', 'true');
  }

  /** @param {string} room */
  #roomButton(room) {
    return [...this.#list.querySelectorAll('button')].find((button) => button.dataset.room === room);
  }
}
