import { readFile } from 'node:fs/promises';
import Value from 'typebox/value';
import { afterAll, describe, expect, it } from 'vitest';
import { buildTestApp, callsTo, encoded } from '../../../test/http/build-test-app.ts';
import { type ErrorCode, ServiceError } from '../../errors.ts';
import { ERROR_STATUS } from './error-status.ts';
import { ProblemSchema } from './problem.ts';

const test = await buildTestApp();
afterAll(() => test.app.close());
const { get, predict } = callsTo(test, await encoded('png', [0, 255, 40]));

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
