import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { buildTestApp, type TestApp } from '../../../test/http/build-test-app.ts';

let test: TestApp;
beforeAll(async () => {
  test = await buildTestApp({ version: '1.2.3' });
});
afterEach(() => {
  test.seen.phase = 'serving';
});
afterAll(() => test.app.close());

const get = (url: string) => test.app.inject({ method: 'GET', url });

describe('the server', () => {
  it.each(['/v2', '/v2/'])('describes itself at %s', async (url) => {
    const reply = await get(url);
    expect(reply.statusCode).toBe(200);
    expect(reply.json()).toMatchObject({ name: 'dent-serve', version: '1.2.3' });
    expect(reply.json().extensions).toContain('parameters');
  });

  it('lists its models', async () => {
    expect((await get('/v2/models')).json()).toEqual({ models: ['colours'] });
  });
});

describe('a model', () => {
  it.each(['/v2/models/colours', '/v2/models/colours/', '/v2/models/colours/versions/1'])(
    'is described at %s by its tensors',
    async (url) => {
      expect((await get(url)).json()).toEqual({
        name: 'colours',
        versions: ['1', '2'],
        platform: 'onnxruntime_onnx',
        inputs: [{ name: 'pixels', datatype: 'FP32', shape: [-1, 3, 4, 4] }],
        outputs: [
          { name: 'scores', datatype: 'FP32', shape: [-1, 3] },
          { name: 'static_logits', datatype: 'FP32', shape: [-1, 3] },
          { name: 'entropy', datatype: 'FP32', shape: [-1, -1] },
        ],
      });
    },
  );

  it('is configured by its manifest', async () => {
    const config = (await get('/v2/models/colours/config')).json();
    expect(config).toMatchObject({
      name: 'colours',
      backend: 'onnxruntime',
      max_batch_size: 8,
      input: [{ name: 'pixels', data_type: 'TYPE_FP32', dims: [3, 4, 4] }],
      dynamic_batching: {
        max_queue_delay_microseconds: 2500,
        default_queue_policy: { default_timeout_microseconds: 5_000_000, max_queue_size: 64 },
      },
      parameters: { default_recipe: { string_value: 'dent+' } },
    });
    expect((await get('/v2/models/colours/versions/1/config')).json().version_policy).toEqual({
      specific: { versions: [1] },
    });
  });

  it('is ready or says why it is not', async () => {
    expect((await get('/v2/models/colours/ready')).json()).toEqual({ name: 'colours', ready: true });
    expect((await get('/v2/models/colours/versions/1/ready')).statusCode).toBe(200);
    const failed = await get('/v2/models/colours/versions/3/ready');
    expect([failed.statusCode, failed.headers['retry-after']]).toEqual([503, '60']);
    expect(failed.json()).toEqual({ error: 'Version 3 could not be loaded.' });
  });

  it.each([
    ['/v2/models/none', 'There is no model "none"; the models are colours.'],
    ['/v2/models/colours/versions/7', 'The model "colours" has no version 7.'],
    ['/v2/models/colours/versions/v1/ready', 'The model "colours" has no version "v1"; it has 1, 2, 3.'],
  ])('is none at %s', async (url, error) => {
    const reply = await get(url);
    expect([reply.statusCode, reply.json()]).toEqual([404, { error }]);
  });
});

describe('every error', () => {
  it.each([
    ['GET', '/v2/nothing', 404],
    ['POST', '/v2/nothing', 404],
    ['GET', '/v2x', 404],
    ['POST', '/v2', 405],
    ['DELETE', '/v2/', 405],
    ['PUT', '/v2/health/live', 405],
    ['GET', `/v2/models/${'x'.repeat(200)}`, 404],
    ['GET', '/v2/models/%E0%A4%A', 400],
  ] as const)('of %s %s is JSON of the API it belongs to', async (method, url, status) => {
    const reply = await test.app.inject({
      method,
      url,
      headers: { 'content-type': 'image/gif' },
      ...(method === 'POST' && { payload: 'x' }),
    });
    expect(reply.statusCode).toBe(status);
    if (url === '/v2x') expect(reply.headers['content-type']).toBe('application/problem+json');
    else {
      expect(reply.headers['content-type']).toBe('application/json');
      expect(reply.json()).toEqual({ error: expect.any(String) });
    }
  });
});
