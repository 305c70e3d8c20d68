// SPDX-License-Identifier: MIT
// Splits a message into plain text and web addresses. Pure; the view builds nodes from the parts.
// @ts-check

/** @typedef {{text: string, href: string | null}} Part */

// Characters that turn the direction end an address: they would show it as another.
const CANDIDATE = /\bhttps?:\/\/[^\s<>"`\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]+/giu;
/** A longer address is text. */
const URL_MAX = 2_000;
const CLOSERS = new Map([[')', '('], [']', '['], ['}', '{']]);

/**
 * Punctuation after an address belongs to the sentence, unless it closes a bracket opened inside.
 * @param {string} url
 */
function withoutTail(url) {
  /** How many more there are of an opening bracket than of its closing one. @type {Map<string, number>} */
  const open = new Map();
  for (const char of url) {
    const opener = CLOSERS.get(char) ?? char;
    open.set(opener, (open.get(opener) ?? 0) + (opener === char ? 1 : -1));
  }
  let end = url.length;
  for (; end > 0; end--) {
    const last = url[end - 1] ?? '';
    const opener = CLOSERS.get(last);
    if (opener === undefined ? !'.,;:!?\'*_~…»”’'.includes(last) : (open.get(opener) ?? 0) >= 0) break;
    if (opener !== undefined) open.set(opener, (open.get(opener) ?? 0) + 1);
  }
  return url.slice(0, end);
}

/**
 * @param {string} url
 * @returns {string | null} the normal form, null if it is no http or https address
 */
function checked(url) {
  try {
    const parsed = new URL(url);
    return parsed.protocol === 'http:' || parsed.protocol === 'https:' ? parsed.href : null;
  } catch {
    return null;
  }
}

/**
 * @param {string} text
 * @returns {Part[]} the text in pieces; joined, they are the text again
 */
export function splitLinks(text) {
  /** @type {Part[]} */
  const parts = [];
  let from = 0;
  for (const match of text.matchAll(CANDIDATE)) {
    if (match[0].length > URL_MAX) continue;
    const url = withoutTail(match[0]);
    const href = checked(url);
    if (href === null) continue;
    if (match.index > from) parts.push({ text: text.slice(from, match.index), href: null });
    parts.push({ text: url, href });
    from = match.index + url.length;
  }
  if (from < text.length) parts.push({ text: text.slice(from), href: null });
  return parts;
}
