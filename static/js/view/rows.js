// SPDX-License-Identifier: MIT
// How a row of the list looks. What people wrote goes in as text nodes only.
// @ts-check

import { icon, make, paintAvatar } from './dom.js';
import { dayLabel, t, timeOf } from './i18n.js';
import { splitLinks } from './links.js';
import { notSentText } from './words.js';

/** @typedef {import('../state/rows.js').Row} Row */
/** @typedef {import('../state/room.js').Mark} Mark */
/** @typedef {import('../state/room.js').Pending} Pending */
/** @typedef {import('./i18n.js').TextKey} TextKey */

/** @param {Row} row @returns {HTMLElement} */
export function createRow(row) {
  switch (row.kind) {
    case 'older': return olderRow(row.phase);
    case 'start': return lineRow('start', t(row.isWhole ? 'startWhole' : 'startKept'));
    case 'day': return lineRow('day', dayLabel(row.ts));
    case 'hole': return lineRow('gap', t('hole'));
    case 'new': return lineRow('new', t('newLine'));
    case 'mark': return markRow(row.mark);
    case 'message': {
      const { entry } = row;
      const element = messageRow(entry.user, entry.text, entry.own, row.grouped, timeElement(entry.ts));
      element.dataset['seq'] = String(entry.seq);
      return element;
    }
    default: return pendingRow(row.pending, row.grouped);
  }
}

/** @param {Row} row @param {number} width  px @returns {number} px, a guess */
export function estimateRow(row, width) {
  if (row.kind !== 'message' && row.kind !== 'pending') return 45;
  const text = row.kind === 'message' ? row.entry.text : row.pending.text;
  const perLine = Math.max(10, Math.min(width * 0.85, 670) / 8);
  let lines = 0;
  for (const line of text.split('\n')) lines += Math.max(1, Math.ceil(line.length / perLine));
  return lines * 23 + (row.grouped ? 18 : 52);
}

/** @param {string} kind @param {string} text */
function lineRow(kind, text) {
  const row = make('li', `line ${kind}`);
  row.append(make('span', '', text));
  return row;
}

/** @param {string} phase */
function olderRow(phase) {
  const row = make('li', 'line older');
  const button = make('button', 'quiet', t(phase === 'loading' ? 'olderLoading' : phase === 'failed' ? 'olderFailed' : 'olderLoad'));
  button.type = 'button';
  button.dataset['act'] = 'older';
  row.append(button);
  return row;
}

/** @param {Mark} mark */
function markRow(mark) {
  const n = mark.count;
  if (mark.kind === 'lost') return lineRow('gap', t('lost', { n }));
  /** @type {Record<Mark['phase'], TextKey>} */
  const keys = { open: 'gap', held: 'gap', loading: 'gapLoading', failed: 'gapFailed', gone: 'gapGone' };
  const row = lineRow('gap', t(keys[mark.phase], { n }));
  row.dataset['key'] = mark.key;
  if (mark.phase === 'open' || mark.phase === 'held' || mark.phase === 'failed') {
    const button = make('button', 'quiet', t('gapLoad'));
    button.type = 'button';
    button.dataset['act'] = 'gap';
    row.firstElementChild?.append(' ', button);
  }
  return row;
}

/**
 * @param {string} user
 * @param {string} text
 * @param {boolean} own
 * @param {boolean} grouped
 * @param {HTMLElement} stamp  when it was written
 */
function messageRow(user, text, own, grouped, stamp) {
  const row = make('li', 'message');
  row.classList.toggle('own', own);
  row.classList.toggle('grouped', grouped);
  const avatar = make('span', 'avatar');
  avatar.setAttribute('aria-hidden', 'true');
  paintAvatar(avatar, user);
  const author = make('span', 'author', user);
  author.dir = 'auto';
  const words = make('div', stamp.className === 'progress' ? 'text underway' : stamp.textContent === '' ? 'text untimed' : 'text');
  words.dir = 'auto';
  words.append(textNodes(text));
  const bubble = make('div', 'bubble');
  bubble.append(words, stamp);
  const body = make('div', 'body');
  body.append(author, bubble);
  row.append(avatar, body);
  return row;
}

/** @param {Pending} pending @param {boolean} grouped */
function pendingRow(pending, grouped) {
  const { phase } = pending;
  const row = messageRow(pending.user, pending.text, true, grouped, phase === 'failed' ? make('time', '') : progressElement(phase));
  row.classList.add(phase);
  row.dataset['cid'] = pending.cid;
  row.dataset['seq'] = '0';
  if (phase !== 'failed') return row;
  const problem = make('p', 'problem');
  const words = make('span', '', notSentText(pending.problem));
  words.prepend(icon('warning'), ' ');
  problem.append(words);
  for (const act of /** @type {const} */ (['resend', 'discard'])) {
    const button = make('button', 'quiet', t(act === 'resend' ? 'retry' : 'discard'));
    button.type = 'button';
    button.dataset['act'] = act;
    problem.append(button);
  }
  row.querySelector('.body')?.append(problem);
  return row;
}

/** @param {number} ts  0: unknown */
function timeElement(ts) {
  const time = make('time', '');
  if (ts > 0) {
    time.dateTime = new Date(ts).toISOString();
    time.textContent = timeOf(ts);
  }
  return time;
}

/** @param {'pending' | 'sent'} phase */
function progressElement(phase) {
  const text = t(phase === 'sent' ? 'sent' : 'sending');
  const progress = make('span', 'progress');
  progress.title = text;
  progress.append(icon(phase === 'sent' ? 'check' : 'clock'), make('span', 'unseen', text));
  return progress;
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
