import { readFile } from 'node:fs/promises';
import Value from 'typebox/value';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { buildTestApp, encoded, type TestApp } from '../../../test/http/build-test-app.ts';
import { type ErrorCode, ServiceError } from '../../errors.ts';
import { ERROR_STATUS } from './error-status.ts';
import { ProblemSchema } from './problem.ts';

let test: TestApp;
let green: Buffer;
beforeAll(async () => {
  test = await buildTestApp();
  green = await encoded('png', [0, 255, 40]);
});
afterEach(() => {
  test.seen.phase = 'serving';
  test.inference.reasons = [];
  test.inference.delayMs = 0;
});
afterAll(() => test.app.close());

const get = (url: string, headers = {}) => test.app.inject({ method: 'GET', url, headers });
const predict = (url = '/v1/predict', headers = {}) =>
  test.app.inject({
    method: 'POST',
    url,
    headers: { 'content-type': 'image/png', ...headers },
    payload: green,
  });

describe('errors', () => {
  it.each(Object.keys(ERROR_STATUS) as ErrorCode[])('%s becomes a problem with its status', async (code) => {
    test.inference.failWith = new ServiceError(code, 'What happened.', { cause: new Error('secret') });
    const reply = await predict();
    expect(reply.statusCode).toBe(ERROR_STATUS[code]);
    expect(reply.headers['content-type']).toBe('application/problem+json');
    const problem = reply.json();
    expect(Value.Check(ProblemSchema, problem)).toBe(true);
    expect(problem).toMatchObject({ status: ERROR_STATUS[code], code, type: `urn:dent-serve:error:${code}` });
    expect(problem.detail).toBe(
      code === 'internal'
        ? 'Something went wrong inside the service; its log has the request id.'
        : 'What happened.',
    );
    expect(reply.body).not.toContain('secret');
    const waits = ERROR_STATUS[code] === 429 || ERROR_STATUS[code] === 503;
    expect(reply.headers['retry-after']).toBe(waits ? '1' : undefined);
  });

  it('say when to come back, in whole seconds', async () => {
    for (const [seconds, header] of [
      [7, '7'],
      [2.2, '3'],
      [0, '1'],
    ] as const) {
      test.inference.failWith = new ServiceError('queue_full', 'Full.', { retryAfterSeconds: seconds });
      expect((await predict()).headers['retry-after']).toBe(header);
    }
  });

  it('of the code are told to the log, not to the caller', async () => {
    test.inference.failWith = new TypeError('password is hunter2');
    const reply = await predict();
    expect(reply.statusCode).toBe(500);
    expect(reply.json().code).toBe('internal');
    expect(reply.body).not.toMatch(/hunter2|TypeError|at /);
    const lines = test.lines.filter((each) => each.reqId === reply.headers['x-request-id']);
    expect(lines).toMatchObject([
      {
        level: 50,
        err: { type: 'TypeError', message: 'password is hunter2', stack: expect.stringContaining('.ts:') },
      },
      { level: 30, status: 500, error: 'internal' },
    ]);
  });

  it('of a broken connection inside are internal, not the client hanging up', async () => {
    test.inference.failWith = Object.assign(new Error('read ECONNRESET'), {
      code: 'ECONNRESET',
      statusCode: 400,
    });
    expect((await predict()).json()).toMatchObject({ status: 500, code: 'internal' });
  });

  it('are all in docs/errors.md, with their status', async () => {
    const page = await readFile('docs/errors.md', 'utf8');
    const rows = [...page.matchAll(/^\| `(\w+)` \| (\d+) \|/gm)].map(([, code, status]) => [
      code,
      Number(status),
    ]);
    expect(Object.fromEntries(rows)).toEqual(ERROR_STATUS);
    expect(rows).toHaveLength(Object.keys(ERROR_STATUS).length);
  });

  it('of /v2 are what the Open Inference Protocol asks for', async () => {
    const missing = await get('/v2/nothing');
    expect(missing.statusCode).toBe(404);
    expect(missing.headers['content-type']).toBe('application/json');
    expect(missing.json()).toEqual({
      error: 'There is nothing at /v2/nothing; /openapi.yaml lists the paths.',
    });
    const wrong = await test.app.inject({ method: 'DELETE', url: '/v2/health/live' });
    expect([wrong.statusCode, wrong.json()]).toEqual([
      405,
      { error: 'DELETE is not allowed here; allowed: GET, HEAD.' },
    ]);
  });
});

