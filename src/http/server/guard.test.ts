import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { buildTestApp, encoded, type TestApp } from '../../../test/http/build-test-app.ts';
import { createKey, digestOf, type Keyring, openKeyring } from '../../access/index.ts';
import { createFastify } from './fastify.ts';
import { guard } from './guard.ts';

/** Keys by their scope. */
const keys = {
  app: createKey(),
  other: createKey(),
  admin: createKey(),
  prometheus: createKey(),
  one: createKey(),
  slow: createKey(),
  list: createKey(),
  rows: createKey(),
  blind: createKey(),
};
const ENTRIES = [
  { name: 'app', sha256: digestOf(keys.app), scopes: ['predict'], priorities: [2, 3], defaultPriority: 3 },
  { name: 'other', sha256: digestOf(keys.other), scopes: ['predict'], recipes: ['static'] },
  { name: 'admin', sha256: digestOf(keys.admin), scopes: ['admin'] },
  { name: 'prometheus', sha256: digestOf(keys.prometheus), scopes: ['metrics'] },
  { name: 'one', sha256: digestOf(keys.one), scopes: ['predict'], concurrency: 1 },
  { name: 'list', sha256: digestOf(keys.list), scopes: ['predict'], rate: { perSecond: 0.1, burst: 3 } },
  { name: 'rows', sha256: digestOf(keys.rows), scopes: ['predict'], rate: { perSecond: 0.1, burst: 3 } },
  { name: 'blind', sha256: digestOf(keys.blind), scopes: ['predict'], static: false },
  { name: 'slow', sha256: digestOf(keys.slow), scopes: ['predict'], rate: { perSecond: 0.1, burst: 2 } },
];

const silent = { predictionRoute: () => {}, requestStarted: () => {}, requestFinished: () => {} };
const LIMITS = { bodyBytes: 1000, uploadBytes: 1000, requestTimeoutMs: 1000, connections: 10 };

let folder: string;
let keyring: Keyring;
let test: TestApp;
let png: Buffer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dent-guard-'));
  const file = join(folder, 'keys.json');
  await writeFile(file, JSON.stringify({ keys: ENTRIES }));
  keyring = await openKeyring(file, { read: () => {}, failed: () => {} });
  test = await buildTestApp({ access: keyring });
  png = await encoded('png', [0, 255, 40]);
});
afterAll(async () => {
  await test.app.close();
  keyring.close();
  await rm(folder, { recursive: true });
});

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
const get = (url: string, headers = {}) => test.app.inject({ url, headers });
const predict = (headers: Record<string, string> = {}, url = '/v1/predict') =>
  test.app.inject({
    method: 'POST',
    url,
    headers: { 'content-type': 'image/png', ...headers },
    payload: png,
  });

