import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { AcceptedPrediction, Prediction } from '../src/inference/inference.ts';
import { type RedisServer, setEvictionPolicy, startRedisServer } from './fixtures/redis/redis-server.ts';
import { crops, staticLogits, tensorOf, topProbability } from './fixtures/serving/photos.ts';
import {
  inferRows,
  metric,
  postImage,
  type Running,
  startDent,
  statusOf,
  writeRepository,
} from './fixtures/serving/processes.ts';

const ROWS = 16;
const RECIPES = {
  isolated: { preset: 'isolated' },
  static: { preset: 'static' },
  /** Long enough to be killed while it runs. */
  slow: { preset: 'isolated', steps: 60 },
};

let folder: string;
let redis: RedisServer;
let apis: [Running, Running];
let workers: [Running, Running];
let images: Uint8Array<ArrayBuffer>[];
let expected: Float32Array[];

const start = (command: 'serve' | 'worker', repository = 'models'): Promise<Running> =>
  startDent([command, ...(command === 'serve' ? ['--queue', 'redis'] : ['--threads', '1'])], {
    DENT_REDIS_URL: redis.url,
    DENT_MODELS: join(folder, repository),
    DENT_CACHE_DIR: join(folder, 'cache'),
  });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dent-redis-'));
  await writeRepository(join(folder, 'models'), {
    recipes: RECIPES,
    batching: { maxBatchSize: ROWS, maxDelayMs: 20, timeoutMs: 60_000 },
  });
  redis = await startRedisServer();
  // The first worker compiles for the second.
  const first = await start('worker');
  [workers, apis] = await Promise.all([
    start('worker').then((second): [Running, Running] => [first, second]),
    Promise.all([start('serve'), start('serve')]),
  ]);
  images = await crops(64);
  expected = await staticLogits(images);
}, 90_000);
afterAll(async () => {
  const all = [...(apis ?? []), ...(workers ?? [])];
  for (const each of all) each.process.kill('SIGINT');
  await Promise.all(all.map(({ exit }) => exit));
  await redis?.stop();
  await rm(folder, { recursive: true, force: true });
}, 30_000);

/** Posts images to the API processes in turn; each answer must be the one for its own image. */
async function predictAll(count: number, recipe: string): Promise<Prediction[]> {
  const posts = images.slice(0, count).map(async (image, i) => {
    const response = await postImage(apis[i % 2]!, image, `?recipe=${recipe}`);
    const body = await response.json();
    expect(response.status, JSON.stringify(body)).toBe(200);
    return body as Prediction;
  });
  const answers = await Promise.all(posts);
  for (const [i, answer] of answers.entries()) {
    expect(answer.static.class).toBe(expected[i]!.indexOf(Math.max(...expected[i]!)));
    expect(answer.static.probability).toBeCloseTo(topProbability(expected[i]!), 4);
  }
  return answers;
}

const codeOf = async (response: Response): Promise<string> =>
  ((await response.json()) as { code: string }).code;

const reasonsOf = async ({ url }: Running): Promise<string[]> =>
  ((await (await fetch(new URL('/v2/health/ready', url))).json()) as { reasons: string[] }).reasons;

/** Resolves with the index of a worker that has begun a batch since `before`. */
async function busyWorker(before: readonly number[]): Promise<number> {
  return vi.waitFor(
    async () => {
      const batches = await Promise.all(workers.map((each) => metric(each, 'dent_batches_total')));
      const busy = batches.findIndex((count, i) => count > before[i]!);
      expect(busy).toBeGreaterThanOrEqual(0);
      return busy;
    },
    { timeout: 5000, interval: 20 },
  );
}

const batches = (): Promise<number[]> =>
  Promise.all(workers.map((each) => metric(each, 'dent_batches_total')));

it('says on every side that it is ready', async () => {
  for (const each of [...apis, ...workers]) {
    expect(await statusOf(each, '/v2/health/ready')).toBe(200);
    expect(await metric(each, 'dent_redis_up')).toBe(1);
  }
  expect(await metric(workers[0], 'dent_worker_up')).toBe(1);
});

