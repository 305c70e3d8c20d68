// SPDX-License-Identifier: MIT
// What tells of a message while nobody looks: a sound and the browser's notification. Loaded when somebody wants them.
// @ts-check

/** A busy room is one sound, not fifty. */
const QUIET_MS = 3_000;
/** A sound that comes later than this says nothing any more. */
const LATE_MS = 5_000;
const BODY_MAX = 200;

/** @type {AudioContext | undefined} */ let audio;
let soundedAt = 0;
/** @type {Set<Notification>} */ const shown = new Set();

/** Two short notes; no file is loaded for them. */
export function playSound() {
  const now = Date.now();
  if (now - soundedAt < QUIET_MS || typeof AudioContext === 'undefined') return;
  audio ??= new AudioContext();
  soundedAt = now;
  const context = audio;
  // Without a press of a key or the mouse since the page was loaded the browser leaves it suspended, perhaps for hours.
  void context.resume().then(() => {
    if (Date.now() - now > LATE_MS) return;
    playTone(context, 660, context.currentTime + 0.02);
    playTone(context, 880, context.currentTime + 0.13);
  });
}

/** @param {AudioContext} context @param {number} frequency  Hz @param {number} start  s */
function playTone(context, frequency, start) {
  const tone = context.createOscillator();
  const volume = context.createGain();
  tone.frequency.value = frequency;
  volume.gain.setValueAtTime(0, start);
  volume.gain.linearRampToValueAtTime(0.12, start + 0.015);
  volume.gain.exponentialRampToValueAtTime(0.0005, start + 0.2);
  tone.connect(volume).connect(context.destination);
  tone.start(start);
  tone.stop(start + 0.22);
}

/**
 * @param {string} room
 * @param {string} user
 * @param {string} text
 * @param {() => void} open  it was pressed
 */
export function showNotification(room, user, text, open) {
  if (typeof Notification === 'undefined' || Notification.permission !== 'granted') return;
  const body = Array.from(text).slice(0, BODY_MAX).join('');
  try {
    // One for each room: a new one takes the place of the one before.
    const notification = new Notification(`${user} · ${room}`, { body, tag: `chatd ${room}`, icon: 'favicon.svg' });
    shown.add(notification);
    notification.onclose = () => shown.delete(notification);
    notification.onclick = () => {
      window.focus();
      notification.close();
      open();
    };
  } catch {
    // Some phones show notifications only for installed pages.
  }
}

/** What was said to one person is not left for the next. */
export function closeNotifications() {
  for (const notification of shown) notification.close();
  shown.clear();
}