describe('a key', () => {
  it.each([
    ['Authorization: Bearer', bearer(keys.app)],
    ['authorization: bearer', { authorization: `bearer  ${keys.app}` }],
    ['X-API-Key', { 'x-api-key': keys.app }],
    ["X-API-Key beside a proxy's authorization", { 'x-api-key': keys.app, authorization: 'Basic eDp5' }],
    ["X-API-Key beside a proxy's token", { 'x-api-key': keys.app, authorization: 'Bearer ey.of.proxy' }],
    ['Authorization beside the key of another', { ...bearer(keys.app), 'x-api-key': 'theirs' }],
  ])('is taken as %s', async (_, headers) => {
    expect((await predict(headers)).statusCode).toBe(200);
    expect(test.inference.requests.at(-1)).toMatchObject({ caller: 'app', priority: 3 });
    expect(test.lines.at(-1)).toMatchObject({ msg: 'request', caller: 'app' });
  });

  it.each([
    ['none', {}, 'Bearer realm="dent-serve"'],
    ['an empty one', { 'x-api-key': '' }, 'Bearer realm="dent-serve"'],
    ['behind another scheme', { authorization: `Basic Bearer ${keys.app}` }, 'Bearer realm="dent-serve"'],
    ['before other words', { authorization: `Bearer ${keys.app} too` }, 'Bearer realm="dent-serve"'],
    ['in one word with its scheme', { authorization: `Bearer${keys.app}` }, 'Bearer realm="dent-serve"'],
    ['one that nobody has', bearer(createKey()), 'Bearer realm="dent-serve", error="invalid_token"'],
    ['the digest of one', bearer(digestOf(keys.app)), 'Bearer realm="dent-serve", error="invalid_token"'],
    ['the name of one', { 'x-api-key': 'app' }, 'Bearer realm="dent-serve", error="invalid_token"'],
  ])('that is %s is answered with 401', async (_, headers, challenge) => {
    const calls = test.inference.requests.length;
    const reply = await predict(headers);
    expect(reply.statusCode).toBe(401);
    expect(reply.headers['www-authenticate']).toBe(challenge);
    expect(reply.json().code).toBe('unauthorized');
    expect(test.inference.requests).toHaveLength(calls);
  });

  it('is in no answer and no line of the log, good or bad', async () => {
    const bad = createKey();
    test.inference.failWith = new TypeError('broken');
    const replies = [
      await predict(bearer(keys.app)),
      await predict(bearer(bad)),
      await predict({ 'x-api-key': bad }),
    ];
    replies.push(await get('/metrics', bearer(keys.app)));
    const told = JSON.stringify([test.lines, replies.map(({ body, headers }) => [body, headers])]);
    for (const key of [keys.app, bad]) expect(told).not.toContain(key);
    expect(told).not.toContain(digestOf(keys.app));
  });
});

describe('the scope', () => {
  it.each([
    ['/v1/predictions/none', { app: 404, admin: 403, prometheus: 403 }],
    ['/v1/models', { app: 200, admin: 200, prometheus: 200 }],
    ['/v1/models/colours', { app: 200, admin: 200, prometheus: 200 }],
    ['/metrics', { app: 403, admin: 403, prometheus: 200 }],
    // Totals of all callers, in both spellings of the path.
    ['/v2/models/stats', { app: 403, admin: 403, prometheus: 200 }],
    ['/v2/models/colours/stats', { app: 403, admin: 403, prometheus: 200 }],
    ['/v2/models/colours/versions/2/stats', { app: 403, admin: 403, prometheus: 200 }],
  ])('of %s is asked for', async (url, expected) => {
    expect((await get(url)).statusCode).toBe(401);
    for (const [name, status] of Object.entries(expected)) {
      const reply = await get(url, bearer(keys[name as keyof typeof keys]));
      expect([name, reply.statusCode]).toEqual([name, status]);
      if (status === 403) expect(reply.json().code ?? reply.json().error).toMatch(/forbidden|has no scope/);
    }
  });

  it('of loading and unloading models is admin', async () => {
    for (const what of ['load', 'unload']) {
      const url = `/v2/repository/models/colours/${what}`;
      const ask = (key: string) => test.app.inject({ method: 'POST', url, headers: bearer(key) });
      expect((await ask(keys.admin)).statusCode).toBe(200);
      const refused = await ask(keys.app);
      expect([refused.statusCode, refused.json()]).toEqual([
        403,
        { error: 'The key "app" has no scope "admin".' },
      ]);
    }
  });

  it('of predictions is predict', async () => {
    const reply = await predict(bearer(keys.prometheus));
    expect(reply.statusCode).toBe(403);
    expect(reply.json().detail).toBe('The key "prometheus" has no scope "predict".');
  });

  it.each(['/v2/health/live', '/v2/health/ready', '/openapi.yaml', '/docs', '/docs/static/index.css'])(
    'of %s is nobody’s business',
    async (url) => {
      expect((await get(url)).statusCode).toBe(200);
    },
  );

  it.each([
    ['nobody', {}, false],
    ['somebody with a key that nobody has', bearer('dent_x'), false],
    ['a caller who predicts', bearer(keys.app), false],
    ['a caller who administers', bearer(keys.admin), true],
    ['a caller who measures', bearer(keys.prometheus), true],
  ])('of the reasons that keep it from being ready: %s', async (_, headers, isTold) => {
    test.inference.reasons = ['Redis at 10.0.0.7:6379 does not answer.'];
    const reply = await get('/v2/health/ready', headers);
    test.inference.reasons = [];
    expect(reply.statusCode).toBe(503);
    const [reason] = reply.json().reasons;
    if (isTold) expect(reason).toBe('Redis at 10.0.0.7:6379 does not answer.');
    else expect(reason).toMatch(/^The service cannot answer requests at present\./);
    expect(reply.body.includes('10.0.0.7')).toBe(isTold);
  });

  it('is declared by every route', async () => {
    const app = createFastify({ observer: silent, logger: pino({ level: 'silent' }) }, LIMITS);
    guard(app, undefined);
    await app.register(async (child) => {
      child.get('/open', { config: { scope: 'open' } }, async () => '');
      child.get('/secret', async () => '');
    });
    await expect(app.ready()).rejects.toThrow('The route GET /secret does not declare its scope.');
  });

  it('of a path without a route is not asked for, and its body not read', async () => {
    const reply = await predict({}, '/nowhere');
    expect([reply.statusCode, reply.json().code]).toEqual([404, 'not_found']);
  });
});

