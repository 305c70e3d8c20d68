// SPDX-License-Identifier: MIT
// The server's rules for names and passwords, told before asking it, and the drawing of message ids.
// @ts-check

const ROOM_MAX_BYTES = 64;
const PASSWORD_MIN_CHARS = 8;
const PASSWORD_MAX_BYTES = 72;
const CID_BYTES = 16;

/**
 * @param {string} text
 * @returns {number} its length in bytes of UTF-8
 */
export function textBytes(text) {
  return new TextEncoder().encode(text).length;
}

/**
 * 1-64 bytes of UTF-8 without control characters, white space, / { }.
 * @param {string} name
 */
export function isRoomName(name) {
  // \p{Cs} is a lone surrogate: it has no UTF-8 form.
  return name !== '' && !/[\p{Cc}\p{Cs}\s/{}]/u.test(name) && textBytes(name) <= ROOM_MAX_BYTES;
}

/**
 * @param {string} user
 * @param {string} password
 * @returns {null | 'badUser' | 'shortPassword' | 'longPassword'} what the server would refuse in a registration
 */
export function accountProblem(user, password) {
  if (!/^[\p{L}\p{M}\p{N}._-]{1,32}$/u.test(user)) return 'badUser';
  return passwordProblem(password);
}

/** @param {string} password  a new one @returns {'shortPassword' | 'longPassword' | null} */
export function passwordProblem(password) {
  if (Array.from(password).length < PASSWORD_MIN_CHARS) return 'shortPassword';
  if (textBytes(password) > PASSWORD_MAX_BYTES) return 'longPassword';
  return null;
}

/** @returns {string} 128 random bits, as text */
export function newCid() {
  const bytes = crypto.getRandomValues(new Uint8Array(CID_BYTES));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
