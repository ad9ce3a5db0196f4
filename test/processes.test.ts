import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { createKey, digestOf } from '../src/access/index.ts';
import type { Prediction } from '../src/inference/inference.ts';
import { crops, ROOT, staticLogits } from './fixtures/serving/photos.ts';
import { metric, type Running, startDent, writeRepository } from './fixtures/serving/processes.ts';

const MODEL = 'cifar10-resnet14';
const WINDOW_MS = 1_500;

interface Reply {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  // biome-ignore lint/suspicious/noExplicitAny: each test knows what it asks for.
  readonly body: any;
}

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

/** A request on a connection of its own: connections are dealt out to the processes in turn. */
async function ask(
  { url }: Pick<Running, 'url'>,
  path: string,
  { body, headers = {} }: { body?: Uint8Array; headers?: Record<string, string> } = {},
): Promise<Reply> {
  const request = http.request(new URL(path, url), {
    method: body ? 'POST' : 'GET',
    agent: false,
    headers: { ...(body && { 'content-type': 'image/jpeg', 'content-length': body.length }), ...headers },
  });
  request.end(body);
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  const answer = await text(response);
  return { status: response.statusCode!, headers: response.headers, body: answer && JSON.parse(answer) };
}

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

async function apiPids({ process: { pid } }: Running): Promise<number[]> {
  const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8'))
    .trim()
    .split(' ')
    .map(Number);
  const commands = await Promise.all(
    children.map((child) => readFile(`/proc/${child}/cmdline`, 'utf8').catch(() => '')),
  );
  return children.filter((_, i) => commands[i]!.includes('api-process'));
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
    expect(processes.filter((each) => each === process).length).toBeGreaterThan(50);
  }
  const mixed = [...rowsOf.values()].filter((rows) => new Set(rows).size === 2);
  expect(Math.max(...mixed.map(({ length }) => length))).toBe(128);
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
  const found = [await ask(server, path), await ask(server, path)];
  expect(new Set(await processesOf(found)).size).toBe(2);
  expect(found[0]!.body).toEqual(found[1]!.body);

  const headers = { 'idempotency-key': 'twice' };
  const both = await Promise.all([predict(images[1]!, { headers }), predict(images[1]!, { headers })]);
  const later = await predict(images[1]!, { headers });
  expect(new Set([...both, later].map(({ body }) => body.id)).size).toBe(1);
  expect(new Set(await processesOf(both)).size).toBe(2);
  expect(both.map((reply) => reply.headers['idempotent-replayed'] ?? 'no').sort()).toEqual(['no', 'true']);
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

it('replaces a killed process: only its connections suffer, and no count falls', async () => {
  const before = await metric(server, 'dent_http_request_duration_seconds_count');
  const [victim, other] = await apiPids(server);
  const outcomes = Promise.allSettled(images.slice(0, 60).map((image) => predict(image)));
  await vi.waitFor(async () => expect(await metric(server, 'dent_queue_depth')).toBeGreaterThan(50));
  process.kill(victim!, 'SIGKILL');
  const settled = await outcomes;
  const answered = settled.filter((each) => each.status === 'fulfilled');
  for (const each of answered) expect(each.value.status).toBe(200);
  for (const each of settled) if (each.status === 'rejected') expect(each.reason.code).toBe('ECONNRESET');
  expect(answered.length).toBeGreaterThanOrEqual(20);
  expect(answered.length).toBeLessThan(60);
  await vi.waitFor(async () => expect(await metric(server, 'dent_api_processes')).toBe(2));
  const after = await apiPids(server);
  expect(after).toHaveLength(2);
  expect(after).toContain(other);
  expect(after).not.toContain(victim);
  expect(await metric(server, 'dent_api_restarts_total')).toBe(1);
  expect(await metric(server, 'dent_http_request_duration_seconds_count')).toBeGreaterThanOrEqual(before);
  // The rows of the killed process were given up, and nothing waits for them.
  await vi.waitFor(async () => expect(await metric(server, 'dent_inflight_requests')).toBe(1));
  const replies = await Promise.all(images.slice(0, 8).map((image) => predict(image)));
  expect(replies.map(({ status }) => status)).toEqual(Array(8).fill(200));
  expect(new Set(await processesOf(replies)).size).toBe(2);
});

it('counts the limits of a key over all processes', async () => {
  const [slow, busy] = [createKey(), createKey()];
  const keys = [
    { name: 'slow', sha256: digestOf(slow), scopes: ['predict'], rate: { perSecond: 0.001, burst: 10 } },
    { name: 'busy', sha256: digestOf(busy), scopes: ['predict'], concurrency: 3 },
  ];
  await writeFile(join(folder, 'keys.json'), JSON.stringify({ keys }));
  const guarded = await start({ DENT_API_KEYS_FILE: join(folder, 'keys.json') });
  const codesOf = async (key: string) => {
    const headers = { 'x-api-key': key };
    const replies = await Promise.all(
      images.slice(0, 30).map((image) => predict(image, { headers }, guarded)),
    );
    return replies.map(({ status, body }) => (status === 200 ? 200 : body.code)).sort();
  };
  expect(await codesOf(slow)).toEqual([...Array(10).fill(200), ...Array(20).fill('rate_limited')]);
  // All thirty come while the first three wait for company.
  for (let i = 0; i < 2; i++) {
    expect(await codesOf(busy)).toEqual([...Array(3).fill(200), ...Array(27).fill('rate_limited')]);
  }
  await stop(guarded);
});

it('drains at SIGTERM, answers what is under way, and ends with 0', async () => {
  const draining = await start({ DENT_DRAIN_DELAY_MS: '2000' });
  const pids = await apiPids(draining);
  const answers = Promise.all(images.slice(0, 40).map((image) => predict(image, {}, draining)));
  await vi.waitFor(async () => expect(await metric(draining, 'dent_queue_depth')).toBeGreaterThan(30));
  // As process managers do that signal every process of a group.
  for (const pid of [draining.process.pid!, ...pids]) process.kill(pid, 'SIGTERM');
  await vi.waitFor(async () => expect((await ask(draining, '/v2/health/ready')).status).toBe(503));
  expect((await predict(images[0]!, {}, draining)).status).toBe(200);
  for (const { status } of await answers) expect(status).toBe(200);
  expect(await draining.exit).toBe(0);
  for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
});

it('leaves no process behind where the first one is killed', async () => {
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

it('ends with a sentence where the port is taken, or a setting is wrong', async () => {
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
    `1: dent: Cannot listen on 127.0.0.1, port ${port}: the port is in use.\n`,
  );
  expect(await failing({ DENT_PORT: '0', DENT_API_KEYS_FILE: 'nothing' })).toBe(
    '1: dent: nothing: the key file cannot be read (ENOENT).\n',
  );
  taken.close();
});
