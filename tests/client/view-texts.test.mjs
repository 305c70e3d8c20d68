// SPDX-License-Identifier: MIT
// The languages are complete, and what they hold is usable.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

import * as account from '../../static/js/view/texts-account.js';
import { texts as first } from '../../static/js/view/texts-en.js';
import { texts as firstInRussian } from '../../static/js/view/texts-ru.js';

const STATIC = fileURLToPath(new URL('../../static/', import.meta.url));
const en = { ...first, ...account.en };
const ru = { ...firstInRussian, ...account.ru };
const forms = (entry) => (typeof entry === 'string' ? [entry] : Object.values(entry));
const slots = (text) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort();

function sources(folder) {
  return fs.readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const name = path.join(folder, entry.name);
    return entry.isDirectory() ? sources(name) : entry.name.endsWith('.js') && !entry.name.startsWith('texts-') ? [name] : [];
  });
}

test('both languages have the same texts', () => {
  assert.deepEqual(Object.keys(ru), Object.keys(en));
  assert.equal(Object.keys(en).length, Object.keys(first).length + Object.keys(account.en).length);
});

test('a text has the same slots in each language and form', () => {
  for (const key of Object.keys(en)) {
    const wanted = slots(forms(en[key])[0]);
    for (const text of [...forms(en[key]), ...forms(ru[key])]) assert.deepEqual(slots(text), wanted, `${key}: ${text}`);
  }
});

test('plurals have every form their language asks for', () => {
  for (const [language, texts] of [['en', en], ['ru', ru]]) {
    const { pluralCategories } = new Intl.PluralRules(language).resolvedOptions();
    for (const [key, entry] of Object.entries(texts)) {
      if (typeof entry === 'string') continue;
      for (const category of pluralCategories) assert.ok(entry[category], `${language} ${key}: no form "${category}"`);
    }
  }
});

test('Russian is in Russian', () => {
  for (const [key, entry] of Object.entries(ru)) {
    if (key === 'announce') continue; // nothing but slots
    for (const text of forms(entry)) assert.match(text, /[а-яё]/i, key);
  }
});

test('every text is used', () => {
  const used = [path.join(STATIC, 'index.html'), ...sources(path.join(STATIC, 'js'))]
    .map((file) => fs.readFileSync(file, 'utf8')).join('\n');
  for (const key of Object.keys(en)) {
    assert.match(used, new RegExp(`['"]${key}['"]`), `nobody says ${key}`);
  }
});

test('index.html asks for every module the page loads, so that none waits for another', () => {
  const page = fs.readFileSync(path.join(STATIC, 'index.html'), 'utf8');
  const wanted = new Set();
  const follow = (file) => {
    if (wanted.has(file)) return;
    wanted.add(file);
    // Only what is imported at once: the other language waits until it is asked for.
    for (const [, name] of fs.readFileSync(file, 'utf8').matchAll(/^(?:import|export)\b[^;]*?from '(\.[^']+)';/gm)) {
      follow(path.resolve(path.dirname(file), name));
    }
  };
  follow(path.join(STATIC, 'js/main.js'));
  const named = [...page.matchAll(/(?:href|src)="(js\/[^"]+)"/g)].map((match) => path.join(STATIC, match[1]));
  wanted.add(path.join(STATIC, 'js/theme.js')); // no module
  assert.deepEqual(named.sort(), [...wanted].sort());
});
