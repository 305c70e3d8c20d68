// SPDX-License-Identifier: MIT
// Light or dark. The dark colours are a style sheet of their own; this says when it counts. No module, and in the head:
// it runs before anything is painted.
// @ts-check
'use strict';

(() => {
  const SYSTEM = '(prefers-color-scheme: dark)';

  /** @param {unknown} theme  'light', 'dark', or anything else for what the system prefers */
  function apply(theme) {
    const dark = theme === 'dark' ? 'all' : theme === 'light' ? 'not all' : SYSTEM;
    const light = theme === 'light' ? 'all' : theme === 'dark' ? 'not all' : `not all and ${SYSTEM}`;
    for (const element of document.querySelectorAll('[data-theme]')) {
      element.setAttribute('media', element.getAttribute('data-theme') === 'dark' ? dark : light);
    }
  }

  /** @type {any} */ (globalThis).applyTheme = apply;
  try {
    apply(JSON.parse(localStorage.getItem('chatd.settings') ?? '{}').theme);
  } catch {
    // A browser that keeps nothing: what the system prefers.
  }
})();
