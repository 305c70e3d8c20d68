// SPDX-License-Identifier: MIT
// The language of the page: texts with their plurals, and times and dates in the reader's format.
// @ts-check

import { texts as en } from './texts-en.js';

/** @typedef {import('./texts-en.js').TextKey | import('./texts-account.js').AccountTextKey} TextKey */
/** @typedef {'en' | 'ru'} Language */

const browserLocale = globalThis.navigator?.language || 'en';

/** @type {Language} */ let language = 'en';
/** @type {Language} */ let lastWanted = 'en';
/** @type {Record<string, string | import('./texts-en.js').Plural>} */ let texts = en;
/** Russian texts that came before or after the others. */ let moreInRussian = {};
let formats = formatsFor('en', false);

/** @param {Language} chosen @param {boolean} bySwitch */
function formatsFor(chosen, bySwitch) {
  // Words follow the language of the texts, clock times the reader's own locale, unless another was chosen.
  const words = browserLocale.toLowerCase().startsWith(chosen) ? browserLocale : chosen;
  return {
    words,
    plurals: new Intl.PluralRules(chosen),
    clock: new Intl.DateTimeFormat(bySwitch ? words : browserLocale, { hour: 'numeric', minute: '2-digit' }),
    full: new Intl.DateTimeFormat(words, { dateStyle: 'full', timeStyle: 'medium' }),
    dayThisYear: new Intl.DateTimeFormat(words, { weekday: 'long', day: 'numeric', month: 'long' }),
    dayOther: new Intl.DateTimeFormat(words, { day: 'numeric', month: 'long', year: 'numeric' }),
    relative: new Intl.RelativeTimeFormat(words, { numeric: 'auto' }),
    number: new Intl.NumberFormat(words),
  };
}

/**
 * Loads the texts when they are not here yet.
 * @param {'auto' | Language} choice  'auto': by the browser's language
 */
export async function setLanguage(choice) {
  const wanted = choice !== 'auto' ? choice : /^ru\b/i.test(browserLocale) ? 'ru' : 'en';
  lastWanted = wanted;
  const loaded = wanted === 'ru' ? { ...(await import('./texts-ru.js')).texts, ...moreInRussian } : en;
  // Another one was chosen while this was loaded.
  if (lastWanted !== wanted) return;
  texts = loaded;
  language = wanted;
  formats = formatsFor(wanted, choice !== 'auto');
}

/**
 * Texts of a part of the page that is loaded when it is asked for.
 * @param {Record<Language, Record<string, string>>} more
 */
export function addTexts(more) {
  moreInRussian = { ...moreInRussian, ...more.ru };
  Object.assign(en, more.en);
  if (language === 'ru') Object.assign(texts, more.ru);
}

/** @returns {Language} */
export const currentLanguage = () => language;

/**
 * @param {TextKey} key
 * @param {Record<string, string | number>} [values]  for {name} in the text; `n` picks the plural form
 * @returns {string}
 */
export function t(key, values = {}) {
  const entry = texts[key] ?? '';
  const pattern = typeof entry === 'string' ? entry
    : entry[formats.plurals.select(Number(values['n']))] ?? entry.other ?? '';
  return pattern.replace(/\{(\w+)\}/g, (whole, name) => {
    const value = values[name];
    return typeof value === 'number' ? formats.number.format(value) : value ?? whole;
  });
}

/** @param {string} key @returns {key is TextKey} */
export function isTextKey(key) {
  return Object.hasOwn(en, key);
}

/** @param {number} ts */
export const timeOf = (ts) => formats.clock.format(ts);

/** @param {number} ts */
export const fullTimeOf = (ts) => formats.full.format(ts);

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
  if (ago === 0 || ago === 1) label = formats.relative.format(-ago, 'day');
  else if (new Date(ts).getFullYear() === new Date(now).getFullYear()) label = formats.dayThisYear.format(ts);
  else label = formats.dayOther.format(ts);
  return label.charAt(0).toLocaleUpperCase(formats.words) + label.slice(1);
}
