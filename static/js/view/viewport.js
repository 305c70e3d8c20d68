// SPDX-License-Identifier: MIT
// The on-screen keyboard where the browser does not make the page smaller for it: the part that is left is all we have.
// @ts-check

/** Less than this is a bar of the browser that came or went. */
const KEYBOARD_PX = 120;

/** @param {HTMLElement} chat  as high as the page */
export function fitToKeyboard(chat) {
  const view = globalThis.visualViewport;
  if (!view) return;
  view.addEventListener('resize', () => {
    // Zoomed in, the view is smaller too, and nothing should move.
    const hasKeyboard = view.scale === 1 && globalThis.innerHeight - view.height > KEYBOARD_PX;
    chat.style.height = hasKeyboard ? `${view.height}px` : '';
    if (hasKeyboard) globalThis.scrollTo(0, 0);
  });
}
