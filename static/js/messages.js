// SPDX-License-Identifier: MIT
// The messages of a room: rows, day lines, scrolling. Text goes in as text nodes only.
// @ts-check

import { byId, isWide, make, paintAvatar } from './dom.js';
import { dayLabel, dayNumber, fullTimeOf, t, timeOf } from './i18n.js';
import { splitLinks } from './links.js';

/** @typedef {import('./state.js').Entry} Entry */

/** Messages of one author closer than this are shown as one group. */
const GROUP_MS = 5 * 60_000;
/** Nearer to the end than this counts as reading the end. */
const BOTTOM_PX = 48;

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

export class MessagesView {
  #log = byId('log', HTMLDivElement);
  #empty = byId('empty', HTMLParagraphElement);
  #messages = byId('messages', HTMLOListElement);
  #jump = byId('jump', HTMLButtonElement);

  /** @type {Entry | undefined} the last one shown */ #last;
  #atBottom = true;
  #scrollTop = 0;
  /** Width and height the log had when it was last looked at. */ #size = '';
  /** Messages that came while the reader was further up. */ #missed = 0;
  #scrollPlanned = false;

  /** @param {() => void} focusBox  gives the focus to the box below */
  constructor(focusBox) {
    this.#log.addEventListener('scroll', () => {
      const { scrollHeight, scrollTop, clientHeight } = this.#log;
      const up = scrollTop < this.#scrollTop;
      this.#scrollTop = scrollTop;
      // The screen has changed and the rows were laid out anew: nobody has scrolled.
      if (this.#size !== this.#sizeNow()) return;
      // Only going up leaves the end: after our own scrolling, more may have come before this event does.
      if (scrollHeight - scrollTop - clientHeight <= BOTTOM_PX) this.#reachedBottom();
      else if (up) this.#leftBottom();
    }, { passive: true });
    this.#jump.addEventListener('click', () => {
      this.toBottom();
      // The button goes; the focus must not fall to the top of the page.
      if (isWide()) focusBox();
      else this.#log.focus({ preventScroll: true });
    });
    // The keyboard of a phone, a growing box, a turned screen: who was at the end stays there.
    // At once, not with the next frame: the scroll event of the new layout comes before that.
    new ResizeObserver(() => {
      this.#size = this.#sizeNow();
      if (this.#atBottom) this.#scrollToEnd();
    }).observe(this.#log);
  }

  /** While history comes in, a screen reader stays quiet. @param {boolean} filling */
  filling(filling) {
    this.#log.setAttribute('aria-live', filling ? 'off' : 'polite');
    this.#empty.hidden = filling || this.#last !== undefined;
  }

  /** @param {Entry} entry  the newest */
  append(entry) {
    this.#messages.append(...this.#rows(entry, this.#last));
    this.#last = entry;
    this.#empty.hidden = true;
    if (this.#atBottom) {
      this.#planScroll();
    } else if (!entry.own) {
      this.#missed += 1;
      this.#showJump();
    }
  }

  /** @param {Entry[]} entries  the whole list anew */
  show(entries) {
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

  /** "Today" does not stay true. */
  labelDays() {
    for (const day of this.#messages.querySelectorAll('li.day')) {
      const label = dayLabel(Number(/** @type {HTMLElement} */ (day).dataset.ts));
      if (day.textContent !== label) day.firstElementChild?.replaceChildren(label);
    }
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
      this.labelDays();
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

  /** Fifty messages of a page cost one scroll. */
  #planScroll() {
    if (this.#scrollPlanned) return;
    this.#scrollPlanned = true;
    requestAnimationFrame(() => {
      this.#scrollPlanned = false;
      if (this.#atBottom) this.#scrollToEnd();
    });
  }

  #scrollToEnd() {
    this.#log.scrollTop = this.#log.scrollHeight;
  }

  #sizeNow() {
    return `${this.#log.clientWidth} ${this.#log.clientHeight}`;
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
