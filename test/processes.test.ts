import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { createKey, digestOf } from '../src/access/index.ts';
import type { Prediction } from '../src/inference/inference.ts';
import { ask, type Reply } from './fixtures/serving/ask.ts';
import { crops, ROOT, staticLogits } from './fixtures/serving/photos.ts';
import { apiPids, metric, type Running, startDent, writeRepository } from './fixtures/serving/processes.ts';

const MODEL = 'cifar10-resnet14';
const WINDOW_MS = 3_000;
/** Batches of this model start when they are full: no test is quicker or slower than its window. */
const PATIENT = { maxBatchSize: 64, maxDelayMs: 60_000 };

let folder: string;
let server: Running;
let images: Uint8Array<ArrayBuffer>[];
/** Everything that the server has logged since it was ready. */
let log = '';

/** `dent serve` with two API processes, ready. */
const start = (env: Record<string, string> = {}): Promise<Running> =>
  startDent(['serve', '--processes', '2', '--threads', '1'], {
    DENT_MODELS: join(folder, 'models'),
    DENT_CACHE_DIR: join(folder, 'cache'),
    ...env,
  });

const startPatient = (env: Record<string, string> = {}): Promise<Running> =>
  start({ DENT_MODELS: join(folder, 'patient'), ...env });

const predict = (image: Uint8Array, options: { headers?: Record<string, string> } = {}, at = server) =>
  ask(at, '/v1/predict', { body: image, ...options });

/** The processes that answered the requests, by their lines in the log. */
function processesOf(replies: readonly Reply[]): Promise<number[]> {
  // A line is written once its answer is sent.
  return vi.waitFor(() => {
    const lines = log.split('\n').filter((line) => line.includes('"reqId"') && line.endsWith('}'));
    const processes = new Map(
      lines.map((line) => JSON.parse(line)).map((each) => [each.reqId, each.process]),
    );
    const found = replies.map(({ headers }) => processes.get(headers['x-request-id']));
    expect(found).not.toContain(undefined);
    return found;
  });
}

async function stop(running: Running): Promise<void> {
  running.process.kill('SIGINT');
  await running.exit;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dent-processes-'));
  await writeRepository(join(folder, 'models'), {
    recipes: { static: { preset: 'static' }, isolated: { preset: 'isolated' } },
    defaultRecipe: 'static',
    batching: { maxBatchSize: 128, maxDelayMs: WINDOW_MS, timeoutMs: 60_000 },
  });
  await writeRepository(join(folder, 'patient'), {
    recipes: { static: { preset: 'static' } },
    defaultRecipe: 'static',
    batching: { ...PATIENT, timeoutMs: 120_000 },
  });
  server = await start({ DENT_LOG_LEVEL: 'debug' });
  server.process.stdout!.on('data', (text) => {
    log += text;
  });
  images = await crops(200);
});
afterAll(async () => {
  await stop(server);
  await rm(folder, { recursive: true });
});

it('answers 200 posts, each with its own answer, in batches of rows of both processes', async () => {
  const before = await metric(server, 'dent_predictions_total');
  const expected = await staticLogits(images);
  const replies = await Promise.all(images.map((image) => predict(image)));
  const processes = await processesOf(replies);
  const rowsOf = new Map<string, number[]>();
  for (const [i, reply] of replies.entries()) {
    expect(reply.status, JSON.stringify(reply.body)).toBe(200);
    const { predictions, batch } = reply.body as Prediction;
    expect(predictions[0]!.class).toBe(expected[i]!.indexOf(Math.max(...expected[i]!)));
    rowsOf.set(batch.id, [...(rowsOf.get(batch.id) ?? []), processes[i]!]);
    expect(batch.size).toBeLessThanOrEqual(128);
  }
  for (const process of [1, 2]) {
    expect(processes).toContain(process);
  }
  const mixed = [...rowsOf.values()].filter((rows) => new Set(rows).size === 2);
  expect(mixed).not.toHaveLength(0);
  // Whichever process is asked, it counts for all.
  for (let i = 0; i < 4; i++) {
    expect((await metric(server, 'dent_predictions_total')) - before).toBe(200);
    expect(await metric(server, 'dent_http_request_duration_seconds_count')).toBeGreaterThanOrEqual(200);
  }
  const [{ inference_count: rows, execution_count: batches }] = (
    await ask(server, `/v2/models/${MODEL}/stats`)
  ).body.model_stats;
  expect(rows).toBe(200);
  expect(Math.abs(batches - rowsOf.size)).toBeLessThanOrEqual(1);
});

