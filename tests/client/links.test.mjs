// SPDX-License-Identifier: MIT
// Web addresses in messages.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { splitLinks } from '../../static/js/view/links.js';

/** @param {string} text @returns {string[]} the addresses as they stand in the text */
function links(text) {
  return splitLinks(text).filter((part) => part.href !== null).map((part) => part.text);
}

test('the parts joined are the text again', () => {
  for (const text of ['', 'no link', 'http://a.example', ' http://a.example ', 'http://a.example http://b.example',
    'x (http://a.example/b_(c)). y', 'http://', 'http://[', 'https://a.example/\u202e']) {
    assert.equal(splitLinks(text).map((part) => part.text).join(''), text);
  }
});

test('punctuation after an address belongs to the sentence', () => {
  assert.deepEqual(links('See http://a.example/b.'), ['http://a.example/b']);
  assert.deepEqual(links('http://a.example/?q=1, https://b.example/#c!?…'),
    ['http://a.example/?q=1', 'https://b.example/#c']);
  assert.deepEqual(links('*http://a.example/* “http://b.example”'), ['http://a.example/', 'http://b.example']);
});

test('a bracket belongs to the address that opened it', () => {
  assert.deepEqual(links('(http://a.example/b)'), ['http://a.example/b']);
  assert.deepEqual(links('(http://a.example/b_(c))'), ['http://a.example/b_(c)']);
  assert.deepEqual(links('[http://a.example/?b[]=1]'), ['http://a.example/?b[]=1']);
});

test('only http and https are addresses', () => {
  for (const text of ['javascript:alert(1)', 'data:text/html,x', 'ftp://a.example', 'xhttp://a.example',
    'http://', 'http://:1', '//a.example', 'javascript:http']) {
    assert.deepEqual(links(text), [], text);
  }
  assert.deepEqual(links('HTTPS://A.example/B'), ['HTTPS://A.example/B']);
});

test('what is linked is the normal form', () => {
  const [part] = splitLinks('HTTP://A.example/ä');
  assert.equal(part?.href, 'http://a.example/%C3%A4');
});

test('what is too long for an address is text, and brackets without number are no trouble', () => {
  const long = `http://a.example/${'b'.repeat(2_000)}`;
  assert.deepEqual(links(long), []);
  assert.deepEqual(links(`http://a.example/x${')'.repeat(1_900)}`), ['http://a.example/x']);
  assert.deepEqual(links(`http://a.example/${'('.repeat(900)}${')'.repeat(1_000)}`), [`http://a.example/${'('.repeat(900)}${')'.repeat(900)}`]);
});

test('characters that turn the direction are not part of an address', () => {
  assert.deepEqual(links('https://a.example/\u202egnp.exe'), ['https://a.example/']);
  assert.deepEqual(links('https://a.example/\u2066x'), ['https://a.example/']);
});