it('answers each of 64 images through two API processes and two workers', async () => {
  const answers = await predictAll(64, 'isolated');
  expect(new Set(answers.map((each) => each.static.probability.toFixed(6))).size).toBeGreaterThan(50);
  // Rows of both API processes met in batches, and both workers ran some.
  const sizes = new Map(answers.map(({ batch }) => [batch.id, batch.size]));
  expect(sizes.size).toBeLessThan(32);
  for (const worker of workers) expect(await metric(worker, 'dent_predictions_total')).toBeGreaterThan(0);
}, 60_000);

it('answers the rows of a tensor, which it knows from the model file alone', async () => {
  const metadata = await fetch(new URL('/v2/models/cifar10-resnet14', apis[0].url));
  expect(await metadata.json()).toMatchObject({
    inputs: [{ name: 'input', datatype: 'FP32', shape: [-1, 3, 32, 32] }],
    outputs: [{ name: 'logits' }, { name: 'static_logits' }, { name: 'entropy' }],
  });
  const tensor = await tensorOf(images.slice(0, ROWS));
  const answers = await Promise.all(
    apis.map((api) => inferRows(api, tensor, 'logits', { recipe: 'static' })),
  );
  for (const { answer, values } of answers) {
    expect(answer.parameters).toMatchObject({ applied: 'static', steps: 0 });
    expect(values).toHaveLength(ROWS * 10);
    for (const [i, value] of values.entries()) {
      expect(value).toBeCloseTo(expected[Math.floor(i / 10)]![i % 10]!, 4);
    }
  }
  const stats = await (await fetch(new URL('/v2/models/cifar10-resnet14/stats', apis[1].url))).json();
  expect(stats).toMatchObject({ model_stats: [{ version: '1', inference_stats: { fail: { count: 0 } } }] });
});

it('leaves the rows of contents that no worker has to nobody, and runs the others', async () => {
  await writeRepository(join(folder, 'other'), {
    recipes: RECIPES,
    input: { width: 32, height: 32, channels: 'rgb', scale: 1 },
  });
  const other = await start('serve', 'other');
  const answer = await postImage(other, images[0]!, '?recipe=static&timeout_ms=1500');
  expect([answer.status, await codeOf(answer)]).toEqual([504, 'timeout']);
  await predictAll(2, 'static');
  other.process.kill('SIGINT');
  expect(await other.exit).toBe(0);
});

it('tells any API process what became of a request that one of them accepted', async () => {
  const accepted = await postImage(apis[0], images[0]!, '?recipe=slow&top_k=2', { prefer: 'respond-async' });
  expect(accepted.status).toBe(202);
  const { id, status } = (await accepted.json()) as AcceptedPrediction;
  expect([status, accepted.headers.get('location')]).toEqual(['pending', `/v1/predictions/${id}`]);
  const at = new URL(`/v1/predictions/${id}`, apis[1].url);
  expect((await fetch(at)).status).toBe(202);
  const done = await vi.waitFor(
    async () => {
      const response = await fetch(at);
      expect(response.status).toBe(200);
      return (await response.json()) as Prediction;
    },
    { timeout: 10_000, interval: 50 },
  );
  expect(done.id).toBe(id);
  expect(done.predictions).toHaveLength(2);
  expect(done.static.probability).toBeCloseTo(topProbability(expected[0]!), 4);
  expect(await statusOf(apis[0], '/v1/predictions/none')).toBe(404);
});

it('runs a request once, however often and wherever it is sent with one key', async () => {
  const key = { 'idempotency-key': 'one' };
  const predicted = () =>
    Promise.all(workers.map((each) => metric(each, 'dent_predictions_total'))).then(([a, b]) => a! + b!);
  const before = await predicted();
  const send = async (api: Running): Promise<Prediction> => {
    const response = await postImage(api, images[1]!, '?recipe=isolated', key);
    return (await response.json()) as Prediction;
  };
  const answers = [...(await Promise.all([send(apis[0]), send(apis[1])])), await send(apis[1])];
  expect(answers[1]).toEqual(answers[0]);
  expect(answers[2]).toEqual(answers[0]);
  expect(answers[0]!.static.probability).toBeCloseTo(topProbability(expected[1]!), 4);
  expect(await predicted()).toBe(before + 1);

  const different = await postImage(apis[0], images[2]!, '?recipe=isolated', key);
  expect([different.status, await codeOf(different)]).toEqual([400, 'invalid_request']);
  const later = await postImage(apis[0], images[1]!, '?recipe=isolated', { ...key, prefer: 'respond-async' });
  expect([later.status, await later.json()]).toEqual([202, { id: answers[0]!.id, status: 'done' }]);
});

