// SPDX-License-Identifier: MIT
// Puts the page together: session, chat, settings, keys, and what the browser tells.
// @ts-check

import { Chat } from './app/chat.js';
import { Session } from './app/session.js';
import { HttpApi } from './protocol/chatd.js';
import { loadSettings, saveSettings } from './state/storage.js';
import { askForNotifications, notificationState, playSound, showNotification } from './view/alerts.js';
import { dayNumber, setLanguage, t } from './view/i18n.js';
import { listenToKeys } from './view/keys.js';
import { Page } from './view/page.js';

/** @typedef {import('./state/storage.js').Settings} Settings */

const base = new URL('.', location.href);
const api = new HttpApi(base);
let settings = loadSettings();
/** @type {Chat | null} */ let chat = null;
let day = dayNumber(Date.now());

const page = new Page({
  signIn: (user, password) => void session.signIn(user, password),
  signUp: (user, password) => void session.signUp(user, password),
  signOut: () => void session.signOut(),
  chooseRoom: (name) => chat?.choose(name),
  roomsShown: () => void chat?.refreshRooms(),
  leaveRoom: () => chat?.leaveCurrent(),
  send: (text) => chat?.send(text),
  written: (text) => chat?.written(text),
  resend: (cid) => chat?.resend(cid),
  discard: (cid) => chat?.discard(cid),
  loadOlder: () => chat?.loadOlder(),
  loadGap: (mark) => chat?.loadGap(mark),
  reachedEnd: () => chat?.readCurrent(),
  retry: () => chat?.retry(),
  settingsChosen: (chosen) => void choose(chosen),
});

const session = new Session(api, page, {
  onEntered(user) {
    chat = new Chat(base, user, api, page, {
      onSessionEnded: () => session.ended(),
      onUnreachable: () => void session.check(),
      onOtherUser: (other) => session.replaced(other),
      onUnseen: (room, message) => {
        if (settings.sound) playSound(Date.now());
        if (settings.notify && (document.hidden || !document.hasFocus())) {
          showNotification(room.name, message.user, message.text, () => chat?.choose(room.name));
        }
      },
    });
    chat.start();
  },
  onLeft(forgetTexts) {
    chat?.stop(forgetTexts);
    chat = null;
  },
});

listenToKeys({
  stepRoom: (step, onlyUnread) => chat?.step(step, onlyUnread),
  findRoom: () => page.rooms.focusName(),
  toLatest: () => page.messages.toEnd(),
  help: () => page.settings.show(),
}, () => chat !== null && !page.settings.isOpen);

// ---- settings

/** @param {Settings} chosen */
async function choose(chosen) {
  const before = settings;
  settings = chosen;
  if (chosen.notify && !before.notify && !(await askForNotifications())) settings = { ...chosen, notify: false };
  saveSettings(settings);
  showSettings(chosen.notify && !settings.notify);
  /** @type {any} */ (globalThis).applyTheme(settings.theme); // js/theme.js, which runs before the page is painted
  if (chosen.language !== before.language) await translate();
  if (chosen.sound && !before.sound) playSound(Date.now());
}

/** @param {boolean} isRefused  notifications were asked for in vain */
function showSettings(isRefused) {
  const state = notificationState();
  page.settings.fill(settings, state === 'none' ? t('notifyNone') : isRefused || (settings.notify && state === 'denied') ? t('notifyDenied') : '');
}

async function translate() {
  await setLanguage(settings.language);
  page.translate();
  showSettings(false);
  chat?.translate();
}

// ---- the world outside

window.addEventListener('hashchange', () => chat?.openAddress());
window.addEventListener('online', () => chat?.wakeUp());
window.addEventListener('offline', () => chat?.client.check());
window.addEventListener('pagehide', () => chat?.save());
window.addEventListener('focus', () => chat?.readCurrent());
document.addEventListener('visibilitychange', () => {
  if (document.hidden) {
    // A phone may end a page it has put away without another word.
    chat?.save();
    return;
  }
  chat?.wakeUp();
  const today = dayNumber(Date.now());
  if (today !== day) page.messages.redraw();
  day = today;
});

try {
  await translate();
} catch {
  // The other language could not be loaded; English is here.
  page.translate();
}
void session.start();
