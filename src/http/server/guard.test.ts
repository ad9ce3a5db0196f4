import { pino } from 'pino';
import { afterAll, describe, expect, it } from 'vitest';
import { bearer, keys, openGuardedApp } from '../../../test/http/guarded-app.ts';
import { createKey, digestOf } from '../../access/index.ts';
import { createFastify } from './fastify.ts';
import { guard } from './guard.ts';

const silent = { predictionRoute: () => {}, requestStarted: () => {}, requestFinished: () => {} };
const LIMITS = { bodyBytes: 1000, uploadBytes: 1000, requestTimeoutMs: 1000, connections: 10 };
const test = await openGuardedApp();
afterAll(() => test.close());
const { get, predict } = test;

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