it('has a worker that is told to end answer its batch first', async () => {
  const before = await batches();
  const answers = predictAll(ROWS, 'slow');
  const index = await busyWorker(before);
  const ending = workers[index]!;
  ending.process.kill('SIGTERM');
  const [code] = await Promise.all([ending.exit, answers]);
  expect(code).toBe(0);
  workers[index] = await start('worker');
}, 60_000);

it('has an API process that is told to end serve on, then refuse, and answer what it has', async () => {
  const ending = apis[1];
  const answers = predictAll(ROWS, 'slow');
  await pause(100);
  ending.process.kill('SIGTERM');
  const late = [];
  let ended = false;
  void ending.exit.then(() => {
    ended = true;
  });
  await vi.waitFor(async () => expect(await statusOf(ending, '/v2/health/ready')).toBe(503), 5000);
  while (!ended) {
    const response = await postImage(ending, images[0]!, '?recipe=static').catch(() => undefined);
    if (response) late.push(response.ok ? 'answered' : await codeOf(response));
    await pause(100);
  }
  const [code] = await Promise.all([ending.exit, answers]);
  expect(code).toBe(0);
  // Served while load balancers look away, then refused while accepted requests are still being answered.
  expect(late[0]).toBe('answered');
  expect(late.filter((each) => each !== 'answered' && each !== 'draining')).toEqual([]);
  expect(late.join()).toMatch(/^(answered,?)+(draining,?)*$/);
  apis[1] = await start('serve');
}, 60_000);

it('answers all of a batch whose worker is killed', async () => {
  const before = await batches();
  let done = false;
  const answers = predictAll(ROWS, 'slow').finally(() => {
    done = true;
  });
  const index = await busyWorker(before);
  workers[index]!.process.kill('SIGKILL');
  expect(done).toBe(false);
  const replacement = start('worker');
  await answers;
  workers[index] = await replacement;
}, 60_000);

it('refuses at once while Redis is gone, and works again when it is back', async () => {
  await redis.kill();
  await vi.waitFor(async () => expect(await statusOf(apis[0], '/v2/health/ready')).toBe(503));
  const started = performance.now();
  const refused = await postImage(apis[0], images[0]!);
  // Long before the deadline of 30 s.
  expect(performance.now() - started).toBeLessThan(15_000);
  expect([refused.status, await codeOf(refused)]).toEqual([503, 'queue_unavailable']);
  expect(refused.headers.get('retry-after')).toBe('1');
  expect(await statusOf(apis[0], '/v2/health/live')).toBe(200);
  expect(await statusOf(workers[0], '/v2/health/ready')).toBe(503);
  expect(await reasonsOf(workers[0])).toEqual([`Redis at 127.0.0.1:${redis.port} cannot be reached.`]);
  expect(await metric(workers[0], 'dent_worker_up')).toBe(0);
  expect(await metric(apis[0], 'dent_redis_up')).toBe(0);

  await redis.restart();
  for (const each of [...apis, ...workers]) {
    await vi.waitFor(async () => expect(await statusOf(each, '/v2/health/ready')).toBe(200), 5000);
  }
  await predictAll(8, 'isolated');
}, 60_000);

it('takes no rows that Redis may forget', async () => {
  await setEvictionPolicy(redis, 'allkeys-lru');
  await vi.waitFor(async () => {
    expect(await reasonsOf(apis[0])).toEqual([expect.stringContaining('maxmemory-policy is allkeys-lru')]);
  }, 5000);
  const refused = await postImage(apis[0], images[0]!);
  expect([refused.status, await codeOf(refused)]).toEqual([503, 'queue_unavailable']);
  await setEvictionPolicy(redis, 'noeviction');
  await vi.waitFor(async () => expect(await statusOf(apis[0], '/v2/health/ready')).toBe(200), 5000);
});
