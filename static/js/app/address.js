// SPDX-License-Identifier: MIT
// The room in the page's address: a link leads to it, "back" to the one before.
// @ts-check

import { isRoomName } from '../protocol/chatd.js';

/** @returns {string} '' when the address names no room */
export function roomFromAddress(hash = location.hash) {
  let name = '';
  try {
    name = decodeURIComponent(/^#room=(.*)$/.exec(hash)?.[1] ?? '');
  } catch {
    // A broken escape is no room.
  }
  return isRoomName(name) ? name : '';
}

/** @param {string} name */
export function addressOf(name) {
  return `#room=${encodeURIComponent(name)}`;
}
