// SPDX-License-Identifier: MIT
// The keys that work everywhere on the page; index.html lists them for people.
// @ts-check

/**
 * @typedef {object} KeyActions
 * @property {(step: 1 | -1, onlyUnread: boolean) => void} stepRoom
 * @property {() => void} findRoom
 * @property {() => void} toLatest
 * @property {() => void} help
 */

/** @param {EventTarget | null} target */
function takesText(target) {
  return target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;
}

/**
 * @param {KeyActions} actions
 * @param {() => boolean} isActive  the chat is on the screen and no window is over it
 */
export function listenToKeys(actions, isActive) {
  document.addEventListener('keydown', (event) => {
    if (event.isComposing || !isActive()) return;
    const act = actionOf(event, actions);
    if (act === null) return;
    event.preventDefault();
    act();
  });
}

/** @param {KeyboardEvent} event @param {KeyActions} actions @returns {(() => void) | null} */
function actionOf(event, actions) {
  const { key, altKey, shiftKey } = event;
  const hasControl = event.ctrlKey || event.metaKey;
  if (altKey && !hasControl && (key === 'ArrowUp' || key === 'ArrowDown')) {
    // Held down, it would fill the browser's history.
    if (event.repeat) return () => {};
    return () => actions.stepRoom(key === 'ArrowUp' ? -1 : 1, shiftKey);
  }
  // By the place of the key where the letters are not Latin.
  if (hasControl && !altKey && !shiftKey && (key.toLowerCase() === 'k' || event.code === 'KeyK')) return actions.findRoom;
  if (altKey || hasControl) return null;
  if (key === 'Escape') return actions.toLatest;
  if (key === '?' && !takesText(event.target)) return actions.help;
  return null;
}