it('finds an answer that another process has accepted, and repeats one by its key', async () => {
  const accepted = await predict(images[0]!, { headers: { prefer: 'respond-async' } });
  expect(accepted.status).toBe(202);
  const path = `/v1/predictions/${accepted.body.id}`;
  expect((await ask(server, path)).status).toBe(202);
  await vi.waitFor(async () => expect((await ask(server, path)).status).toBe(200));
  const found: Reply[] = [];
  await vi.waitFor(async () => {
    found.push(...(await Promise.all([1, 2, 3, 4].map(() => ask(server, path)))));
    expect(new Set(await processesOf(found)).size).toBe(2);
  });
  for (const { body } of found) expect(body).toEqual(found[0]!.body);

  const headers = { 'idempotency-key': 'twice' };
  const all = await Promise.all(Array.from({ length: 20 }, () => predict(images[1]!, { headers })));
  all.push(await predict(images[1]!, { headers }));
  expect(new Set(all.map(({ body }) => body.id)).size).toBe(1);
  expect(new Set(await processesOf(all)).size).toBe(2);
  expect(all.filter((reply) => reply.headers['idempotent-replayed'] === undefined)).toHaveLength(1);
});

it('loads and unloads a model for all processes at once', async () => {
  const change = async (what: string) => {
    const path = `/v2/repository/models/${MODEL}/${what}`;
    const headers = { 'content-type': 'application/json' };
    return (await ask(server, path, { body: Buffer.from('{}'), headers })).status;
  };
  const statuses = async () =>
    Promise.all([1, 2, 3, 4].map(async () => (await ask(server, `/v2/models/${MODEL}/ready`)).status));
  const answers = Promise.all(images.slice(0, 20).map((image) => predict(image)));
  await vi.waitFor(async () => expect(await metric(server, 'dent_queue_depth')).toBeGreaterThan(0));
  expect(await change('unload')).toBe(200);
  expect(new Set(await statuses())).not.toContain(200);
  // Those that were under way have been answered, whichever process they were at, or were refused as a whole.
  for (const { status, body } of await answers) {
    if (status !== 200) expect(body.code).toBe('not_ready');
  }
  expect(await change('load')).toBe(200);
  expect(await statuses()).toEqual([200, 200, 200, 200]);
});

// From here on each has a server of its own, and they wait together.
it.concurrent('replaces a killed process: only its connections suffer, and no count falls', async () => {
  const patient = await startPatient();
  const before = await metric(patient, 'dent_http_request_duration_seconds_count');
  const pids = await apiPids(patient);
  const outcomes = Promise.allSettled(images.slice(0, 60).map((image) => predict(image, {}, patient)));
  const depth = () => metric(patient, 'dent_queue_depth');
  await vi.waitFor(async () => expect(await depth()).toBe(60));
  const [victim] = pids;
  process.kill(victim!, 'SIGKILL');
  // Its rows are given up, and the others wait on.
  await vi.waitFor(async () => expect(await depth()).toBeLessThan(60));
  await vi.waitFor(async () => expect(await metric(patient, 'dent_api_restarts_total')).toBe(1));
  await vi.waitFor(async () => expect(await metric(patient, 'dent_api_processes')).toBe(2));
  const left = await depth();
  const after = await apiPids(patient);
  expect(after).toHaveLength(2);
  expect(after).toContain(pids[1]);
  expect(after).not.toContain(victim);
  expect(await metric(patient, 'dent_http_request_duration_seconds_count')).toBeGreaterThanOrEqual(before);
  const replies = await Promise.all(
    images.slice(0, PATIENT.maxBatchSize - left).map((image) => predict(image, {}, patient)),
  );
  for (const { status, body } of replies) expect([status, body.batch.size]).toEqual([200, 64]);
  for (const each of await outcomes) {
    if (each.status === 'fulfilled') expect(each.value.status).toBe(200);
    else expect(each.reason.code).toBe('ECONNRESET');
  }
  expect((await outcomes).filter(({ status }) => status === 'fulfilled')).toHaveLength(left);
  await stop(patient);
});

