// SPDX-License-Identifier: MIT
// Small helpers for the DOM, shared by the parts of the page.
// @ts-check

const AVATAR_COLOURS = 8;

/** Whether writing opens a keyboard over the page: then the focus goes into a field only when the person puts it there. */
export function isTouch() {
  return matchMedia('(pointer: coarse)').matches;
}

/** Whether the rooms stand beside the messages; on a narrow screen they are a drawer. */
export function isWide() {
  return matchMedia('(min-width: 700px)').matches;
}

/**
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} type
 * @returns {T}
 */
export function byId(id, type) {
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
export function make(tag, className, text) {
  const element = document.createElement(tag);
  element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

const SVG = 'http://www.w3.org/2000/svg';
/** Strokes on a field of 24 by 24. */
const ICONS = {
  check: 'M5 12.5l4.5 4.5L19 7.5',
  clock: 'M12 7v5l3 2M12 3a9 9 0 1 0 0 18a9 9 0 0 0 0-18',
  warning: 'M12 8v5M12 16.5v.01M12 3L22 20.5H2z',
};

/** @param {keyof typeof ICONS} name */
export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('class', 'icon-small');
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('d', ICONS[name]);
  svg.append(path);
  return svg;
}

/**
 * Colour and letter of a name; the same on every screen.
 * @param {HTMLElement} avatar
 * @param {string} name
 */
export function paintAvatar(avatar, name) {
  let hash = 0;
  for (const char of name) hash = (hash * 31 + (char.codePointAt(0) ?? 0)) >>> 0;
  avatar.className = `avatar colour-${hash % AVATAR_COLOURS}`;
  avatar.textContent = (Array.from(name)[0] ?? '').toUpperCase();
}

/** @param {HTMLElement} element @param {string} text  '' hides it */
export function tell(element, text) {
  element.hidden = text === '';
  // A live region repeats what is set again: only changes are news.
  if (element.textContent !== text) element.textContent = text;
}
