import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Prediction } from '../src/inference/inference.ts';
import { type RedisServer, startRedisServer } from './fixtures/redis/redis-server.ts';
import { crops, staticLogits, topProbability } from './fixtures/serving/photos.ts';
import {
  linesOf,
  postImage,
  type Running,
  startDent,
  writeRepository,
} from './fixtures/serving/processes.ts';

/** 2000 is the long form. */
const POSTS = Number(process.env.DENT_CHAOS_POSTS ?? 300);
const IMAGES = 300;
const POSTS_PER_SECOND = 25;
const TIMEOUT_MS = 30_000;
/** How much later than its deadline a client may get its answer: a busy machine needs time to pass it on. */
const SLACK_MS = 15_000;
/** The error codes that a client may get. */
const REFUSALS = ['queue_unavailable', 'queue_full', 'timeout'];

let folder: string;
let redis: RedisServer;
const apis: Running[] = [];
const workers: Running[] = [];
/** Those that were killed. */
const dead: Running[] = [];
let images: Uint8Array<ArrayBuffer>[];
let expected: Float32Array[];

const start = (command: 'serve' | 'worker'): Promise<Running> =>
  startDent([command, ...(command === 'serve' ? ['--queue', 'redis'] : ['--threads', '1'])], {
    DENT_REDIS_URL: redis.url,
    DENT_MODELS: join(folder, 'models'),
    DENT_CACHE_DIR: join(folder, 'cache'),
    DENT_LOG_LEVEL: 'info',
  });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dent-chaos-'));
  await writeRepository(join(folder, 'models'), {
    recipes: { isolated: { preset: 'isolated', steps: 6 } },
    batching: { maxBatchSize: 16, maxDelayMs: 20, timeoutMs: TIMEOUT_MS },
  });
  redis = await startRedisServer(['--appendonly', 'yes']);
  workers.push(await start('worker'));
  workers.push(...(await Promise.all([start('worker'), start('worker')])));
  apis.push(...(await Promise.all([start('serve'), start('serve')])));
  images = await crops(IMAGES);
  expected = await staticLogits(images);
}, 90_000);
afterAll(async () => {
  for (const each of [...apis, ...workers]) each.process.kill('SIGKILL');
  await Promise.all([...apis, ...workers].map(({ exit }) => exit));
  await redis?.stop();
  await rm(folder, { recursive: true, force: true });
}, 30_000);

interface Settled {
  readonly image: number;
  /** The answer, or the code of the error. */
  readonly outcome: Prediction | string;
  readonly ms: number;
}

/**
 * Behaves like a client of several processes: where a connection breaks it tries another process, with the
 * same key.
 */
async function post(i: number, key = `post-${i}`): Promise<Settled> {
  const started = performance.now();
  const image = i % IMAGES;
  for (let attempt = i; ; attempt += 1) {
    const leftMs = Math.floor(TIMEOUT_MS - (performance.now() - started));
    if (leftMs <= 0) return { image, outcome: 'no process took it', ms: TIMEOUT_MS };
    const api = apis[attempt % apis.length]!;
    try {
      const response = await postImage(api, images[image]!, `?timeout_ms=${leftMs}`, {
        'idempotency-key': key,
      });
      const body = (await response.json()) as Prediction | { code: string };
      return { image, outcome: 'code' in body ? body.code : body, ms: performance.now() - started };
    } catch {
      if (api.process.killed) brokenByDeath += 1;
      else broken += 1;
      await pause(50);
    }
  }
}

/** Connections that broke to processes that were not killed, and to those that were. */
let broken = 0;
let brokenByDeath = 0;
/** What the test tried to kill. */
const struck = { worker: 0, serve: 0, redis: 0 };
/** What died of it. A process that had ended before does not count. */
const died = { worker: 0, serve: 0, redis: 0 };
/** What clients were told while there was no Redis. */
const toldWithoutRedis: unknown[] = [];

async function replace(running: Running[], index: number, command: 'serve' | 'worker'): Promise<void> {
  struck[command] += 1;
  const { process: victim, exit } = running[index]!;
  const lived = victim.exitCode === null && victim.signalCode === null;
  dead.push(running[index]!);
  victim.kill('SIGKILL');
  await exit;
  if (!lived || victim.signalCode !== 'SIGKILL') return;
  died[command] += 1;
  running[index] = await start(command);
}