it.concurrent('counts the limits of a key over all processes', async () => {
  const [slow, busy, free] = [createKey(), createKey(), createKey()];
  const keys = [
    { name: 'slow', sha256: digestOf(slow), scopes: ['predict'], rate: { perSecond: 0.001, burst: 10 } },
    { name: 'busy', sha256: digestOf(busy), scopes: ['predict'], concurrency: 3 },
    { name: 'free', sha256: digestOf(free), scopes: ['predict', 'metrics'] },
  ];
  await writeFile(join(folder, 'keys.json'), JSON.stringify({ keys }));
  const guarded = await startPatient({ DENT_API_KEYS_FILE: join(folder, 'keys.json') });
  const send = (key: string, count: number) =>
    images.slice(0, count).map((image) => predict(image, { headers: { 'x-api-key': key } }, guarded));
  /** The codes of refused posts, and then of the others, once a full batch has let them go. */
  async function codesOf(key: string, allowed: number): Promise<unknown[]> {
    const replies = send(key, 30);
    const settled: Reply[] = [];
    for (const reply of replies) void reply.then((value) => settled.push(value));
    await vi.waitFor(() => expect(settled).toHaveLength(30 - allowed));
    await Promise.all(send(free, PATIENT.maxBatchSize - allowed));
    return (await Promise.all(replies)).map(({ status, body }) => body.code ?? status).sort();
  }
  const expected = (allowed: number) => [
    ...Array(allowed).fill(200),
    ...Array(30 - allowed).fill('rate_limited'),
  ];
  expect(await codesOf(slow, 10)).toEqual(expected(10));
  // The places are free again afterwards.
  for (let i = 0; i < 2; i++) expect(await codesOf(busy, 3)).toEqual(expected(3));
  await stop(guarded);
});

it.concurrent('drains at SIGTERM, answers what is under way, and ends with 0', async () => {
  const draining = await startPatient({ DENT_DRAIN_DELAY_MS: '10000' });
  const pids = await apiPids(draining);
  const answers = Promise.all(images.slice(0, 40).map((image) => predict(image, {}, draining)));
  await vi.waitFor(async () => expect(await metric(draining, 'dent_queue_depth')).toBe(40));
  // As process managers do that signal every process of a group.
  for (const pid of [draining.process.pid!, ...pids]) process.kill(pid, 'SIGTERM');
  await vi.waitFor(async () => expect((await ask(draining, '/v2/health/ready')).status).toBe(503));
  // It serves on for a while. These fill the batch.
  const last = await Promise.all(images.slice(0, 24).map((image) => predict(image, {}, draining)));
  for (const { status } of [...last, ...(await answers)]) expect(status).toBe(200);
  expect(await draining.exit).toBe(0);
  for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
});

it.concurrent('leaves no process behind where the first one is killed', async () => {
  const killed = await start();
  const pids = await apiPids(killed);
  expect(pids).toHaveLength(2);
  killed.process.kill('SIGKILL');
  await killed.exit;
  const isAlive = (pid: number) => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  };
  await vi.waitFor(() => expect(pids.filter(isAlive)).toEqual([]));
});

it.concurrent('ends with a sentence where the port is taken, or a setting is wrong', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as { port: number };
  const main = new URL('dist/cli/main.js', ROOT).pathname;
  const failing = async (env: Record<string, string>) =>
    promisify(execFile)(process.execPath, [main, 'serve', '--processes', '2'], {
      env: { ...process.env, DENT_MODELS: join(folder, 'models'), ...env },
    }).then(
      () => 'no failure',
      ({ code, stderr }) => `${code}: ${stderr}`,
    );
  expect(await failing({ DENT_PORT: String(port) })).toBe(
    `1: dent: Cannot listen on 127.0.0.1, port ${port}: the port is in use; choose another with --port or DENT_PORT.\n`,
  );
  expect(await failing({ DENT_PORT: '0', DENT_API_KEYS_FILE: 'nothing' })).toBe(
    '1: dent: nothing: the key file cannot be read, it does not exist.\n',
  );
  taken.close();
});