describe('what a key may use', () => {
  it('are its recipes', async () => {
    const refused = await predict(bearer(keys.other));
    expect([refused.statusCode, refused.json().code]).toEqual([403, 'forbidden']);
    expect(test.inference.requests.at(-1)).toMatchObject({ caller: 'other', recipes: ['static'] });
  });

  it('are its priorities', async () => {
    const refused = await predict({ ...bearer(keys.app), 'dent-priority': '1' });
    expect([refused.statusCode, refused.json().code]).toEqual([403, 'forbidden']);
    expect(refused.json().detail).toBe('The key "app" may not use the priority 1; it has 2, 3.');
    expect((await predict({ ...bearer(keys.app), 'dent-priority': '2' })).statusCode).toBe(200);
    expect(test.inference.requests.at(-1)).toMatchObject({ priority: 2 });
  });

  it('are predictions of its own', async () => {
    const accepted = await predict({ ...bearer(keys.app), prefer: 'respond-async' });
    expect(accepted.statusCode).toBe(202);
    const { location } = accepted.headers;
    const mine = await vi.waitFor(async () => {
      const reply = await get(location!, bearer(keys.app));
      expect(reply.statusCode).toBe(200);
      return reply;
    });
    expect(mine.json().predictions[0].label).toBe('green');
    const theirs = await get(location!, bearer(keys.other));
    expect([theirs.statusCode, theirs.json().code]).toEqual([404, 'unknown_prediction']);
  });
});

