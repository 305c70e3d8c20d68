// SPDX-License-Identifier: MIT
// Joins the three layers: what the person does goes to the protocol, what the server says goes to state and view.
// @ts-check

import { t } from './i18n.js';
import { Api, ApiError, isRoomName, retryDelay, RoomConnection } from './protocol.js';
import { ANSWER_MAX_MS, Identity, Outbox, RoomLog, Typists } from './state.js';
import { View } from './view.js';

const DEFAULT_ROOM = 'general';
const TYPING_EVERY_MS = 3_000;
const ROOMS_EVERY_MS = 60_000;
/** The classic dialect does not mark the end of the first page; this much silence does. */
const PAGE_SILENCE_MS = 250;
/** In a busy room live messages leave no silence. */
const PAGE_MAX_MS = 3_000;
/** A message this close to our clock is no history, unless the clocks disagree. */
const JUST_NOW_MS = 10_000;
const PASSWORD_MIN_CHARS = 8;
const PASSWORD_MAX_BYTES = 72;
const CLOSE_SESSION_ENDED = 4501;
const CLOSE_BANNED = 4502;
const CLOSE_FORBIDDEN = 4503;

const base = new URL('.', location.href);
const api = new Api(base);

/** @type {Identity | null} null while not signed in */
let me = null;
let room = '';
let log = new RoomLog();
let outbox = new Outbox();
const typists = new Typists();
/** Unsent texts by room, for as long as the same person is here. @type {Map<string, string>} */
const drafts = new Map();
let draftsOf = '';
let filling = false;
let typingSentAt = 0;
let lastHeardAt = 0;
let openedAt = 0;
/** @type {ReturnType<typeof setTimeout> | undefined} */ let pageTimer;
/** @type {ReturnType<typeof setTimeout> | undefined} */ let typistsTimer;

const view = new View({
  signIn: (user, password) => void signIn(user, password),
  signUp: (user, password) => void signUp(user, password),
  signOut: () => void signOut(),
  chooseRoom,
  send,
  typing: signalTyping,
  retry: () => connection.open(room),
  roomsShown: () => void refreshRooms(),
});

const connection = new RoomConnection(base, {
  onState(state, retrying) {
    if (state === 'online') {
      lastHeardAt = Date.now();
      view.unnotice(t('notConnected'));
      if (me?.guest) {
        me.forgetGuestName();
        view.showName(t('guest'));
      }
      log.connectionOpened();
      openedAt = lastHeardAt;
      awaitPage();
      void refreshRooms();
    } else if (state === 'offline') {
      connectionLost();
    }
    view.showState(state, t(state === 'connecting' && retrying ? 'offline' : state));
  },
  onMessage(message) {
    lastHeardAt = Date.now();
    if (me === null) return;
    if (me.guest && me.user === '') guessGuestName(message);
    const own = me.names.has(message.user);
    typists.set(message.user, false, Date.now());
    showTypists();
    const change = log.add(message, own);
    if (change !== 'known') {
      if (own && (!filling || outbox.waits(message.text))) outbox.arrived(message.text);
      if ((own || me.guest) && outbox.arrivedAfterAll(message)) takeBackDraft(message.text);
    }
    const last = log.entries.at(-1);
    if (change === 'appended' && last !== undefined) view.append(last, !filling);
    else if (change === 'changed') view.messages.show(log.entries);
    // Only who reads the end does not notice that the beginning goes.
    if (view.messages.atBottom && log.trim()) view.messages.show(log.entries);
    if (filling && lastHeardAt - openedAt < PAGE_MAX_MS) awaitPage();
  },
  onTyping(user, typing) {
    lastHeardAt = Date.now();
    log.heard.add(user);
    if (me?.names.has(user)) return;
    typists.set(user, typing, Date.now());
    showTypists();
  },
  onRefused(code, reason) {
    lastHeardAt = Date.now();
    const text = outbox.refused();
    if (text !== undefined) putBackDraft([text]);
    view.notice(refusal(code, reason));
  },
  onUnreachable: () => void checkSession(),
  onEnded(code) {
    if (code === CLOSE_SESSION_ENDED && me?.guest === false) {
      endSession(t('sessionEnded'));
      return;
    }
    view.showState('offline', t(code === CLOSE_BANNED ? 'banned' : code === CLOSE_FORBIDDEN ? 'forbidden' : 'closed'));
  },
});

// ---- session

