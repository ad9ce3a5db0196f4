import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { buildTestApp, type TestApp } from '../../../test/http/build-test-app.ts';
import { ServiceError } from '../../errors.ts';

let test: TestApp;
beforeAll(async () => {
  test = await buildTestApp();
});
afterEach(() => {
  test.control.asked.length = 0;
  test.seen.phase = 'serving';
});
afterAll(() => test.app.close());

const post = (url: string, payload?: object | string, headers: Record<string, string> = {}) =>
  test.app.inject({ method: 'POST', url, headers, ...(payload !== undefined && { payload }) });
const LOAD = '/v2/repository/models/colours/load';
const UNLOAD = '/v2/repository/models/colours/unload';

describe('the index', () => {
  const READY = ['1', '2'].map((version) => ({ name: 'colours', version, state: 'READY', reason: '' }));
  const FAILED = { name: 'colours', version: '3', state: 'UNAVAILABLE', reason: 'The graph is broken.' };

  it.each([undefined, {}, { ready: false }])('lists every version for the body %j', async (body) => {
    const reply = await post('/v2/repository/index', body);
    expect([reply.statusCode, reply.json()]).toEqual([200, [...READY, FAILED]]);
  });

  it('lists those that are ready alone where it is asked to', async () => {
    expect((await post('/v2/repository/index', { ready: true })).json()).toEqual(READY);
  });

  it.each(['no JSON', '[]', '{"ready":1}'])('refuses the body %s', async (body) => {
    const reply = await post('/v2/repository/index', body, { 'content-type': 'application/json' });
    expect([reply.statusCode, reply.json()]).toEqual([400, { error: expect.any(String) }]);
  });
});

describe.each([
  ['load', LOAD],
  ['unload', UNLOAD],
])('a request to %s', (what, url) => {
  // Without a body, as curl sends it, and with the bodies of tritonclient, which gives no content type.
  it.each([undefined, '', '{}', '{"parameters":{"unload_dependents":false}}'])(
    'is done for the body %j, and answered with none',
    async (body) => {
      const reply = await post(url, body);
      expect([reply.statusCode, reply.body]).toEqual([200, '']);
      expect(test.control.asked).toEqual([`${what} colours`]);
    },
  );

  it.each([
    ['config', { config: '{}' }],
    ['file:1/model.onnx', { 'file:1/model.onnx': 'AAAA' }],
  ])('may not set the parameter %s', async (name, parameters) => {
    const reply = await post(url, { parameters });
    expect([reply.statusCode, reply.json()]).toEqual([
      400,
      { error: `The parameter "${name}" is not supported: a model is what the repository holds.` },
    ]);
    expect(test.control.asked).toEqual([]);
  });

  it('says why it could not be done', async () => {
    test.control.failWith = new ServiceError('invalid_request', 'The model is broken.');
    const failed = await post(url);
    expect([failed.statusCode, failed.json()]).toEqual([400, { error: 'The model is broken.' }]);
    const unknown = await post(url.replace('colours', 'shapes'));
    expect([unknown.statusCode, unknown.json()]).toEqual([
      404,
      { error: 'The repository has no model "shapes".' },
    ]);
  });

  // Over plain http browsers send only the origin.
  it.each([
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site', origin: 'http://dent.here:8080' },
    { origin: 'http://evil.test' },
    { origin: 'http://dent.here' },
    { origin: 'http://dent.here:8081' },
    { origin: 'http://dent.here.evil.test:8080' },
    { origin: 'null' },
    { origin: '' },
    { origin: 'null', 'sec-fetch-site': 'none' },
  ])('is refused to pages of other sites: %o', async (headers) => {
    const foreign = await post(url, undefined, { host: 'dent.here:8080', ...headers });
    expect([foreign.statusCode, foreign.json()]).toEqual([
      403,
      { error: 'A page of another site may not change anything here.' },
    ]);
    expect(test.control.asked).toHaveLength(0);
  });

  it.each([
    {},
    { 'sec-fetch-site': 'none' },
    { 'sec-fetch-site': 'same-origin', origin: 'https://public.name' },
    { origin: 'http://dent.here:8080' },
    { origin: 'https://dent.here:8080' },
    { host: 'dent.here', origin: 'https://dent.here' },
    { host: 'dent.here:443', origin: 'https://dent.here' },
  ])('is done for programs and for its own pages: %o', async (headers) => {
    const own = await post(url, undefined, { host: 'dent.here:8080', ...headers });
    expect(own.statusCode).toBe(200);
  });

  it('is refused while the service shuts down', async () => {
    test.seen.phase = 'refusing';
    expect((await post(url)).statusCode).toBe(503);
    expect(test.control.asked).toHaveLength(0);
  });

  it('takes no path for a name', async () => {
    for (const name of ['..', '..%2Fcolours', '%2e%2e%2fcolours']) {
      expect((await post(url.replace('colours', name))).statusCode).toBe(404);
    }
  });

  it('is a post', async () => {
    const reply = await test.app.inject({ method: 'GET', url });
    expect([reply.statusCode, reply.headers.allow]).toEqual([405, 'POST']);
  });
});
