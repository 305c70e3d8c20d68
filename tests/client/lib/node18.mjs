// SPDX-License-Identifier: MIT
// Gives Node 18 the `crypto` that browsers and later Nodes have.
// @ts-check

import { webcrypto } from 'node:crypto';

if (globalThis.crypto === undefined) Object.defineProperty(globalThis, 'crypto', { value: webcrypto });
