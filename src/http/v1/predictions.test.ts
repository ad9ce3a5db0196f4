import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { buildTestApp, encoded, type TestApp } from '../../../test/http/build-test-app.ts';
import { prefersAsync } from './prefer.ts';

let test: TestApp;
beforeEach(async () => {
  test = await buildTestApp();
});
afterEach(() => test.app.close());

const post = async (headers: Record<string, string>, url = '/v1/predict') =>
  test.app.inject({
    method: 'POST',
    url,
    headers: { 'content-type': 'image/png', ...headers },
    payload: await encoded('png', [9, 1, 1]),
  });

it('answers 202 with the place of the prediction where the client prefers that', async () => {
  test.inference.delayMs = 200;
  const accepted = await post({ prefer: 'respond-async' });
  expect(accepted.statusCode).toBe(202);
  expect(accepted.headers['preference-applied']).toBe('respond-async');
  const { id } = accepted.json();
  expect(accepted.json()).toEqual({ id, status: 'pending' });
  const { location } = accepted.headers;
  expect(location).toBe(`/v1/predictions/${id}`);

  const pending = await test.app.inject(location!);
  expect([pending.statusCode, pending.headers['retry-after'], pending.json()]).toEqual([
    202,
    '1',
    { id, status: 'pending' },
  ]);
  const done = await vi.waitFor(async () => {
    const reply = await test.app.inject(location!);
    expect(reply.statusCode).toBe(200);
    return reply;
  });
  expect(done.json()).toMatchObject({ id, predictions: [{ label: 'red' }, {}, {}] });
});

it('tells what an accepted prediction failed with', async () => {
  test.inference.delayMs = 50;
  const { location } = (await post({ prefer: 'respond-async' }, '/v1/predict?timeout_ms=5')).headers;
  await vi.waitFor(async () => {
    const reply = await test.app.inject(location!);
    expect([reply.statusCode, reply.json().code]).toEqual([504, 'timeout']);
  });
});

it('knows no prediction that it has not accepted', async () => {
  const reply = await test.app.inject('/v1/predictions/none');
  expect(reply.statusCode).toBe(404);
  expect(reply.json()).toMatchObject({ code: 'unknown_prediction' });
});

it('passes key and priority on', async () => {
  await post({ 'idempotency-key': 'order-66', 'Dent-Priority': '1' });
  expect(test.inference.requests[0]).toMatchObject({ idempotencyKey: 'order-66', priority: 1 });
  await post({});
  expect(test.inference.requests[1]).not.toHaveProperty('idempotencyKey');
  expect(test.inference.requests[1]).not.toHaveProperty('priority');
});

it('marks an answer that is that of an earlier request with the key', async () => {
  const first = await post({ 'idempotency-key': 'order-67' });
  const again = await post({ 'idempotency-key': 'order-67' });
  expect(again.json()).toEqual(first.json());
  expect(first.headers).not.toHaveProperty('idempotent-replayed');
  expect(again.headers['idempotent-replayed']).toBe('true');
});

it('tells in the line of a request that failed what it had asked for', async () => {
  test.inference.delayMs = 50;
  expect((await post({}, '/v1/predict?timeout_ms=5')).statusCode).toBe(504);
  await vi.waitFor(() =>
    expect(test.lines.at(-1)).toMatchObject({
      msg: 'request',
      error: 'timeout',
      status: 504,
      prediction: expect.stringMatching(/^[0-9a-f-]{36}$/),
      model: 'colours:2',
      recipe: 'dent+',
    }),
  );
  expect(test.lines.at(-1)).not.toHaveProperty('batch');
});

it.each([
  ['a priority that is none', 'dent-priority', '4'],
  ['a priority that is no number', 'dent-priority', 'high'],
  ['an empty key', 'idempotency-key', ''],
  ['a key with a space', 'idempotency-key', 'a b'],
  ['a long key', 'idempotency-key', 'k'.repeat(256)],
])('refuses %s', async (_, header, value) => {
  const reply = await post({ [header]: value });
  expect(reply.statusCode).toBe(400);
  expect(reply.json().code).toBe('invalid_request');
  expect(reply.json().detail).toContain(`"${header}"`);
});

it.each([
  ['respond-async', true],
  ['wait=5, Respond-Async', true],
  ['respond-async; wait=10', true],
  ['return=minimal', false],
  ['', false],
  [undefined, false],
])('understands Prefer: %s', (prefer, expected) => {
  expect(prefersAsync(prefer)).toBe(expected);
});
