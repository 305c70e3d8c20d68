// SPDX-License-Identifier: MIT
// What can go wrong between a client and its server, as one error with a stable code.
// @ts-check

/**
 * `code` is one of the protocol's (bad_request unknown_type unauthorized forbidden not_found not_member rate_limited
 * too_large conflict unavailable timeout internal), a plugin's, or one of the library's own:
 * - `lost`: the line broke before the answer
 * - `timeout`: no answer came in time (the server says it too, of its store)
 * - `unknown`: whether the message arrived is not known, and it is no longer safe to repeat it
 * - `offline`: there is no connection
 */
export class ChatError extends Error {
  /**
   * @param {string} code
   * @param {string} message  for people
   * @param {{temporary?: boolean, retryMs?: number}} [more]
   */
  constructor(code, message, { temporary = false, retryMs = 0 } = {}) {
    super(message);
    this.name = 'ChatError';
    this.code = code;
    /** It may go well another time. */
    this.temporary = temporary;
    /** How long the server wants us to wait; 0 when it did not say. */
    this.retryMs = retryMs;
  }
}
