import { afterAll, describe, expect, it } from 'vitest';
import { buildTestApp, callsTo, encoded } from '../../../test/http/build-test-app.ts';

const test = await buildTestApp();
afterAll(() => test.app.close());
const { get, predict } = callsTo(test, await encoded('png', [0, 255, 40]));

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
