import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { createKey, digestOf } from '../src/access/index.ts';
import type { AcceptedPrediction, Prediction } from '../src/inference/inference.ts';
import { freePort, type RedisServer, startRedisServer } from './fixtures/redis/redis-server.ts';
import { crops } from './fixtures/serving/photos.ts';
import { postImage, type Running, startDent, writeRepository } from './fixtures/serving/processes.ts';

const ROWS = 8;

let folder: string;
let redis: RedisServer;
let api: Running;
let worker: Running;
let metricsPort: number;
let images: Uint8Array<ArrayBuffer>[];
let log = '';
const keys = { ann: createKey(), bob: createKey() };

const writeKeys = (names: readonly (keyof typeof keys)[]): Promise<void> => {
  const entry = (name: keyof typeof keys) => ({ name, sha256: digestOf(keys[name]), scopes: ['predict'] });
  return writeFile(join(folder, 'keys.json'), JSON.stringify({ keys: names.map(entry) }));
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dent-access-'));
  await writeRepository(join(folder, 'models'), {
    recipes: { 'dent+': { preset: 'dent+', small: 'adapt' }, static: { preset: 'static' } },
    defaultRecipe: 'dent+',
    batching: { maxBatchSize: 2 * ROWS, maxDelayMs: 500, timeoutMs: 60_000 },
  });
  await writeKeys(['ann', 'bob']);
  redis = await startRedisServer();
  metricsPort = await freePort();
  const env = {
    DENT_REDIS_URL: redis.url,
    DENT_MODELS: join(folder, 'models'),
    DENT_CACHE_DIR: join(folder, 'cache'),
  };
  worker = await startDent(['worker', '--threads', '1'], env);
  api = await startDent(['serve', '--queue', 'redis', '--api-keys-file', join(folder, 'keys.json')], {
    ...env,
    DENT_METRICS_PORT: String(metricsPort),
    DENT_LOG_LEVEL: 'trace',
  });
  api.process.stdout!.on('data', (text) => {
    log += text;
  });
  images = await crops(ROWS);
}, 90_000);
afterAll(async () => {
  for (const each of [api, worker]) each?.process.kill('SIGINT');
  await Promise.all([api?.exit, worker?.exit]);
  await redis?.stop();
  await rm(folder, { recursive: true, force: true });
}, 30_000);

const bearer = (name: keyof typeof keys) => ({ authorization: `Bearer ${keys[name]}` });
const get = (path: string, headers = {}, base = api.url) => fetch(new URL(path, base), { headers });

it('never adapts the rows of two callers together, though the batches form in Redis', async () => {
  const callers = ['ann', 'bob'] as const;
  const batches = await Promise.all(
    callers.map(async (name) => {
      const answers = await Promise.all(images.map((image) => postImage(api, image, '', bearer(name))));
      const predictions = (await Promise.all(answers.map((each) => each.json()))) as Prediction[];
      for (const { adaptation } of predictions) expect(adaptation.applied).toBe('dent+');
      return new Map(predictions.map(({ batch }) => [batch.id, batch.size]));
    }),
  );
  const [anns, bobs] = batches as [Map<string, number>, Map<string, number>];
  for (const id of anns.keys()) expect(bobs.has(id)).toBe(false);
  // Rows were batched: the check above could have failed.
  expect(Math.max(...anns.values(), ...bobs.values())).toBeGreaterThan(1);
});

it('tells a kept prediction to its caller alone, and keeps the idempotency keys of callers apart', async () => {
  const headers = { prefer: 'respond-async', 'idempotency-key': 'order-66' };
  const accept = async (name: keyof typeof keys) => {
    const response = await postImage(api, images[0]!, '', { ...headers, ...bearer(name) });
    expect(response.status).toBe(202);
    return (await response.json()) as AcceptedPrediction;
  };
  const [anns, bobs] = [await accept('ann'), await accept('bob')];
  expect(anns.id).not.toBe(bobs.id);
  const path = `/v1/predictions/${anns.id}`;
  await vi.waitFor(async () => expect((await get(path, bearer('ann'))).status).toBe(200), {
    timeout: 20_000,
  });
  expect((await get(path, bearer('bob'))).status).toBe(404);
  expect((await get(path)).status).toBe(401);
});

it('has metrics on a port of their own, for everybody who reaches it', async () => {
  expect((await get('/metrics', bearer('ann'))).status).toBe(404);
  const response = await get('/metrics', {}, `http://127.0.0.1:${metricsPort}`);
  expect(response.status).toBe(200);
  const text = await response.text();
  expect(text).toMatch(/^dent_ready 1$/m);
  expect(text).toMatch(/^dent_rejected_total\{reason="unauthorized"\} 1$/m);
  for (const key of Object.values(keys)) expect(text).not.toContain(key);
});

it('logs neither keys nor images, at any level', async () => {
  const bad = createKey();
  const base64 = Buffer.from(images[0]!).toString('base64');
  const post = (path: string, body: string, headers = {}) =>
    fetch(new URL(path, api.url), {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json', ...headers },
    });
  const body = JSON.stringify({ image: base64 });
  const statuses = [
    await post('/v1/predict', body, bearer('ann')),
    await post('/v1/predict', body, { 'x-api-key': bad }),
    await post('/v1/predict?nonsense=1', body, bearer('ann')),
    await post('/v1/predict', `{"image":"${base64.slice(0, 401)}"}`, bearer('ann')),
    await post('/v1/predict', body.slice(1), bearer('ann')),
  ].map(({ status }) => status);
  expect(statuses).toEqual([200, 401, 400, 400, 400]);
  await vi.waitFor(() => expect(log.match(/"status":400/g)!.length).toBeGreaterThanOrEqual(3));
  expect(log).toContain('"caller":"ann"');
  for (const secret of [...Object.values(keys), bad, ...Object.values(keys).map(digestOf)]) {
    expect(log).not.toContain(secret);
  }
  for (const part of [base64.slice(100, 140), base64.slice(0, 40)]) expect(log).not.toContain(part);
});

it('follows the file of keys without a restart', async () => {
  await writeKeys(['bob']);
  await vi.waitFor(
    async () => expect((await postImage(api, images[0]!, '?recipe=static', bearer('ann'))).status).toBe(401),
    { timeout: 8000, interval: 200 },
  );
  expect((await postImage(api, images[0]!, '?recipe=static', bearer('bob'))).status).toBe(200);
});