describe('methods', () => {
  it.each([
    ['/v1/predict', 'POST'],
    ['/v1/models/colours/predict', 'POST'],
    ['/v1/models/colours/versions/1/predict', 'POST'],
    ['/v1/models', 'GET, HEAD'],
    ['/v1/models/colours', 'GET, HEAD'],
    ['/metrics', 'GET, HEAD'],
    ['/openapi.yaml', 'GET, HEAD'],
  ])('of %s are %s', async (url, allow) => {
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE'] as const) {
      if (allow.includes(method)) continue;
      const reply = await test.app.inject({
        method: method as 'GET',
        url,
        headers: { 'content-type': 'text/plain' },
        ...(method !== 'TRACE' && method !== 'GET' && { payload: 'x' }),
      });
      expect([method, reply.statusCode, reply.headers.allow]).toEqual([method, 405, allow]);
      expect(reply.json()).toMatchObject({ code: 'method_not_allowed' });
    }
  });

  it('include HEAD where they include GET', async () => {
    const reply = await test.app.inject({ method: 'HEAD', url: '/v1/models' });
    expect([reply.statusCode, reply.body]).toEqual([200, '']);
  });
});

describe('models', () => {
  it('are listed and described', async () => {
    const { models } = (await get('/v1/models')).json();
    expect(models).toEqual(test.inference.models());
    expect((await get('/v1/models/colours')).json()).toEqual(models[0]);
  });

  it('are refused where they are unknown or asked for wrongly', async () => {
    expect((await get('/v1/models/shapes')).json()).toMatchObject({ status: 404, code: 'unknown_model' });
    expect((await get('/v1/models?page=2')).json()).toMatchObject({
      status: 400,
      detail: 'There is no query parameter "page"; there are none here.',
    });
  });
});

describe('health', () => {
  it('is live always, and ready while requests should come', async () => {
    expect((await get('/v2/health/live')).json()).toEqual({ live: true });
    const ready = await get('/v2/health/ready?verbose');
    expect([ready.statusCode, ready.json()]).toEqual([200, { ready: true }]);

    test.inference.warned = ['No worker has the model "colours:2".'];
    const warned = await get('/v2/health/ready');
    expect([warned.statusCode, warned.json()]).toEqual([
      200,
      { ready: true, warnings: ['No worker has the model "colours:2".'] },
    ]);
    test.inference.warned = [];

    test.inference.reasons = ['The model is loading.'];
    const loading = await get('/v2/health/ready');
    expect([loading.statusCode, loading.json()]).toEqual([
      503,
      { ready: false, reasons: ['The model is loading.'] },
    ]);

    test.seen.phase = 'draining';
    expect((await get('/v2/health/ready')).json().reasons).toEqual([
      'The service is shutting down.',
      'The model is loading.',
    ]);
    expect((await get('/v2/health/live')).statusCode).toBe(200);
  });
});

describe('draining', () => {
  it('serves predictions and asks for other connections', async () => {
    expect((await predict()).headers.connection).toBe('keep-alive');
    test.seen.phase = 'draining';
    const reply = await predict();
    expect([reply.statusCode, reply.headers.connection]).toEqual([200, 'close']);
  });

  it('then refuses predictions and nothing else', async () => {
    test.seen.phase = 'refusing';
    const calls = test.inference.requests.length;
    const reply = await predict('/v1/models/colours/predict');
    expect(reply.statusCode).toBe(503);
    expect(reply.headers).toMatchObject({ 'retry-after': '1', connection: 'close' });
    expect(reply.json()).toMatchObject({ code: 'draining', detail: 'The service is shutting down.' });
    expect(test.inference.requests).toHaveLength(calls);
    expect((await get('/v1/models')).statusCode).toBe(200);
  });
});

