import { afterAll, describe, expect, it, vi } from 'vitest';
import { bearer, keys, openGuardedApp } from '../../../test/http/guarded-app.ts';

const test = await openGuardedApp();
afterAll(() => test.close());
const { get, predict, png } = test;

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
