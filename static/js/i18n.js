// SPDX-License-Identifier: MIT
// The texts of the page in English and Russian, and times and dates in the reader's format.
// @ts-check

/** @typedef {Partial<Record<Intl.LDMLPluralRule, string>>} Plural  form by count; {n} is the number */

const en = {
  signLead: 'Sign in to join the conversation.',
  userLabel: 'Name',
  passwordLabel: 'Password',
  passwordHint: 'For a new account: at least 8 characters.',
  signIn: 'Sign in',
  signUp: 'Create account',
  signOut: 'Sign out',
  sessionEnded: 'Your session has ended. Please sign in again.',
  signedOut: 'You have signed out.',
  starting: 'Loading…',
  serverAway: 'The server does not answer. Trying again…',
  needUser: 'Enter a name.',
  needPassword: 'Enter a password.',
  badUser: 'A name has 1 to 32 letters or digits of any script; . _ - are fine too.',
  shortPassword: 'The password needs at least 8 characters.',
  longPassword: 'The password is too long: at most 72 bytes.',
  wrongLogin: 'Wrong name or password.',
  nameTaken: 'This name is taken.',
  badRequest: 'The server did not accept this: {reason}',
  tooMany: 'Too many attempts. Please wait a little and try again.',
  tooManyWait: /** @type {Plural} */ ({
    one: 'Too many attempts. Try again in {n} second.', other: 'Too many attempts. Try again in {n} seconds.',
  }),
  unavailable: 'The service is not available right now. Please try again later.',
  unavailableWait: /** @type {Plural} */ ({
    one: 'The service is not available right now. Try again in {n} second.',
    other: 'The service is not available right now. Try again in {n} seconds.',
  }),
  unreachable: 'The server cannot be reached. Check your connection.',
  foreignOrigin: 'The server does not accept requests from this address.',
  failed: 'That did not work: {reason}',
  signOutFailed: 'You are still signed in: the server could not be reached. Try again.',
  guest: 'Guest',
  rooms: 'Rooms',
  openRooms: 'Rooms',
  closeRooms: 'Close the list of rooms',
  roomLabel: 'Join or create a room',
  roomPlaceholder: 'Room name',
  roomJoin: 'Join',
  badRoom: 'A room name has 1 to 64 bytes, without spaces and / { }.',
  messages: 'Messages',
  empty: 'No messages yet. Write the first one.',
  textLabel: 'Message',
  textPlaceholder: 'Write a message',
  send: 'Send',
  retry: 'Try now',
  connecting: 'Connecting…',
  online: 'Connected',
  offline: 'No connection. Trying again…',
  banned: 'You are not allowed here any more.',
  forbidden: 'You may not enter this room.',
  closed: 'The server has closed this connection.',
  notConnected: 'There is no connection. Your message stays in the box; send it when you are back.',
  maybeUnsent: 'The connection broke before your message arrived. It is back in the box.',
  refusedRate: 'Too fast. Wait a moment and send it again.',
  refusedLarge: 'This message is too long.',
  refusedAway: 'The server cannot take messages right now. Try again shortly.',
  refused: 'Your message was not accepted.',
  refusedBecause: 'Your message was not accepted: {reason}',
  gap: 'Messages may be missing here',
  jump: 'To the latest messages',
  jumpNew: /** @type {Plural} */ ({ one: '{n} new message', other: '{n} new messages' }),
  typingOne: '{a} is typing…',
  typingTwo: '{a} and {b} are typing…',
  typingMany: 'Several people are typing…',
};

/** @typedef {keyof typeof en} TextKey */

