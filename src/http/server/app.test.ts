import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { buildTestApp, callsTo, encoded } from '../../../test/http/build-test-app.ts';

const test = await buildTestApp();
afterAll(() => test.app.close());
afterEach(() => {
  test.seen.phase = 'serving';
  test.inference.reasons = [];
});

const { get, predict } = callsTo(test, await encoded('png', [0, 255, 40]));

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
