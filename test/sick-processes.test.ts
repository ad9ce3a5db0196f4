import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { ask } from './fixtures/serving/ask.ts';
import { crops } from './fixtures/serving/photos.ts';
import {
  apiPids,
  linesOf,
  metric,
  type Running,
  spawnDent,
  startDent,
  writeRepository,
} from './fixtures/serving/processes.ts';

const DIE_AT_START = new URL('./fixtures/processes/die-at-start.mjs', import.meta.url).href;
const STOPPED_MS = 25_000;

let folder: string;
let images: Uint8Array<ArrayBuffer>[];

/** `dent serve` with two API processes and this model. */
const start = (models: 'quick' | 'patient', env: Record<string, string> = {}): Promise<Running> =>
  startDent(['serve', '--processes', '2', '--threads', '1'], {
    DENT_MODELS: join(folder, models),
    DENT_CACHE_DIR: join(folder, 'cache'),
    ...env,
  });

const predict = (running: Running, i: number) => ask(running, '/v1/predict', { body: images[i]! });

async function stop(running: Running): Promise<void> {
  running.process.kill('SIGINT');
  expect(await running.exit).toBe(0);
}

/** The lines about processes that were replaced. */
const losses = (running: Pick<Running, 'log'>) =>
  linesOf(running).filter(({ msg }) => String(msg).endsWith('another takes its place'));

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dent-sick-processes-'));
  const recipes = { static: { preset: 'static' } };
  await writeRepository(join(folder, 'quick'), { recipes });
  // Batches of this model start when they are full: what waits does so until the test fills one.
  const batching = { maxBatchSize: 64, maxDelayMs: 60_000, timeoutMs: 120_000 };
  await writeRepository(join(folder, 'patient'), { recipes, batching });
  images = await crops(64);
});
afterAll(() => rm(folder, { recursive: true }));

// Each has a server of its own, and they wait together.
it.concurrent('replaces a process that hangs: only its connections suffer', async () => {
  const server = await start('patient');
  const pids = await apiPids(server);
  const outcomes = Promise.allSettled(images.slice(0, 40).map((_, i) => predict(server, i)));
  await vi.waitFor(async () => expect(await metric(server, 'dent_queue_depth')).toBe(40));
  const victim = pids[0]!;
  process.kill(victim, 'SIGSTOP');
  await vi.waitFor(() => expect(losses(server)).toHaveLength(1));
  expect(losses(server)).toMatchObject([
    { process: 1, msg: 'API process 1 did not answer for 20 seconds and was ended; another takes its place' },
  ]);
  await vi.waitFor(async () => expect(await metric(server, 'dent_api_processes')).toBe(2));
  expect(await metric(server, 'dent_api_restarts_total')).toBe(1);
  const after = await apiPids(server);
  expect(after).toContain(pids[1]);
  expect(after).not.toContain(victim);
  const left = await metric(server, 'dent_queue_depth');
  const last = await Promise.all(images.slice(left).map((_, i) => predict(server, i)));
  for (const { status, body } of last) expect([status, body.batch.size]).toEqual([200, 64]);
  const settled = await outcomes;
  expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(left);
  for (const each of settled) {
    if (each.status === 'fulfilled') expect(each.value.status).toBe(200);
    else expect(each.reason.code).toBe('ECONNRESET');
  }
  await stop(server);
});

