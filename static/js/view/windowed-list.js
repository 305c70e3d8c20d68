// SPDX-License-Identifier: MIT
// A long list of which only the rows near the view are in the page. Rows may have any height: those never shown are
// estimated, and a wrong estimate moves the scrollbar, never what is being read.
// @ts-check

import { indexAt, reach, sum } from './heights.js';

/**
 * A row: `key` names it for as long as it lives, another `look` says that it must be drawn anew.
 * @typedef {{key: string, look: string}} Item
 */

/**
 * @template {Item} I
 * @typedef {object} RowMaker
 * @property {(item: I) => HTMLElement} create  its outer height must hold its margins
 * @property {(item: I, width: number) => number} estimate  px
 * @property {(item: I) => boolean} isPlace  the reader's place may be told by this row
 */

/** Where the reader is: the row at the upper edge of the view and how far it stands below that edge, px. */
/** @typedef {{key: string, offset: number}} Place */

/** Rows are kept ready for this many heights of the view, above and below it. */
const READY_VIEWS = 1.5;
/** When less than this is ready, it is time for more. */
const LOW_VIEWS = 0.75;
/** While text is selected no row goes, or the selection would go with it; up to this many. */
const SELECTED_MAX = 3000;
/** Heights of rows that are gone are kept up to about so many. */
const FORGOTTEN_MAX = 5000;

/** @template {Item} I */
export class WindowedList {
  /** @type {I[]} */ #items = [];
  /** @type {number[]} measured or estimated, one for each item */ #heights = [];
  /** @type {Map<string, number>} the same by key, for this width */ #known = new Map();
  /** @type {Map<string, {element: HTMLElement, look: string}>} what is in the page */ #rows = new Map();
  #first = 0;
  #end = 0;
  #above = 0;
  #width = 0;
  /** Where the reader was when this was last looked at; a new width moves everything before it can be. @type {Place | null} */ #place = null;

  /**
   * @param {HTMLElement} scroller
   * @param {HTMLElement} list  in it, between two spacers
   * @param {RowMaker<I>} maker
   */
  constructor(scroller, list, maker) {
    this.scroller = scroller;
    this.list = list;
    this.maker = maker;
    this.spaceAbove = document.createElement('div');
    this.spaceBelow = document.createElement('div');
    list.before(this.spaceAbove);
    list.after(this.spaceBelow);
  }

  get items() {
    return this.#items;
  }