/** Finds out who we are: signed in, nobody yet, or a guest on a server without accounts. */
async function start() {
  view.showBoot(t('starting'));
  for (let attempt = 0; ; attempt++) {
    try {
      enter(new Identity(await api.me()));
      return;
    } catch (error) {
      const status = error instanceof ApiError ? error.status : 0;
      if (status === 401) {
        view.showSign('');
        return;
      }
      if (status === 404) {
        enter(new Identity(''));
        return;
      }
      view.showBoot(t('serverAway'));
      await new Promise((resolve) => { setTimeout(resolve, retryDelay(attempt)); });
    }
  }
}

/** @param {Identity} identity */
function enter(identity) {
  me = identity;
  if (draftsOf !== identity.user) drafts.clear();
  draftsOf = identity.user;
  view.showChat(identity.guest ? t('guest') : identity.user, identity.guest);
  openRoom(roomFromAddress());
}

/** @param {string} notice */
function endSession(notice) {
  connectionLost();
  connection.close();
  keepDraft();
  me = null;
  room = '';
  view.rooms.showRooms([]);
  view.showSign(notice);
}

/** The upgrade failed, and the browser does not say why: perhaps the session is over. */
async function checkSession() {
  const asked = me;
  if (asked === null || asked.guest) return;
  try {
    const user = await api.me();
    if (me === asked && user !== asked.user) {
      // Somebody else signed in in another window of this browser.
      endSession('');
      enter(new Identity(user));
    }
  } catch (error) {
    if (me === asked && error instanceof ApiError && error.status === 401) endSession(t('sessionEnded'));
  }
}

/** @param {string} user @param {string} password */
async function signIn(user, password) {
  await signing(async () => {
    await api.login(user, password);
    enter(new Identity(await api.me()));
  }, 'wrongLogin');
}

/** @param {string} user @param {string} password */
async function signUp(user, password) {
  const problem = accountProblem(user, password);
  if (problem !== null) {
    view.sign.error(t(problem));
    return;
  }
  await signing(async () => {
    await api.register(user, password);
    await api.login(user, password);
    enter(new Identity(await api.me()));
  }, 'failed');
}

/**
 * @param {() => Promise<void>} action
 * @param {'wrongLogin' | 'failed'} unauthorized  what a 401 means here
 */
async function signing(action, unauthorized) {
  view.sign.error('');
  view.sign.busy(true);
  try {
    await action();
  } catch (error) {
    view.sign.error(signProblem(error, unauthorized));
  } finally {
    view.sign.busy(false);
  }
}

async function signOut() {
  const leaving = me;
  try {
    await api.logout();
  } catch (error) {
    // 401: the session was over already. Anything else: the cookie is still there, and only the server can clear it.
    if (!(error instanceof ApiError && error.status === 401)) {
      if (me === leaving) view.notice(t('signOutFailed'));
      return;
    }
  }
  // The server may have closed the socket with 4501 before it answered here; the person did this, so say so.
  if (me !== null && me !== leaving) return;
  endSession(t('signedOut'));
  drafts.clear();
}

/**
 * The server's rules, said before asking it.
 * @param {string} user
 * @param {string} password
 */
function accountProblem(user, password) {
  if (!/^[\p{L}\p{M}\p{N}._-]{1,32}$/u.test(user)) return 'badUser';
  if (Array.from(password).length < PASSWORD_MIN_CHARS) return 'shortPassword';
  if (new TextEncoder().encode(password).length > PASSWORD_MAX_BYTES) return 'longPassword';
  return null;
}

/**
 * @param {unknown} error
 * @param {'wrongLogin' | 'failed'} unauthorized
 */
function signProblem(error, unauthorized) {
  if (!(error instanceof ApiError)) return t('failed', { reason: String(error) });
  const reason = error.message || error.code || String(error.status);
  const n = error.retrySeconds;
  switch (error.status) {
    case 0: return t('unreachable');
    case 400: return t('badRequest', { reason });
    case 401: return t(unauthorized, { reason });
    case 403: return t('foreignOrigin');
    case 409: return t('nameTaken');
    case 429: return n > 0 ? t('tooManyWait', { n }) : t('tooMany');
    case 502: case 503: case 504: return n > 0 ? t('unavailableWait', { n }) : t('unavailable');
    default: return t('failed', { reason });
  }
}

// ---- rooms

