// SPDX-License-Identifier: MIT
// The messages of a room on the screen: where the reader is in them, what is announced, what is copied.
// @ts-check

import { rowsOf } from '../state/rows.js';
import { byId } from './dom.js';
import { fullTimeOf, t } from './i18n.js';
import { createRow, estimateRow } from './rows.js';
import { WindowedList } from './windowed-list.js';

/** @typedef {import('../state/room.js').RoomState} RoomState */
/** @typedef {import('../state/room.js').Mark} Mark */
/** @typedef {import('../state/rows.js').Row} Row */
/** @typedef {import('./windowed-list.js').Place} Place */

/**
 * @typedef {object} MessagesActions
 * @property {() => void} loadOlder
 * @property {(mark: Mark) => void} loadGap
 * @property {(cid: string) => void} resend
 * @property {(cid: string) => void} discard
 * @property {() => void} reachedEnd  the reader sees the latest message
 */

/** Nearer to the end than this counts as reading the end. */
const END_PX = 48;
/** Older messages are asked for when the reader comes this near to the oldest ones. */
const OLDER_PX = 900;
/** What stays visible above the line "new" when a room opens there. */
const NEW_LINE_PX = 90;
const ANNOUNCED_MAX = 20;

export class MessagesView {
  #log = byId('log', HTMLDivElement);
  #empty = byId('empty', HTMLParagraphElement);
  #list = byId('messages', HTMLOListElement);
  #jump = byId('jump', HTMLButtonElement);
  #announcer = byId('announcer', HTMLDivElement);
  /** @type {WindowedList<Row>} */ #window;
  /** @type {RoomState | null} */ #room = null;
  /** What is shown is this version of the room. */ #shown = -1;
  #atEnd = true;
  #scrollTop = 0;
  /** Size of the view when it was last looked at. */ #size = '';
  #planned = false;
  /** @type {WeakMap<RoomState, Place>} where the reader left the rooms not read to the end */ #left = new WeakMap();

