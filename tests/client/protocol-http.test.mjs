// SPDX-License-Identifier: MIT
// The HTTP calls: what is asked, and what is made of the answers.
// @ts-check

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError, HttpApi, retryAfterSeconds } from '../../static/js/protocol/chatd.js';

/**
 * @param {number} status
 * @param {unknown} body  an object is sent as JSON
 * @param {Record<string, string>} [headers]
 */
function apiAnswering(status, body, headers = {}) {
  /** @type {{url: string, request: RequestInit}[]} */ const asked = [];
  const api = new HttpApi('https://chat.example/sub/', {
    fetch: async (url, request) => {
      asked.push({ url: url.href, request });
      return new Response(typeof body === 'string' ? body : JSON.stringify(body), { status, headers });
    },
  });
  return { api, asked };
}

/** @param {Promise<unknown>} call @returns {Promise<ApiError>} */
function failure(call) {
  return call.then(() => assert.fail('it went well'), (error) => {
    assert.ok(error instanceof ApiError);
    return error;
  });
}

test('me() is the name we are signed in with', async () => {
  const { api, asked } = apiAnswering(200, { user: 'alice', expires: 5 });
  assert.equal(await api.me(), 'alice');
  assert.equal(asked[0]?.url, 'https://chat.example/sub/api/v1/me');
  assert.equal(asked[0]?.request.method, 'GET');
  assert.equal(asked[0]?.request.cache, 'no-store');
  assert.equal(asked[0]?.request.credentials, 'same-origin');
});

test('renew() asks for a later end and says whose', async () => {
  const { api, asked } = apiAnswering(200, { user: 'alice', expires: 5 });
  assert.equal(await api.renew(), 'alice');
  assert.equal(asked[0]?.url, 'https://chat.example/sub/api/v1/session');
  assert.equal(asked[0]?.request.method, 'POST');
  assert.equal(asked[0]?.request.body, '{}');
});

for (const body of [{}, { user: 5 }, { user: '' }, [], 'no json', 'null']) {
  test(`me() without a name is an error: ${JSON.stringify(body)}`, async () => {
    assert.equal((await failure(apiAnswering(200, body).api.me())).code, 'internal');
  });
}

test('rooms() are names, and only names that are good', async () => {
  const rooms = [{ room: 'general', members: 2 }, { room: 'two words' }, { room: 5 }, null, 'x', { room: 'café' }];
  assert.deepEqual(await apiAnswering(200, { rooms }).api.rooms(), ['general', 'café']);
});

test('a server without a list has no rooms to show', async () => {
  assert.deepEqual(await apiAnswering(404, { error: { code: 'not_found' } }).api.rooms(), []);
  assert.deepEqual(await apiAnswering(200, { rooms: 'none' }).api.rooms(), []);
});

test('rooms() hands other errors on', async () => {
  assert.equal((await failure(apiAnswering(401, {}).api.rooms())).status, 401);
});

for (const name of /** @type {const} */ (['register', 'login'])) {
  test(`${name}() posts name and password as JSON`, async () => {
    const { api, asked } = apiAnswering(200, {});
    await api[name]('alice', 'correct horse');
    assert.equal(asked[0]?.url, `https://chat.example/sub/${name}`);
    assert.equal(asked[0]?.request.method, 'POST');
    assert.deepEqual(JSON.parse(String(asked[0]?.request.body)), { user: 'alice', password: 'correct horse' });
    assert.deepEqual(asked[0]?.request.headers, { 'Content-Type': 'application/json' });
  });
}

test('logoutAll() and changePassword() post', async () => {
  const { api, asked } = apiAnswering(200, {});
  await api.logoutAll();
  await api.changePassword('old one', 'new one');
  assert.deepEqual(asked.map(({ url }) => url), [
    'https://chat.example/sub/api/v1/logout-all', 'https://chat.example/sub/api/v1/password']);
  assert.deepEqual(JSON.parse(String(asked[1]?.request.body)), { old: 'old one', new: 'new one' });
});

test('logout() posts', async () => {
  const { api, asked } = apiAnswering(200, '');
  await api.logout();
  assert.equal(asked[0]?.url, 'https://chat.example/sub/logout');
  assert.equal(asked[0]?.request.method, 'POST');
});

test('an error has status, code, message and when to come back', async () => {
  const body = { error: { code: 'rate_limited', message: 'Slow down.' } };
  const { status, code, message, retrySeconds } = await failure(
    apiAnswering(429, body, { 'Retry-After': '12' }).api.login('a', 'b'));
  assert.deepEqual({ status, code, message, retrySeconds },
    { status: 429, code: 'rate_limited', message: 'Slow down.', retrySeconds: 12 });
});

for (const body of ['<html>Bad gateway</html>', '', 'null', '[]', { error: null }, { error: 'x' }, { error: { code: 5 } }]) {
  test(`an error page of a proxy is an error by its status: ${JSON.stringify(body)}`, async () => {
    const { status, code, message } = await failure(apiAnswering(502, body).api.me());
    assert.deepEqual({ status, code, message }, { status: 502, code: '', message: '' });
  });
}

test('no answer has status 0', async () => {
  const api = new HttpApi(new URL('http://localhost/'), { fetch: () => Promise.reject(new TypeError('refused')) });
  const { status, code } = await failure(api.me());
  assert.deepEqual({ status, code }, { status: 0, code: 'unreachable' });
});

test('Retry-After holds seconds or a date', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  assert.equal(retryAfterSeconds(null), 0);
  assert.equal(retryAfterSeconds('30'), 30);
  assert.equal(retryAfterSeconds(' 30 '), 30);
  assert.equal(retryAfterSeconds('Thu, 01 Jan 2026 00:00:10 GMT', now), 10);
  assert.equal(retryAfterSeconds('Thu, 01 Jan 2020 00:00:00 GMT', now), 0);
  assert.equal(retryAfterSeconds('soon', now), 0);
});
