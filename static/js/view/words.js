// SPDX-License-Identifier: MIT
// What the protocol's codes are called for people.
// @ts-check

import { t } from './i18n.js';

/** @typedef {import('../state/history.js').Refusal} Refusal */
/** @typedef {import('../protocol/types.js').Status} Status */

const CLOSE_BANNED = 4502;
const CLOSE_FORBIDDEN = 4503;

/** @param {Status} status */
export function statusText(status) {
  switch (status.phase) {
    case 'online': return t('online');
    case 'connecting': return t(status.attempt > 0 ? 'offline' : 'connecting');
    case 'waiting': return t('offline');
    default: return t(status.code === CLOSE_BANNED ? 'banned' : status.code === CLOSE_FORBIDDEN ? 'forbidden' : 'closed');
  }
}

/** @param {Refusal | null} problem */
export function notSentText(problem) {
  const why = problem === null ? '' : whyNotSent(problem);
  return why === '' ? t('notSent') : `${t('notSent')}: ${why}`;
}

/** @param {Refusal} problem */
function whyNotSent({ code, message }) {
  switch (code) {
    case 'rate_limited': return t('refusedRate');
    case 'too_large': return t('refusedLarge');
    case 'unknown': return t('refusedUnknown');
    case 'not_member': return t('refusedMember');
    default: return message;
  }
}

/** @param {Refusal | null} refusal */
export function joinRefusalText(refusal) {
  switch (refusal?.code) {
    case 'rate_limited': return t('roomFull');
    case 'forbidden': return t('roomForbidden');
    default: return t('roomRefused', { reason: refusal?.message || refusal?.code || '' });
  }
}