describe('a key that is not told what the model predicts as it is', () => {
  const hidden = ['static', 'trace', 'entropy_before', 'label_changed'];
  const fieldsOf = ({ adaptation, ...prediction }: Record<string, object>) =>
    [...Object.keys(prediction), ...Object.keys(adaptation!)].filter((field) => hidden.includes(field));
  const infer = (key: string, outputs?: object[]) =>
    test.app.inject({
      method: 'POST',
      url: '/v2/models/colours/infer',
      headers: bearer(key),
      payload: {
        inputs: [{ name: 'pixels', datatype: 'UINT8', shape: [1, 3, 4, 4], data: Array(48).fill(1) }],
        ...(outputs && { outputs }),
      },
    });

  it('gets predictions without it, and others all of them', async () => {
    expect(fieldsOf((await predict(bearer(keys.blind), '/v1/predict?trace=true')).json())).toEqual([]);
    expect(test.inference.requests.at(-1)).toMatchObject({ hidesStatic: true });
    expect(fieldsOf((await predict(bearer(keys.app), '/v1/predict?trace=true')).json())).toEqual(hidden);
    expect(test.inference.requests.at(-1)).not.toHaveProperty('hidesStatic');
  });

  it('gets those of several images without it', async () => {
    const images = [png.toString('base64'), png.toString('base64')];
    const payload = JSON.stringify({ images });
    const headers = { ...bearer(keys.blind), 'content-type': 'application/json' };
    const reply = await test.app.inject({ method: 'POST', url: '/v1/predict', headers, payload });
    expect(reply.json().results.map(fieldsOf)).toEqual([[], []]);
  });

  it('gets what it asks for later without it', async () => {
    const { location } = (await predict({ ...bearer(keys.blind), prefer: 'respond-async' })).headers;
    await vi.waitFor(async () => {
      const reply = await get(location!, bearer(keys.blind));
      expect([reply.statusCode, fieldsOf(reply.json())]).toEqual([200, []]);
    });
  });

  it('gets tensors without it', async () => {
    const { parameters, outputs } = (await infer(keys.blind)).json();
    expect(outputs.map(({ name }: { name: string }) => name)).toEqual(['scores']);
    expect(Object.keys(parameters)).not.toContain('entropy_before');
    expect(Object.keys(parameters)).not.toContain('label_changes');
    for (const name of ['static_logits', 'entropy']) {
      expect((await infer(keys.blind, [{ name }])).statusCode).toBe(400);
      expect((await infer(keys.app, [{ name }])).statusCode).toBe(200);
    }
  });

  it('reads of no such outputs', async () => {
    const isTold = async (url: string, key: string) =>
      (await get(url, bearer(key))).body.includes('static_logits');
    for (const url of ['/v2/models/colours', '/v2/models/colours/config', '/v2/models/colours/versions/2']) {
      expect([url, await isTold(url, keys.blind), await isTold(url, keys.app)]).toEqual([url, false, true]);
    }
  });
});

describe('the limits of a key', () => {
  it('hold requests under way, until they end', async () => {
    test.inference.delayMs = 200;
    const first = predict(bearer(keys.one));
    await vi.waitFor(() => expect(test.inference.requests.at(-1)).toMatchObject({ caller: 'one' }));
    const second = await predict(bearer(keys.one));
    expect([second.statusCode, second.json().code]).toEqual([429, 'rate_limited']);
    expect(second.headers['retry-after']).toBe('1');
    expect((await first).statusCode).toBe(200);
    test.inference.delayMs = 0;
    expect((await predict(bearer(keys.one))).statusCode).toBe(200);
  });

  it('hold the rate, and say when to come back', async () => {
    for (const status of [200, 200, 429]) {
      const reply = await predict(bearer(keys.slow));
      expect(reply.statusCode).toBe(status);
      if (status === 429) expect(Number(reply.headers['retry-after'])).toBeGreaterThan(8);
    }
    expect((await predict(bearer(keys.app))).statusCode).toBe(200);
  });

  it('count the images of a request, and a tensor once', async () => {
    const images = Array(3).fill(png.toString('base64'));
    const list = () =>
      test.app.inject({
        method: 'POST',
        url: '/v1/predict',
        headers: bearer(keys.list),
        payload: { images },
      });
    expect((await list()).statusCode).toBe(200);
    const next = await list();
    expect([next.statusCode, next.json().code, next.headers['retry-after']]).toEqual([
      429,
      'rate_limited',
      '10',
    ]);

    const data = Array(2 * 48).fill(1);
    const rows = () =>
      test.app.inject({
        method: 'POST',
        url: '/v2/models/colours/infer',
        headers: bearer(keys.rows),
        payload: { inputs: [{ name: 'pixels', shape: [2, 3, 4, 4], datatype: 'FP32', data }] },
      });
    for (let i = 0; i < 3; i++) expect((await rows()).statusCode).toBe(200);
    const fourth = await rows();
    expect([fourth.statusCode, fourth.headers['retry-after']]).toEqual([429, '10']);
  });
});
