// SPDX-License-Identifier: MIT
// What the layers of the page may use, and what no file may do.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

const STATIC = fileURLToPath(new URL('../../static/', import.meta.url));
const JS = path.join(STATIC, 'js');
/** Each layer uses itself and those named here; main.js puts all together. */
const MAY_USE = { protocol: [], state: ['protocol'], view: ['protocol', 'state'], app: ['protocol', 'state', 'view'] };

function files(folder, extension) {
  return fs.readdirSync(folder, { withFileTypes: true, recursive: false }).flatMap((entry) => {
    const name = path.join(folder, entry.name);
    return entry.isDirectory() ? files(name, extension) : name.endsWith(extension) ? [name] : [];
  });
}

const code = (file) => fs.readFileSync(file, 'utf8').replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');

test('each layer uses only those below it', () => {
  for (const [layer, below] of Object.entries(MAY_USE)) {
    for (const file of files(path.join(JS, layer), '.js')) {
      for (const [, name] of code(file).matchAll(/(?:from|import)\s*\(?'(\.[^']+)'/g)) {
        const used = path.relative(JS, path.resolve(path.dirname(file), name)).split(path.sep)[0];
        assert.ok(used === layer || below.includes(used), `${path.relative(JS, file)} uses ${name}`);
      }
    }
  }
});

test('protocol and state never touch the page', () => {
  for (const file of [...files(path.join(JS, 'protocol'), '.js'), ...files(path.join(JS, 'state'), '.js')]) {
    assert.doesNotMatch(code(file), /\b(document|window|HTMLElement|history\.\w+State)\b/, file);
  }
});

test('what people wrote can only become text: no file makes markup or code from strings', () => {
  for (const file of files(JS, '.js')) {
    assert.doesNotMatch(code(file),
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|DOMParser|\beval\b|new Function|srcdoc|setTimeout\(\s*['"`]/, file);
  }
});

test('the page has no inline script or style, and asks no other host for anything', () => {
  const page = fs.readFileSync(path.join(STATIC, 'index.html'), 'utf8');
  assert.doesNotMatch(page, /\son\w+=|\sstyle=|<style|javascript:/i);
  for (const [, attributes] of page.matchAll(/<script([^>]*)>/g)) assert.match(attributes, /\ssrc="js\//);
  for (const [, address] of page.matchAll(/\s(?:src|href|action)="([^"]*)"/g)) assert.doesNotMatch(address, /^(\w+:|\/)/);
  for (const file of files(path.join(STATIC, 'css'), '.css')) assert.doesNotMatch(code(file), /url\(|@import/, file);
});
