// SPDX-License-Identifier: MIT
// Puts the page together: session, chat, settings, keys, and what the browser tells.
// @ts-check

import { Chat } from './app/chat.js';
import { Session } from './app/session.js';
import { HttpApi } from './protocol/chatd.js';
import { Kept, loadSettings, saveSettings, USER, userIn } from './state/storage.js';
import { dayNumber, setLanguage, t } from './view/i18n.js';
import { listenToKeys } from './view/keys.js';
import { Page } from './view/page.js';
import { askForNotifications, notificationState } from './view/settings.js';

/** @typedef {import('./protocol/types.js').Message} Message */
/** @typedef {import('./state/storage.js').Settings} Settings */

const base = new URL('.', location.href);
const api = new HttpApi(base);
let settings = loadSettings();
/** @type {Chat | null} */ let chat = null;
/** @type {typeof import('./view/alerts.js') | undefined} Loaded for those who want them. */ let alerts;
let day = dayNumber(Date.now());
const DAY_EVERY_MS = 60_000;

/** @type {Page} */
const page = new Page({
  signIn: (user, password) => void session.signIn(user, password),
  signUp: (user, password) => void session.signUp(user, password),
  signOut: () => void session.signOut(),
  signOutEverywhere: () => void session.signOutEverywhere(),
  changePassword: (old, fresh) => session.changePassword(old, fresh),
  chooseRoom: (name) => chat?.choose(name),
  roomsShown: () => void chat?.refreshRooms(),
  leaveRoom: () => chat?.leaveCurrent(),
  send: (text) => chat?.send(text),
  written: (text) => chat?.written(text),
  resend: (cid) => chat?.resend(cid),
  discard: (cid) => chat?.discard(cid),
  loadOlder: () => chat?.loadOlder(),
  loadGap: (mark) => chat?.loadGap(mark),
  reachedEnd: () => chat?.reachedEnd(),
  retry: () => chat?.retry(),
  settingsChosen: (chosen) => void choose(chosen),
});

const session = new Session(api, page, {
  onEntered(user) {
    chat = new Chat(base, user, api, page, {
      onSessionEnded: () => void session.ended(),
      onUnreachable: () => void session.check(),
      onOtherUser: (other) => session.replaced(other),
      onUnseen: (room, message) => void alertTo(room.name, message),
    });
    chat.start();
  },
  onLeft(forgetTexts) {
    chat?.stop(forgetTexts);
    chat = null;
    alerts?.closeNotifications();
  },
});

listenToKeys({
  stepRoom: (step, onlyUnread) => chat?.step(step, onlyUnread),
  findRoom: () => page.rooms.focusName(),
  toLatest: () => page.messages.toEnd(),
  help: () => page.settings.show(),
}, () => chat !== null && !page.settings.isOpen);

// ---- sound and notifications

async function loadAlerts() {
  alerts ??= await import('./view/alerts.js');
  return alerts;
}

async function playSound() {
  try {
    (await loadAlerts()).playSound();
  } catch {
    // They could not be loaded: the next message asks for them again.
  }
}

/** @param {string} room @param {Message} message  one that nobody has seen */
async function alertTo(room, message) {
  const here = chat;
  if (settings.sound) void playSound();
  if (!settings.notify || here?.isLooking !== false) return;
  try {
    const { showNotification } = await loadAlerts();
    // What was said to one person is not shown to the next.
    if (chat !== here) return;
    showNotification(room, message.user, message.text, () => {
      // It may be pressed long after.
      if (chat === here && here.rooms.get(room) !== undefined) here.choose(room);
    });
  } catch {
    // As above.
  }
}

// ---- settings

/** @param {Settings} chosen */
async function choose(chosen) {
  const before = settings;
  // Whether notifications are allowed is known after the person has answered, and much may be chosen meanwhile.
  settings = { ...chosen, notify: before.notify && chosen.notify };
  saveSettings(settings);
  /** @type {any} */ (globalThis).applyTheme(settings.theme); // js/theme.js, which runs before the page is painted
  if (chosen.sound && !before.sound) void playSound();
  if (chosen.language !== before.language && !(await translate())) {
    settings = { ...settings, language: before.language };
    saveSettings(settings);
    showSettings(false);
  }
  if (!chosen.notify || before.notify) {
    showSettings(false);
    return;
  }
  const isGranted = await askForNotifications();
  settings = { ...settings, notify: isGranted };
  saveSettings(settings);
  showSettings(!isGranted);
}

/** @param {boolean} isRefused  notifications were asked for in vain */
function showSettings(isRefused) {
  const state = notificationState();
  const isDenied = isRefused || (settings.notify && state === 'denied');
  page.settings.fill(settings, state === 'none' ? t('notifyNone') : isDenied ? t('notifyDenied') : '');
}

/** @returns {Promise<boolean>} false: the texts could not be loaded, and stay in the language they are in */
async function translate() {
  let isLoaded = true;
  try {
    await setLanguage(settings.language);
  } catch {
    isLoaded = false;
  }
  page.translate();
  showSettings(false);
  chat?.translate();
  return isLoaded;
}

// ---- the world outside

window.addEventListener('hashchange', () => chat?.openAddress());
window.addEventListener('online', () => chat?.wakeUp());
window.addEventListener('offline', () => chat?.client.check());
window.addEventListener('pagehide', () => chat?.save());
window.addEventListener('focus', () => chat?.readCurrent());
window.addEventListener('storage', (event) => {
  chat?.otherWindow(event);
  if (event.key !== USER) return;
  const [before, now] = [userIn(event.oldValue), userIn(event.newValue)];
  session.otherWindow(now);
  // Signed out there: nothing that was being written stays here either.
  if (before !== null && now === null) new Kept(before).forgetTexts();
});
document.addEventListener('visibilitychange', () => {
  if (document.hidden) {
    // A phone may end a page it has put away without another word.
    chat?.save();
    return;
  }
  chat?.wakeUp();
  chat?.lookedAt();
  newDay();
});
setInterval(newDay, DAY_EVERY_MS);

/** "Today" does not stay true. */
function newDay() {
  const today = dayNumber(Date.now());
  if (today !== day) page.messages.redraw();
  day = today;
}

await translate();
void session.start();
if (settings.sound || settings.notify) void loadAlerts().catch(() => {});