function roomFromAddress() {
  let name = '';
  try {
    name = decodeURIComponent(/^#room=(.*)$/.exec(location.hash)?.[1] ?? '');
  } catch {
    // A broken escape is no room.
  }
  return isRoomName(name) ? name : DEFAULT_ROOM;
}

/** @param {string} name */
function chooseRoom(name) {
  if (!isRoomName(name)) {
    view.rooms.error(t('badRoom'));
    return;
  }
  view.rooms.error('');
  // A step in the browser's history, so that "back" leads to the room before.
  if (roomFromAddress() !== name) history.pushState(null, '', addressOf(name));
  openRoom(name);
}

/** @param {string} name */
function addressOf(name) {
  return `#room=${encodeURIComponent(name)}`;
}

/** @param {string} name */
function openRoom(name) {
  if (location.hash !== addressOf(name)) history.replaceState(null, '', addressOf(name));
  if (name !== room) {
    connectionLost();
    keepDraft();
    room = name;
    log = new RoomLog();
    outbox = new Outbox();
    typingSentAt = 0;
    view.showRoom(room, drafts.get(room) ?? '');
  } else {
    view.toRoom();
    if (connection.state !== 'offline') return;
  }
  connection.open(room);
}

async function refreshRooms() {
  const asked = me;
  try {
    const rooms = await api.rooms();
    if (me === asked && me !== null) view.rooms.showRooms(rooms);
  } catch {
    // The list stays as it was; the connection's state says what is wrong.
  }
}

function keepDraft() {
  if (room === '') return;
  if (view.box.draft.trim() === '') drafts.delete(room);
  else drafts.set(room, view.box.draft);
}

// ---- messages

/** @param {string} text */
function send(text) {
  if (!connection.sendText(text)) {
    view.notice(t('notConnected'));
    return;
  }
  outbox.sent(text, log.top, Date.now());
  typingSentAt = 0;
  view.box.setDraft('');
  view.notice('');
  view.messages.toBottom();
  setTimeout(checkAnswers, ANSWER_MAX_MS + 100);
}

/** A message without an answer on a connection without a sound: the other side is gone, and TCP has not noticed. */
function checkAnswers() {
  const now = Date.now();
  if (connection.state !== 'online' || !outbox.overdue(now)) return;
  if (now - lastHeardAt < ANSWER_MAX_MS) outbox.forgetOverdue(now);
  else connection.drop();
}

function signalTyping() {
  const now = Date.now();
  if (now - typingSentAt >= TYPING_EVERY_MS && connection.sendTyping()) typingSentAt = now;
}

/** What belongs to one connection ends with it. What was under way goes back into the box. */
function connectionLost() {
  clearTimeout(pageTimer);
  typists.clear();
  showTypists();
  const texts = outbox.giveBack();
  if (texts.length === 0) return;
  putBackDraft(texts);
  view.notice(t('maybeUnsent'));
}

/** @param {string[]} texts */
function putBackDraft(texts) {
  view.box.setDraft([...texts, view.box.draft].filter((text) => text !== '').join('\n'));
}

/** A text that was put back into the box and has arrived after all; what was typed since stays. @param {string} text */
function takeBackDraft(text) {
  const { draft } = view.box;
  if (draft === text) view.box.setDraft('');
  else if (draft.startsWith(`${text}\n`)) view.box.setDraft(draft.slice(text.length + 1));
  if (outbox.returned.length === 0) view.notice('');
}

/**
 * A guest's own message is the first that says what was just sent, under a name not heard before. Wrong at worst
 * when two new guests say the same at once, and then only in how it looks.
 * @param {import('./protocol.js').Message} message
 */
function guessGuestName(message) {
  if (me === null || !outbox.waits(message.text) || log.heard.has(message.user)) return;
  if (filling && Math.abs(message.ts - Date.now()) > JUST_NOW_MS) return;
  me.learn(message.user);
  view.showName(message.user);
}

/** Starts, or prolongs, the wait for the end of the first page. */
function awaitPage() {
  filling = true;
  view.messages.filling(true);
  clearTimeout(pageTimer);
  pageTimer = setTimeout(() => {
    filling = false;
    outbox.returned = [];
    if (log.pageComplete()) view.messages.show(log.entries);
    view.messages.filling(false);
  }, PAGE_SILENCE_MS);
}

function showTypists() {
  const names = typists.names(Date.now());
  view.showTypists(names);
  clearTimeout(typistsTimer);
  if (names.length > 0) typistsTimer = setTimeout(showTypists, 500);
}

/** @param {string} code @param {string} reason */
function refusal(code, reason) {
  switch (code) {
    case 'rate_limited': return t('refusedRate');
    case 'too_large': return t('refusedLarge');
    case 'unavailable': case 'timeout': return t('refusedAway');
    default: return reason === '' ? t('refused') : t('refusedBecause', { reason });
  }
}

// ---- the world outside

window.addEventListener('hashchange', () => {
  if (me !== null) openRoom(roomFromAddress());
});
window.addEventListener('online', () => connection.retryNow());
document.addEventListener('visibilitychange', () => {
  if (!document.hidden && me !== null) connection.retryNow();
});
setInterval(() => {
  if (!document.hidden && connection.state === 'online') void refreshRooms();
}, ROOMS_EVERY_MS);

void start();
