// SPDX-License-Identifier: MIT
// Splits a message into plain text and web addresses. Pure; the view builds nodes from the parts.
// @ts-check

/** @typedef {{text: string, href: string | null}} Part */

const CANDIDATE = /\bhttps?:\/\/[^\s<>"`]+/giu;
const CLOSERS = new Map([[')', '('], [']', '['], ['}', '{']]);

/**
 * Punctuation after an address belongs to the sentence, unless it closes a bracket opened inside.
 * @param {string} url
 */
function withoutTail(url) {
  let end = url.length;
  for (; end > 0; end--) {
    const last = url.charAt(end - 1);
    const opener = CLOSERS.get(last);
    if (opener !== undefined) {
      const body = url.slice(0, end);
      if (body.split(opener).length >= body.split(last).length) break;
    } else if (!'.,;:!?\'*_~…»”’'.includes(last)) {
      break;
    }
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