it.concurrent('says so while the first process is stopped, refuses what waits, and goes on with it', async () => {
  const server = await start('patient');
  const pids = await apiPids(server);
  const waiting = images.slice(0, 8).map((_, i) => predict(server, i));
  await vi.waitFor(async () => expect(await metric(server, 'dent_queue_depth')).toBe(8));
  server.process.kill('SIGSTOP');
  const stopped = performance.now();
  // One that comes meanwhile waits, too, until the others notice.
  waiting.push(predict(server, 8));
  for (const { status, headers, body } of await Promise.all(waiting)) {
    expect([status, body.code, headers['retry-after']]).toEqual([503, 'queue_unavailable', '1']);
  }
  const reason = 'The first process of the server has been silent for 10 seconds.';
  const live = await ask(server, '/v2/health/live');
  expect([live.status, live.body]).toEqual([503, { live: false, reasons: [reason] }]);
  const ready = await ask(server, '/v2/health/ready');
  expect([ready.status, ready.body.reasons[0]]).toEqual([503, reason]);
  expect((await predict(server, 0)).body.code).toBe('queue_unavailable');
  expect((await ask(server, '/metrics')).status).toBe(503);
  // Longer than the silence that it allows, by every clock.
  await pause(Math.max(0, STOPPED_MS - (performance.now() - stopped)));
  server.process.kill('SIGCONT');
  // Each notices it by itself.
  const goOn = () =>
    linesOf(server).filter(({ msg }) => msg === 'the first process of the server works again');
  await vi.waitFor(() => expect(goOn()).toHaveLength(2));
  expect((await ask(server, '/v2/health/live')).status).toBe(200);
  // Nothing is left of those that were refused.
  await vi.waitFor(async () => expect(await metric(server, 'dent_queue_depth')).toBe(0));
  const full = await Promise.all(images.map((_, i) => predict(server, i)));
  for (const { status, body } of full) expect([status, body.batch.size]).toEqual([200, 64]);
  await pause(3_000);
  // It ends no process for what that did not answer while it was stopped itself.
  expect(await apiPids(server)).toEqual(pids);
  expect(losses(server)).toEqual([]);
  expect(linesOf(server).filter(({ msg }) => msg === reason)).toHaveLength(2);
  expect(goOn()).toHaveLength(2);
  await stop(server);
});

it.concurrent('keeps the counts of a process that has ended', async () => {
  const server = await start('quick');
  for (let i = 0; i < 12; i++) expect((await predict(server, i)).status).toBe(200);
  const rows = async () => (await ask(server, '/v2/models/stats')).body.model_stats[0].inference_count;
  const decoded = () => metric(server, 'dent_stage_duration_seconds_count{stage="decode"}');
  expect(await rows()).toBe(12);
  expect(await decoded()).toBe(12);
  for (const victim of await apiPids(server)) {
    const before = losses(server).length;
    process.kill(victim, 'SIGKILL');
    await vi.waitFor(() => expect(losses(server)).toHaveLength(before + 1));
    await vi.waitFor(async () => expect(await metric(server, 'dent_api_processes')).toBe(2));
  }
  expect(await rows()).toBe(12);
  expect(await decoded()).toBe(12);
  for (let i = 0; i < 3; i++) expect((await predict(server, i)).status).toBe(200);
  expect(await rows()).toBe(15);
  await stop(server);
});

it.concurrent('replaces one that dies at its start ever more slowly, while the others serve', async () => {
  const flag = join(folder, 'dies');
  const server = await start('quick', { NODE_OPTIONS: `--import=${DIE_AT_START}`, DIES_WHILE: flag });
  await writeFile(flag, '');
  process.kill((await apiPids(server))[0]!, 'SIGKILL');
  await vi.waitFor(() => expect(losses(server).length).toBeGreaterThan(6));
  const lines = losses(server);
  expect(lines[0]!.msg).toBe('API process 1 was killed by SIGKILL; another takes its place');
  for (const { msg } of lines.slice(1)) {
    expect(msg).toBe('API process 1 exited with code 7; another takes its place');
  }
  const times = lines.map(({ time }) => Date.parse(String(time)));
  for (const [i, time] of times.slice(1).entries()) {
    // Starting a process takes time, too.
    expect(time - times[i]!).toBeGreaterThanOrEqual(100 * 2 ** i);
  }
  expect((await predict(server, 0)).status).toBe(200);
  expect(await metric(server, 'dent_api_processes')).toBe(1);
  expect(await metric(server, 'dent_api_restarts_total')).toBeGreaterThanOrEqual(lines.length);
  await rm(flag);
  await vi.waitFor(async () => expect(await metric(server, 'dent_api_processes')).toBe(2));
  await stop(server);
});

it.concurrent('ends where a process dies at its first start', async () => {
  const flag = join(folder, 'dies-first');
  await writeFile(flag, '');
  const spawned = spawnDent(['serve', '--processes', '2', '--threads', '1'], {
    DENT_MODELS: join(folder, 'quick'),
    DENT_CACHE_DIR: join(folder, 'cache'),
    NODE_OPTIONS: `--import=${DIE_AT_START}`,
    DIES_WHILE: flag,
  });
  expect(await spawned.exit).toBe(1);
  expect(losses(spawned)).toEqual([]);
});