  /** @param {MessagesActions} actions @param {() => void} focusRoom  gives the focus to where one writes */
  constructor(actions, focusRoom) {
    this.actions = actions;
    this.#window = new WindowedList(this.#log, this.#list, {
      create: createRow,
      estimate: estimateRow,
      // Lines come, go and move between the messages.
      isPlace: (row) => row.kind === 'message' || row.kind === 'pending',
    });
    this.#log.addEventListener('scroll', () => this.#scrolled(), { passive: true });
    this.#list.addEventListener('click', (event) => this.#clicked(event));
    // The whole date is asked for seldom, and costs more than the rest of a row.
    this.#list.addEventListener('mouseover', ({ target }) => {
      if (target instanceof HTMLTimeElement && target.dateTime !== '') target.title = fullTimeOf(Date.parse(target.dateTime));
    });
    this.#list.addEventListener('copy', (event) => this.#copied(event));
    this.#jump.addEventListener('click', () => {
      this.toEnd();
      // The button goes; the focus must not fall to the top of the page.
      focusRoom();
    });
    // The keyboard of a phone, a growing box, a turned screen: who was at the end stays there.
    // At once, not with the next frame: the scroll event of the new layout comes before that.
    new ResizeObserver(() => {
      this.#size = this.#sizeNow();
      if (this.#room !== null) this.#window.resized(this.#atEnd);
    }).observe(this.#log);
  }

  get atEnd() {
    return this.#atEnd;
  }

  /** @param {RoomState | null} room */
  open(room) {
    const place = this.#window.place();
    if (this.#room !== null && !this.#atEnd && place !== null) this.#left.set(this.#room, place);
    const left = room === null ? undefined : this.#left.get(room);
    if (room !== null) this.#left.delete(room);
    this.#room = room;
    this.#atEnd = true;
    this.#announcer.replaceChildren();
    this.#window.clear();
    this.#draw(left ?? 'end');
    // The place may have been let go meanwhile.
    if (left !== undefined && this.#window.has(left.key)) this.#atEnd = this.#isAtEnd();
    else this.showNew();
    this.#showJump();
    this.#wantOlder();
  }

  /** To the line "new", if it stands above the view. */
  showNew() {
    if (this.#room === null || this.#room.newAfter < 0 || !this.#atEnd) return;
    // A page that nobody saw has drawn nothing.
    if (this.#room.version !== this.#shown) this.#draw('end');
    this.#window.upToRow('new', NEW_LINE_PX);
    this.#atEnd = this.#isAtEnd();
    this.#scrollTop = this.#log.scrollTop;
    this.#showJump();
  }

  /** The room has changed: it is drawn with the next frame, however often that happens before. */
  update() {
    if (this.#planned) return;
    this.#planned = true;
    requestAnimationFrame(() => {
      this.#planned = false;
      if (this.#room === null) return;
      if (this.#room.version !== this.#shown) this.#draw(this.#atEnd ? 'end' : 'stay');
      this.#showJump();
      this.#wantOlder();
    });
  }

  /** Texts and dates anew: another language, or "today" is yesterday now. */
  redraw() {
    if (this.#room === null) return;
    this.#window.redraw(this.#atEnd);
    this.#showJump();
  }

  toEnd() {
    this.#atEnd = true;
    this.#window.toEnd();
    this.#scrollTop = this.#log.scrollTop;
    this.actions.reachedEnd();
    this.#showJump();
  }

  focus() {
    this.#log.focus({ preventScroll: true });
  }

  /** For screen readers: the list itself is silent, as scrolling brings and takes its rows. @param {string} text */
  announce(text) {
    const line = document.createElement('p');
    line.textContent = text;
    this.#announcer.append(line);
    while (this.#announcer.childElementCount > ANNOUNCED_MAX) this.#announcer.firstElementChild?.remove();
  }

  // ---- inside

  /** @param {'end' | 'stay' | Place} where */
  #draw(where) {
    const room = this.#room;
    this.#shown = room?.version ?? -1;
    this.#window.show(room === null ? [] : rowsOf(room), where);
    this.#empty.hidden = room === null || room.membership !== 'joined' || room.hasMessages || room.older !== 'none';
    this.#scrollTop = this.#log.scrollTop;
  }

  /** The button above the oldest message is pressed by itself when the reader comes near. */
  #wantOlder() {
    const room = this.#room;
    if (room?.older === 'more' && room.entries.length > 0 && this.#log.scrollTop < OLDER_PX) this.actions.loadOlder();
  }

  #scrolled() {
    const { scrollTop } = this.#log;
    const isUp = scrollTop < this.#scrollTop;
    this.#scrollTop = scrollTop;
    // The screen has changed and the rows were laid out anew: nobody has scrolled.
    if (this.#size !== this.#sizeNow()) return;
    if (this.#room === null) return;
    this.#window.scrolled();
    this.#wantOlder();
    // Only going up leaves the end: after our own scrolling, more may have come before this event does.
    const wasAtEnd = this.#atEnd;
    if (this.#isAtEnd()) this.#atEnd = true;
    else if (isUp) this.#atEnd = false;
    if (this.#atEnd && !wasAtEnd) this.actions.reachedEnd();
    if (this.#atEnd !== wasAtEnd) this.#showJump();
  }

  #isAtEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.#log;
    return scrollHeight - scrollTop - clientHeight <= END_PX;
  }

  /** @param {MouseEvent} event */
  #clicked(event) {
    const button = event.target instanceof Element ? event.target.closest('button') : null;
    const row = button?.closest('li');
    if (!button || !row) return;
    const { act } = button.dataset;
    const cid = row.dataset['cid'] ?? '';
    if (act === 'older') this.actions.loadOlder();
    else if (act === 'resend') this.actions.resend(cid);
    else if (act === 'discard') this.actions.discard(cid);
    else if (act === 'gap') {
      const mark = this.#room?.marks.find((one) => one.key === row.dataset['key']);
      if (mark !== undefined) this.actions.loadGap(mark);
    }
  }

  /** Several messages are copied as lines that say who wrote what and when. @param {ClipboardEvent} event */
  #copied(event) {
    const selection = document.getSelection();
    if (selection === null || selection.rangeCount === 0 || event.clipboardData === null) return;
    const lines = [];
    for (const row of selection.getRangeAt(0).cloneContents().querySelectorAll('li.message')) {
      const text = row.querySelector('.text')?.textContent ?? '';
      const author = row.querySelector('.author')?.textContent ?? '';
      const time = row.querySelector('time[datetime]')?.textContent ?? '';
      if (text !== '') lines.push(author === '' ? text : `${time === '' ? '' : `[${time}] `}${author}: ${text}`);
    }
    if (lines.length < 2) return;
    event.clipboardData.setData('text/plain', lines.join('\n'));
    event.preventDefault();
  }

  #sizeNow() {
    return `${this.#log.clientWidth} ${this.#log.clientHeight}`;
  }

  #showJump() {
    this.#jump.hidden = this.#atEnd || this.#room === null;
    const n = this.#room?.unread ?? 0;
    const text = n > 0 ? t('jumpNew', { n }) : t('jump');
    if (this.#jump.textContent !== text) this.#jump.textContent = text;
  }
}