/** @type {Record<TextKey, string | Plural>} */
const ru = {
  signLead: 'Войдите, чтобы присоединиться к разговору.',
  userLabel: 'Имя',
  passwordLabel: 'Пароль',
  passwordHint: 'Для новой учётной записи: не меньше 8 символов.',
  signIn: 'Войти',
  signUp: 'Создать учётную запись',
  signOut: 'Выйти',
  sessionEnded: 'Сеанс завершён. Войдите снова.',
  signedOut: 'Вы вышли.',
  starting: 'Загрузка…',
  serverAway: 'Сервер не отвечает. Пробуем снова…',
  needUser: 'Введите имя.',
  needPassword: 'Введите пароль.',
  badUser: 'Имя: от 1 до 32 букв или цифр любой письменности; можно и . _ -',
  shortPassword: 'В пароле должно быть не меньше 8 символов.',
  longPassword: 'Пароль слишком длинный: не больше 72 байт.',
  wrongLogin: 'Неверное имя или пароль.',
  nameTaken: 'Это имя уже занято.',
  badRequest: 'Сервер этого не принял: {reason}',
  tooMany: 'Слишком много попыток. Подождите немного и попробуйте снова.',
  tooManyWait: {
    one: 'Слишком много попыток. Попробуйте снова через {n} секунду.',
    few: 'Слишком много попыток. Попробуйте снова через {n} секунды.',
    many: 'Слишком много попыток. Попробуйте снова через {n} секунд.',
    other: 'Слишком много попыток. Попробуйте снова через {n} секунды.',
  },
  unavailable: 'Служба сейчас недоступна. Попробуйте позже.',
  unavailableWait: {
    one: 'Служба сейчас недоступна. Попробуйте снова через {n} секунду.',
    few: 'Служба сейчас недоступна. Попробуйте снова через {n} секунды.',
    many: 'Служба сейчас недоступна. Попробуйте снова через {n} секунд.',
    other: 'Служба сейчас недоступна. Попробуйте снова через {n} секунды.',
  },
  unreachable: 'Не удаётся связаться с сервером. Проверьте подключение.',
  foreignOrigin: 'Сервер не принимает запросы с этого адреса.',
  failed: 'Не получилось: {reason}',
  signOutFailed: 'Выйти не удалось: сервер не ответил. Попробуйте снова.',
  guest: 'Гость',
  rooms: 'Комнаты',
  openRooms: 'Комнаты',
  closeRooms: 'Закрыть список комнат',
  roomLabel: 'Войти в комнату или создать её',
  roomPlaceholder: 'Название',
  roomJoin: 'Войти',
  badRoom: 'Название комнаты: от 1 до 64 байт, без пробелов и знаков / { }.',
  messages: 'Сообщения',
  empty: 'Сообщений пока нет. Напишите первое.',
  textLabel: 'Сообщение',
  textPlaceholder: 'Напишите сообщение',
  send: 'Отправить',
  retry: 'Повторить',
  connecting: 'Подключение…',
  online: 'На связи',
  offline: 'Нет связи. Пробуем снова…',
  banned: 'Вам сюда больше нельзя.',
  forbidden: 'Вам нельзя войти в эту комнату.',
  closed: 'Сервер закрыл это соединение.',
  notConnected: 'Нет связи. Сообщение останется в поле ввода; отправьте его, когда связь вернётся.',
  maybeUnsent: 'Связь прервалась, прежде чем сообщение дошло. Оно снова в поле ввода.',
  refusedRate: 'Слишком быстро. Подождите немного и отправьте ещё раз.',
  refusedLarge: 'Это сообщение слишком длинное.',
  refusedAway: 'Сервер сейчас не принимает сообщения. Попробуйте чуть позже.',
  refused: 'Сообщение не принято.',
  refusedBecause: 'Сообщение не принято: {reason}',
  gap: 'Здесь могут быть пропущены сообщения',
  jump: 'К последним сообщениям',
  jumpNew: {
    one: '{n} новое сообщение', few: '{n} новых сообщения', many: '{n} новых сообщений', other: '{n} новых сообщения',
  },
  typingOne: '{a} печатает…',
  typingTwo: '{a} и {b} печатают…',
  typingMany: 'Несколько человек печатают…',
};

const locale = globalThis.navigator?.language || 'en';
export const language = /^ru\b/i.test(locale) ? 'ru' : 'en';
/** @type {Record<TextKey, string | Plural>} */
const texts = language === 'ru' ? ru : en;
/** Day lines hold words, so they follow the language of the texts; clock times follow the reader's locale. */
const wordLocale = locale.toLowerCase().startsWith(language) ? locale : language;

const plurals = new Intl.PluralRules(language);
const clock = new Intl.DateTimeFormat(locale, { hour: 'numeric', minute: '2-digit' });
const full = new Intl.DateTimeFormat(wordLocale, { dateStyle: 'full', timeStyle: 'medium' });
const dayThisYear = new Intl.DateTimeFormat(wordLocale, { weekday: 'long', day: 'numeric', month: 'long' });
const dayOther = new Intl.DateTimeFormat(wordLocale, { day: 'numeric', month: 'long', year: 'numeric' });
const relative = new Intl.RelativeTimeFormat(wordLocale, { numeric: 'auto' });

/**
 * @param {TextKey} key
 * @param {Record<string, string | number>} [values]  for {name} in the text; `n` picks the plural form
 * @returns {string}
 */
export function t(key, values = {}) {
  const entry = texts[key];
  const pattern = typeof entry === 'string' ? entry
    : entry[plurals.select(Number(values.n))] ?? entry.other ?? '';
  return pattern.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}

/** @param {string} key @returns {key is TextKey} */
export function isTextKey(key) {
  return Object.hasOwn(en, key);
}

/** @param {number} ts */
export const timeOf = (ts) => clock.format(ts);

/** @param {number} ts */
export const fullTimeOf = (ts) => full.format(ts);

/**
 * The local calendar day as a number that grows by one a day, whatever summer time does.
 * @param {number} ts
 */
export function dayNumber(ts) {
  const date = new Date(ts);
  return Math.round(Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) / 86_400_000);
}

/**
 * @param {number} ts
 * @param {number} [now]
 */
export function dayLabel(ts, now = Date.now()) {
  const ago = dayNumber(now) - dayNumber(ts);
  let label;
  if (ago === 0 || ago === 1) label = relative.format(-ago, 'day');
  else if (new Date(ts).getFullYear() === new Date(now).getFullYear()) label = dayThisYear.format(ts);
  else label = dayOther.format(ts);
  return label.charAt(0).toLocaleUpperCase(wordLocale) + label.slice(1);
}