/** The name that a Redis server has from its start to its end. */
const redisRun = async (): Promise<string> => /^run_id:(\w+)/m.exec(await redis.client.info('server'))![1]!;

/**
 * While Redis is down its port is free, and one of the connections tried meanwhile may hold it for a moment.
 */
async function restartRedis(): Promise<void> {
  for (let attempts = 1; ; attempts += 1) {
    try {
      return await redis.restart();
    } catch (error) {
      if (attempts === 10) throw error;
      await pause(200);
    }
  }
}

async function replaceRedis(i: number): Promise<void> {
  struck.redis += 1;
  const before = await redisRun();
  await redis.kill();
  toldWithoutRedis.push((await post(i, `without-redis-${i}`)).outcome);
  await pause(1000);
  await restartRedis();
  if ((await redisRun()) !== before) died.redis += 1;
}

/** Kills something when the `i`-th post is sent. */
async function strike(i: number): Promise<void> {
  if (i % 100 === 40) await replace(workers, Math.floor(i / 100) % workers.length, 'worker');
  if (i % 300 === 120) await replace(apis, 1, 'serve');
  if (i % 300 === 200) await replaceRedis(i);
}

/** What all processes have logged as a warning or an error, dead ones first. */
const complaints = (): string =>
  [...dead, ...apis, ...workers]
    .flatMap(linesOf)
    .filter(({ level }) => level === 'warn' || level === 'error')
    .map((line) => JSON.stringify(line))
    .join('\n');

it(
  'settles every post with its own answer or an error, whatever dies',
  async () => {
    const posts: Promise<Settled>[] = [];
    const strikes: Promise<void>[] = [];
    for (let i = 0; i < POSTS; i += 1) {
      posts.push(post(i));
      strikes.push(strike(i));
      await pause(1000 / POSTS_PER_SECOND);
    }
    const settled = await Promise.all(posts);
    await Promise.all(strikes);

    expect(broken).toBe(0);
    const refusals = new Map<string, number>();
    let answered = 0;
    for (const { image, outcome, ms } of settled) {
      expect(ms).toBeLessThan(TIMEOUT_MS + SLACK_MS);
      if (typeof outcome === 'string') {
        expect(REFUSALS, complaints()).toContain(outcome);
        refusals.set(outcome, (refusals.get(outcome) ?? 0) + 1);
        continue;
      }
      answered += 1;
      const logits = expected[image]!;
      expect(outcome.static.class).toBe(logits.indexOf(Math.max(...logits)));
      expect(outcome.static.probability).toBeCloseTo(topProbability(logits), 4);
    }
    const slowestMs = Math.round(Math.max(...settled.map(({ ms }) => ms)));
    const refused = Object.fromEntries(refusals);
    const counts = { posts: POSTS, answered, refused, died, brokenByDeath, slowestMs };
    process.stdout.write(`${JSON.stringify(counts)}\n`);
    // The first strikes meet living processes. A later one may meet a process that is not back yet.
    expect(died.worker).toBeGreaterThanOrEqual(Math.min(struck.worker, workers.length));
    expect(died.serve).toBeGreaterThanOrEqual(Math.min(struck.serve, 1));
    expect(died.redis).toBe(struck.redis);
    // Clients notice the death of an API process: every other post goes there first.
    if (died.serve > 0) expect(brokenByDeath).toBeGreaterThan(0);
    expect(toldWithoutRedis).toEqual(Array(died.redis).fill('queue_unavailable'));
    // All that died was replaced, and nothing else died.
    for (const { process: running } of [...apis, ...workers]) {
      expect([running.exitCode, running.signalCode]).toEqual([null, null]);
    }
    // Redis is down for a second or two of every twelve, and posts that come then are refused. A busy machine
    // refuses more.
    expect(answered).toBeGreaterThan(0.3 * POSTS);
  },
  (POSTS / POSTS_PER_SECOND) * 2000 + 90_000,
);