  /**
   * @param {I[]} items
   * @param {'end' | 'stay' | Place} where  the end, where the reader is, or a place taken earlier with place()
   */
  show(items, where) {
    const place = where === 'stay' ? this.place() : where === 'end' ? null : where;
    this.#items = items;
    const width = this.list.clientWidth;
    if (width !== this.#width || this.#known.size > 2 * items.length + FORGOTTEN_MAX) this.#known.clear();
    this.#width = width;
    this.#heights = items.map((item) => this.#height(item));
    const at = place === null ? -1 : this.#indexNear(place.key);
    if (place === null || at < 0) this.toEnd();
    else this.#drawAround(at, place.offset, where === 'stay');
    this.#place = this.place();
  }

  /** Forgets everything: other rows come. */
  clear() {
    this.#known.clear();
    this.show([], 'end');
  }

  /** Every row is drawn anew: the language has changed, or a night has passed. @param {boolean} atEnd */
  redraw(atEnd) {
    for (const row of this.#rows.values()) row.look = '\0';
    this.show(this.#items, atEnd ? 'end' : 'stay');
  }

  /** The view has another size. @param {boolean} atEnd  the reader is at the end and stays there */
  resized(atEnd) {
    if (this.list.clientWidth === this.#width) {
      if (atEnd) this.scroller.scrollTop = this.scroller.scrollHeight;
      else this.scrolled();
      return;
    }
    this.show(this.#items, atEnd ? 'end' : this.#place ?? 'stay');
  }

  toEnd() {
    const height = this.scroller.clientHeight;
    const end = this.#items.length;
    this.#draw(() => [end - reach(this.#heights, end, -1, height * (1 + READY_VIEWS)), end]);
    this.#space(this.#first === 0 ? 0 : sum(this.#heights, 0, this.#first));
    this.scroller.scrollTop = this.scroller.scrollHeight;
  }

  /** @param {string} key @returns {boolean} */
  has(key) {
    return this.#items.some((item) => item.key === key);
  }

  /**
   * Brings a row into the view, if it stands above it.
   * @param {string} key
   * @param {number} offset  px below the upper edge
   */
  upToRow(key, offset) {
    const drawn = this.#rows.get(key)?.element;
    if (drawn !== undefined && drawn.getBoundingClientRect().top >= this.scroller.getBoundingClientRect().top) return;
    const at = this.#items.findIndex((item) => item.key === key);
    if (at >= 0) this.#drawAround(at, offset, false);
    this.#place = this.place();
  }

  /** @returns {Place | null} null while there is nothing */
  place() {
    const top = this.scroller.getBoundingClientRect().top;
    /** @type {Place | null} */ let other = null;
    for (let at = this.#first; at < this.#end; at++) {
      const item = /** @type {I} */ (this.#items[at]);
      const box = this.#rows.get(item.key)?.element.getBoundingClientRect();
      if (box === undefined || box.bottom <= top) continue;
      const place = { key: item.key, offset: box.top - top };
      if (this.maker.isPlace(item)) return place;
      other ??= place;
    }
    return other;
  }

  /** To be called when the view was scrolled: sees to it that there is something in it. */
  scrolled() {
    this.#fillView();
    this.#place = this.place();
  }

  #fillView() {
    const { scrollTop, clientHeight } = this.scroller;
    const low = clientHeight * LOW_VIEWS;
    const bottom = this.#above + this.list.offsetHeight;
    const lacksAbove = this.#first > 0 && scrollTop - this.#above < low;
    const lacksBelow = this.#end < this.#items.length && bottom - (scrollTop + clientHeight) < low;
    if (!lacksAbove && !lacksBelow) return;
    const isOverlapping = bottom > scrollTop && this.#above < scrollTop + clientHeight;
    const place = isOverlapping ? this.place() : null;
    const at = place === null ? -1 : this.#indexNear(place.key);
    if (place !== null && at >= 0) {
      this.#drawAround(at, place.offset, true);
      return;
    }
    // Far from all we have drawn: the scrollbar was dragged.
    const found = indexAt(this.#heights, scrollTop);
    this.#drawAround(found.index, found.start - scrollTop, true);
  }

  // ---- inside

  /**
   * The item with this key, or else the next one that was drawn and is still there.
   * @param {string} key
   */
  #indexNear(key) {
    const at = this.#items.findIndex((item) => item.key === key);
    if (at >= 0) return at;
    let passed = false;
    for (const drawn of this.#rows.keys()) {
      passed ||= drawn === key;
      if (!passed) continue;
      const next = this.#items.findIndex((item) => item.key === drawn);
      if (next >= 0) return next;
    }
    return -1;
  }

  /**
   * Draws what is near row `at` and puts that row `offset` px below the upper edge of the view.
   * @param {number} at
   * @param {number} offset
   * @param {boolean} isScrolling  rather let the space above be wrong than interfere with the movement
   */
  #drawAround(at, offset, isScrolling) {
    const height = this.scroller.clientHeight;
    this.#draw(() => [
      at - reach(this.#heights, at, -1, height * READY_VIEWS + Math.max(0, offset)),
      at + reach(this.#heights, at, 1, height * (1 + READY_VIEWS) - offset),
    ]);
    const before = sum(this.#heights, this.#first, at);
    const { scrollTop } = this.scroller;
    const wanted = scrollTop + offset - before;
    const estimated = sum(this.#heights, 0, this.#first);
    const isFine = isScrolling && (this.#first === 0 ? Math.abs(wanted) < 1 : wanted > estimated / 2 + height);
    // Browsers scroll by whole pixels: what is left of one goes into the space above, or each correction would move the row.
    const rounding = this.#first === 0 ? 0 : Math.round(estimated + before - offset) - (estimated + before - offset);
    this.#space(isFine ? Math.max(0, wanted) : estimated + rounding);
    const target = this.#above + before - offset;
    if (Math.abs(target - scrollTop) >= 1) this.scroller.scrollTop = target;
  }

  /** @param {I} item */
  #height(item) {
    let height = this.#known.get(item.key);
    if (height === undefined) {
      height = this.maker.estimate(item, this.#width);
      this.#known.set(item.key, height);
    }
    return height;
  }

  /**
   * Brings the rows of a range into the page and takes the others out. The range depends on heights, which are better
   * known afterwards: where they were overestimated, more rows are needed.
   * @param {() => [number, number]} range
   */
  #draw(range) {
    for (let tries = 0; tries < 3; tries++) {
      const [first, end] = range();
      if (tries > 0 && first >= this.#first && end <= this.#end) return;
      this.#drawExactly(...this.#withSelection(first, end));
    }
  }

  /** @param {number} first @param {number} end */
  #drawExactly(first, end) {
    this.#first = first;
    this.#end = end;
    const wanted = this.#items.slice(this.#first, this.#end);
    const keys = new Set(wanted.map((item) => item.key));
    for (const [key, row] of this.#rows) {
      if (!keys.has(key)) this.#remove(key, row.element);
    }
    const rows = new Map();
    let before = this.list.firstElementChild;
    for (const item of wanted) {
      let row = this.#rows.get(item.key);
      if (row === undefined || row.look !== item.look) {
        const element = this.maker.create(item);
        if (row !== undefined) {
          if (before === row.element) before = element;
          this.#replace(row.element, element);
        }
        row = { element, look: item.look };
      }
      if (row.element === before) before = before.nextElementSibling;
      else this.list.insertBefore(row.element, before);
      rows.set(item.key, row);
    }
    this.#rows = rows;
    wanted.forEach((item, at) => {
      const { height } = /** @type {{element: HTMLElement}} */ (rows.get(item.key)).element.getBoundingClientRect();
      this.#known.set(item.key, height);
      this.#heights[this.#first + at] = height;
    });
  }

  /** @param {number} first @param {number} end @returns {[number, number]} */
  #withSelection(first, end) {
    const selection = document.getSelection();
    if (selection === null || selection.isCollapsed || this.#rows.size === 0 || !selection.containsNode(this.list, true)) {
      return [first, end];
    }
    const held = this.#items.map((item, at) => (this.#rows.has(item.key) ? at : -1)).filter((at) => at >= 0);
    const wide = /** @type {[number, number]} */ ([Math.min(first, held[0] ?? first), Math.max(end, (held.at(-1) ?? 0) + 1)]);
    return wide[1] - wide[0] <= SELECTED_MAX ? wide : [first, end];
  }

  /** @param {string} key @param {HTMLElement} element */
  #remove(key, element) {
    // The focus must not fall to the top of the page.
    if (element.contains(document.activeElement)) this.scroller.focus({ preventScroll: true });
    element.remove();
    this.#rows.delete(key);
  }

  /** @param {HTMLElement} old @param {HTMLElement} element */
  #replace(old, element) {
    const hadFocus = old.contains(document.activeElement);
    old.replaceWith(element);
    if (!hadFocus) return;
    const next = element.querySelector('button, a');
    (next instanceof HTMLElement ? next : this.scroller).focus({ preventScroll: true });
  }

  /** @param {number} above */
  #space(above) {
    this.#above = above;
    this.spaceAbove.style.height = `${above}px`;
    this.spaceBelow.style.height = `${sum(this.#heights, this.#end, this.#heights.length)}px`;
  }
}
