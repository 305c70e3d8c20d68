// SPDX-License-Identifier: MIT
// Everything that the library offers, under one name. The types are in types.js.
// @ts-check

export { fullJitter } from './backoff.js';
export { ChatClient } from './client.js';
export { ChatError } from './errors.js';
export { ApiError, HttpApi, retryAfterSeconds } from './http.js';
export { accountProblem, isRoomName, newCid, passwordProblem, textBytes } from './rules.js';
