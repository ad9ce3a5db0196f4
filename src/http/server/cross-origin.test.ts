import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildTestApp, encoded, type TestApp } from '../../../test/http/build-test-app.ts';
import type { Access } from '../../access/access.ts';

const HOME = 'https://app.example.com';

/** No key is known. */
const closed: Access = {
  find: () => undefined,
  admit: () => () => {},
  charge: () => {},
};

let test: TestApp;
let png: Buffer;
beforeAll(async () => {
  test = await buildTestApp({ origins: ['http://localhost:5173', HOME], access: closed });
  png = await encoded('png', [0, 40, 255]);
});
afterAll(() => test.app.close());

const preflight = (url: string, origin: string, { app } = test, method = 'POST') =>
  app.inject({
    method: 'OPTIONS',
    url,
    headers: {
      origin,
      'access-control-request-method': method,
      'access-control-request-headers': 'content-type,x-api-key',
    },
  });
const corsHeaders = (headers: object) =>
  Object.keys(headers).filter((name) => name.startsWith('access-control-'));

describe('a page of a listed origin', () => {
  it.each([
    '/v1/predict',
    '/v1/models/colours/predict',
    '/v1/models/colours/versions/1/predict',
    '/v1/predictions/abc',
    '/v1/models',
    '/v2/models/colours',
    '/v2/models/colours/infer',
  ])('may be asked for beforehand, without a key: %s', async (url) => {
    const reply = await preflight(url, HOME);
    expect([reply.statusCode, reply.body]).toEqual([204, '']);
    expect(reply.headers).toMatchObject({
      'access-control-allow-origin': HOME,
      'access-control-allow-methods': 'GET, HEAD, POST',
      'access-control-allow-headers': expect.stringMatching(/authorization.*content-type.*prefer.*x-api-key/),
      'access-control-max-age': '7200',
      vary: 'Origin',
    });
    expect(reply.headers).not.toHaveProperty('access-control-allow-credentials');
  });

  it('may read answers, errors and the headers that go with them', async () => {
    const reply = await test.app.inject({
      method: 'POST',
      url: '/v1/predict',
      headers: { origin: HOME, 'content-type': 'image/png' },
      payload: png,
    });
    expect(reply.statusCode).toBe(401);
    expect(reply.headers).toMatchObject({ 'access-control-allow-origin': HOME, vary: 'Origin' });
    const exposed = String(reply.headers['access-control-expose-headers']).split(', ');
    expect(exposed).toEqual(
      expect.arrayContaining(['retry-after', 'x-request-id', 'location', 'idempotent-replayed']),
    );
  });

  it.each([
    '/v2/repository/models/colours/load',
    '/v2/repository/models/colours/unload',
    '/metrics',
    '/openapi.yaml',
    '/nowhere',
  ])('has no business with %s', async (url) => {
    for (const reply of [
      await preflight(url, HOME),
      await test.app.inject({ url, headers: { origin: HOME } }),
    ]) {
      expect(reply.statusCode).not.toBe(204);
      expect(corsHeaders(reply.headers)).toEqual([]);
    }
  });
});

it('a page of another origin gets no leave', async () => {
  for (const origin of [
    'https://elsewhere.example',
    'null',
    `${HOME}.evil.example`,
    'http://app.example.com',
  ]) {
    const reply = await preflight('/v1/predict', origin);
    expect([reply.statusCode, corsHeaders(reply.headers), reply.headers.vary]).toEqual([405, [], 'Origin']);
  }
});

it('OPTIONS that is no preflight is a method that is not allowed', async () => {
  const reply = await test.app.inject({ method: 'OPTIONS', url: '/v1/predict', headers: { origin: HOME } });
  expect([reply.statusCode, reply.headers.allow]).toEqual([405, 'POST']);
});

it('every page may call where the list has a star', async () => {
  const open = await buildTestApp({ origins: ['*'] });
  const asked = await preflight('/v1/predict', 'https://anywhere.example', open);
  expect([asked.statusCode, asked.headers['access-control-allow-origin']]).toEqual([204, '*']);
  const headers = { origin: 'null', 'content-type': 'image/png' };
  const reply = await open.app.inject({ method: 'POST', url: '/v1/predict', headers, payload: png });
  expect([reply.statusCode, reply.headers['access-control-allow-origin']]).toEqual([200, '*']);
  expect(reply.headers).not.toHaveProperty('vary');
  await open.app.close();
});