describe('documents', () => {
  it('are the metrics', async () => {
    const reply = await get('/metrics');
    expect(reply.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(reply.body).toBe('# HELP dent_ready Whether.\n');
  });

  it('are the OpenAPI document and a page that loads nothing from elsewhere', async () => {
    const yaml = await get('/openapi.yaml');
    expect(yaml.headers['content-type']).toBe('application/yaml');
    expect(yaml.body).toMatch(/^openapi: 3\.1\.0\n/);
    expect((await get('/')).headers.location).toBe('/docs');
    const page = await get('/docs');
    expect([page.statusCode, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
    const assets = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path!);
    expect(assets.length).toBeGreaterThan(3);
    for (const path of assets) {
      const url = new URL(path, 'http://here/docs');
      expect(url.host).toBe('here');
      expect((await get(url.pathname)).statusCode).toBe(200);
    }
  });
});

describe('security headers', () => {
  it('let nothing be loaded, framed, guessed, kept or shared on the strength of an answer, good or bad', async () => {
    for (const reply of [
      await predict(),
      await predict('/v1/predict?nonsense=1'),
      await get('/v2/health/live'),
    ]) {
      expect(reply.headers).toMatchObject({
        'content-security-policy':
          "default-src 'none';base-uri 'none';form-action 'none';frame-ancestors 'none'",
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'referrer-policy': 'no-referrer',
        'cross-origin-resource-policy': 'same-origin',
        'cache-control': 'no-store',
      });
      for (const header of ['server', 'x-powered-by', 'strict-transport-security']) {
        expect(reply.headers).not.toHaveProperty(header);
      }
    }
  });

  it('let no page of another origin read anything', async () => {
    const reply = await get('/v1/models', { origin: 'https://elsewhere.example' });
    const preflight = await test.app.inject({
      method: 'OPTIONS',
      url: '/v1/predict',
      headers: { origin: 'https://elsewhere.example', 'access-control-request-method': 'POST' },
    });
    expect(preflight.statusCode).toBe(405);
    for (const { headers } of [reply, preflight]) {
      expect(Object.keys(headers).filter((name) => name.startsWith('access-control-'))).toEqual([]);
    }
  });

  it('let the page of the documentation load its own scripts, and none in place or from elsewhere', async () => {
    for (const url of ['/docs', '/docs/static/swagger-ui-bundle.js']) {
      const policy = String((await get(url)).headers['content-security-policy']);
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("script-src 'self';");
      expect(policy).toContain("connect-src 'self';");
    }
    const { body } = await get('/docs');
    expect(body.replaceAll(/<script src="[^"]+"[^>]*>\s*<\/script>/g, '')).not.toMatch(
      /<script|<style|style=| on\w+=/,
    );
  });
});

describe('request ids', () => {
  it('are those of the caller where they are harmless', async () => {
    expect((await predict('/v1/predict', { 'x-request-id': 'abc-1.2_Z' })).headers['x-request-id']).toBe(
      'abc-1.2_Z',
    );
  });

  it.each(['', 'a b', 'a\tb', 'x'.repeat(129), '{"a":1}', 'é'])(
    'are new ones otherwise: %j',
    async (given) => {
      const reply = await predict('/v1/predict', { 'x-request-id': given });
      expect(reply.headers['x-request-id']).toMatch(/^[\da-f]{8}-[\da-f-]{27}$/);
    },
  );
});

describe('what is told to the outside', () => {
  it('is one line a request, without the image', async () => {
    const before = test.lines.length;
    const answer = await predict('/v1/models/colours/predict?top_k=1', { 'x-request-id': 'line-1' });
    await predict('/v1/predict?nonsense=1', { 'x-request-id': 'line-2' });
    await get('/somewhere/else', { 'x-request-id': 'line-3' });
    const lines = test.lines.slice(before);
    expect(lines).toMatchObject([
      { reqId: 'line-1', level: 30, method: 'POST', route: '/v1/models/:name/predict', status: 200 },
      { reqId: 'line-2', level: 30, route: '/v1/predict', status: 400, error: 'invalid_request' },
      { reqId: 'line-3', level: 30, method: 'GET', route: 'unmatched', status: 404, error: 'not_found' },
    ]);
    const { id, model, adaptation, batch } = answer.json();
    expect(lines[0]).toMatchObject({
      prediction: id,
      model: `${model.name}:${model.version}`,
      recipe: adaptation.recipe,
      batch: batch.id,
      rows: batch.size,
    });
    expect(lines[1]).not.toHaveProperty('prediction');
    for (const line of lines) expect(line.ms).toBeTypeOf('number');
    expect(JSON.stringify(lines).length).toBeLessThan(1200);
  });

  it('is quiet about what machines poll', async () => {
    const before = test.lines.length;
    for (const url of ['/v2/health/live', '/v2/health/ready', '/metrics']) await get(url);
    expect(test.lines.slice(before).map(({ level }) => level)).toEqual([20, 20, 20]);
  });

  it('is an observation with the route, not the path', async () => {
    test.finished.length = 0;
    await predict('/v1/models/colours/versions/2/predict');
    await get('/v1/nowhere');
    await test.app.inject({ method: 'DELETE', url: '/v1/models/x' });
    await get('/v1/models/%E0%A4%A');
    await test.app.inject({ method: 'PROPFIND' as 'GET', url: '/v1/models' });
    expect(test.finished[0]).not.toHaveProperty('error');
    expect(test.finished).toMatchObject([
      { route: '/v1/models/:name/versions/:version/predict', method: 'POST', code: 200 },
      { route: 'unmatched', method: 'GET', code: 404, error: 'not_found' },
      { route: '/v1/models/:name', method: 'DELETE', code: 405 },
      { route: 'unmatched', method: 'GET', code: 400 },
      { route: 'unmatched', method: 'other', code: 404 },
    ]);
    for (const { seconds } of test.finished) expect(seconds).toBeGreaterThanOrEqual(0);
    expect(test.seen.inFlight).toBe(0);
  });
});
