import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type RedisServer, startRedisServer } from './fixtures/redis/redis-server.ts';
import { ask } from './fixtures/serving/ask.ts';
import { crops } from './fixtures/serving/photos.ts';
import {
  childPids,
  linesOf,
  metric,
  type Spawned,
  spawnDent,
  startDent,
  writeRepository,
} from './fixtures/serving/processes.ts';

const POSTS = 24;

let folder: string;
let redis: RedisServer;
let images: Uint8Array<ArrayBuffer>[];
const environment = () => ({
  DENT_MODELS: join(folder, 'models'),
  DENT_CACHE_DIR: join(folder, 'cache'),
  DENT_DRAIN_DELAY_MS: '500',
  DENT_THREADS: '1',
  DENT_REDIS_URL: redis.url,
});

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dent-endings-'));
  redis = await startRedisServer();
  await writeRepository(join(folder, 'models'), {
    recipes: { static: { preset: 'static' } },
    // No batch is full: every row waits for its window.
    batching: { maxBatchSize: 128, maxDelayMs: 4_000, timeoutMs: 120_000 },
  });
  images = await crops(POSTS);
});
afterAll(async () => {
  await redis.stop();
  await rm(folder, { recursive: true });
});

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

const words = (spawned: Spawned): unknown[] => linesOf(spawned).map(({ msg }) => msg);

/** Sends a signal to a process and its children, as a terminal does with its foreground group. */
async function signalGroup(spawned: Spawned, signal: NodeJS.Signals): Promise<number[]> {
  const pids = [spawned.process.pid!, ...(await childPids(spawned))];
  for (const pid of pids) process.kill(pid, signal);
  return pids;
}

const COMMANDS = {
  'one process': ['serve'],
  'several processes': ['serve', '--processes', '3'],
  'one process over Redis': ['serve', '--queue', 'redis'],
  'several processes over Redis': ['serve', '--queue', 'redis', '--processes', '2'],
  'a worker': ['worker'],
};

it.each(Object.entries(COMMANDS))(
  'closes at SIGTERM during its start, with 0: %s',
  async (_name, command) => {
    // It compiles the model, for nobody has before.
    const cold = await mkdtemp(join(folder, 'cold-'));
    const spawned = spawnDent(command, { ...environment(), DENT_CACHE_DIR: cold });
    await vi.waitFor(() => expect(words(spawned)).not.toEqual([]), { interval: 5 });
    const pids = await signalGroup(spawned, 'SIGTERM');
    expect(await spawned.exit).toBe(0);
    expect(words(spawned).at(-1)).toBe('closed');
    for (const { level } of linesOf(spawned)) expect(level).not.toBe('error');
    await vi.waitFor(() => expect(pids.filter(isAlive)).toEqual([]));
  },
);

it.each(['one process', 'several processes over Redis'] as const)(
  'answers everything that is under way when its terminal is closed, with 0: %s',
  async (name) => {
    const others = name.includes('Redis') ? [await startDent(['worker'], environment())] : [];
    const server = await startDent(COMMANDS[name], environment());
    const posts = Promise.all(images.map((body) => ask(server, '/v1/predict', { body })));
    await vi.waitFor(async () => expect(await metric(server, 'dent_queue_depth')).toBe(POSTS));
    const pids = await signalGroup(server, 'SIGHUP');
    // Shells and the kernel may both tell.
    await signalGroup(server, 'SIGHUP');
    for (const { status } of await posts) expect(status).toBe(200);
    expect(await server.exit).toBe(0);
    expect(words(server).at(-1)).toBe('closed');
    await vi.waitFor(() => expect(pids.filter(isAlive)).toEqual([]));
    for (const other of others) other.process.kill('SIGINT');
    await Promise.all(others.map(({ exit }) => exit));
  },
);

it('leaves nothing behind at a second signal, with 1', async () => {
  const server = await startDent(COMMANDS['several processes'], environment());
  const posts = Promise.allSettled(images.map((body) => ask(server, '/v1/predict', { body })));
  await vi.waitFor(async () => expect(await metric(server, 'dent_queue_depth')).toBe(POSTS));
  const pids = await signalGroup(server, 'SIGINT');
  await pause(700);
  server.process.kill('SIGTERM');
  expect(await server.exit).toBe(1);
  expect(words(server).at(-1)).toBe('a second signal, SIGTERM: exiting at once');
  await vi.waitFor(() => expect(pids.filter(isAlive)).toEqual([]));
  await posts;
});
