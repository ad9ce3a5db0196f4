import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Prediction } from '../src/inference/inference.ts';
import { freePort, type RedisServer, startRedisServer } from './fixtures/redis/redis-server.ts';
import { ask } from './fixtures/serving/ask.ts';
import { crops } from './fixtures/serving/photos.ts';
import { linesOf, postImage, type Running, startDent, statusOf } from './fixtures/serving/processes.ts';
import {
  type CollectedSpan,
  type SpanCollector,
  startSpanCollector,
} from './fixtures/serving/span-collector.ts';

const [SERVER, PRODUCER, CONSUMER] = [2, 4, 5];

let cache: string;
let collector: SpanCollector;
let images: Uint8Array<ArrayBuffer>[];
beforeAll(async () => {
  cache = await mkdtemp(join(tmpdir(), 'dent-traces-'));
  collector = await startSpanCollector();
  images = await crops(16);
});
afterAll(async () => {
  await collector.stop();
  await rm(cache, { recursive: true });
});

/** Variables of a process that sends its spans soon. */
const environment = (endpoint = collector.url): Record<string, string> => ({
  DENT_CACHE_DIR: cache,
  DENT_OTLP_ENDPOINT: endpoint,
  OTEL_BSP_SCHEDULE_DELAY: '50',
  OTEL_EXPORTER_OTLP_TIMEOUT: '1000',
});

async function stop(...all: (Running | undefined)[]): Promise<void> {
  for (const each of all) each?.process.kill('SIGINT');
  for (const each of all) if (each) expect(await each.exit).toBe(0);
}

/** The headers of a caller that traces. */
function newCaller(flags: '00' | '01' = '01') {
  const traceId = randomBytes(16).toString('hex');
  const spanId = randomBytes(8).toString('hex');
  return { traceId, spanId, headers: { traceparent: `00-${traceId}-${spanId}-${flags}` } };
}
type Caller = ReturnType<typeof newCaller>;

async function predict(
  server: Running,
  i: number,
  { headers }: Pick<Caller, 'headers'>,
): Promise<Prediction> {
  const response = await postImage(server, images[i]!, '', headers);
  expect(response.status).toBe(200);
  return (await response.json()) as Prediction;
}

const spansOf = ({ traceId }: Pick<Caller, 'traceId'>): CollectedSpan[] =>
  collector.spans.filter((span) => span.traceId === traceId);

/** The one span of this name, when it has come. */
const spanOf = (caller: Pick<Caller, 'traceId'>, name: string): Promise<CollectedSpan> =>
  vi.waitFor(
    () => {
      const found = spansOf(caller).filter((span) => span.name === name);
      expect(found, name).toHaveLength(1);
      return found[0]!;
    },
    { timeout: 5000, interval: 20 },
  );

/** Checks the path of one request from its caller to the engine, and returns its spans. */
async function expectPath(caller: Caller, answer: Prediction) {
  const request = await spanOf(caller, 'POST /v1/predict');
  const [decode, queue, batch, adapt] = await Promise.all(
    ['decode', 'queue', 'batch', 'adapt'].map((name) => spanOf(caller, name)),
  );
  expect(request).toMatchObject({ kind: SERVER, parentSpanId: caller.spanId, failed: false });
  expect(request.attributes).toMatchObject({ 'http.route': '/v1/predict', 'http.response.status_code': 200 });
  expect(decode!.parentSpanId).toBe(request.spanId);
  expect(queue).toMatchObject({ kind: PRODUCER, parentSpanId: request.spanId });
  expect(batch).toMatchObject({ kind: CONSUMER, parentSpanId: queue!.spanId });
  expect(batch!.attributes).toMatchObject({
    'dent.batch.id': answer.batch.id,
    'dent.batch.size': answer.batch.size,
    'dent.model': 'cifar10-resnet14:1',
    'dent.recipe': 'brief',
    'dent.entropy.adapted': expect.closeTo(answer.adaptation.entropy_after, 5),
  });
  expect(adapt).toMatchObject({ parentSpanId: batch!.spanId, attributes: { 'dent.steps': 6 } });
  const engine = spansOf(caller).filter(({ name }) => name === 'engine');
  expect(engine.length).toBeGreaterThan(0);
  for (const each of engine) expect(each.parentSpanId).toBe(adapt!.spanId);
  // The wait ends where the run begins. Two clocks may differ by a millisecond.
  expect(queue!.endMs - queue!.startMs).toBeGreaterThan(answer.timing_ms.queue - 1);
  expect(adapt!.startMs).toBeGreaterThanOrEqual(batch!.startMs - 1);
  return { request, queue: queue!, batch: batch!, engine };
}

describe('one process', () => {
  let server: Running;
  beforeAll(async () => {
    server = await startDent(['serve'], environment());
  });
  afterAll(() => stop(server));

  it('traces a request from its caller to the engine', async () => {
    const caller = newCaller();
    const { request, engine } = await expectPath(caller, await predict(server, 0, caller));
    expect(request.service).toBe('dent-serve');
    for (const { attributes } of engine) expect(attributes['dent.engine.pid']).not.toBe(server.process.pid);
  });

  it('begins a trace where the caller has none, and none for what machines poll', async () => {
    const before = collector.spans.length;
    expect(await statusOf(server, '/v2/health/ready')).toBe(200);
    await predict(server, 1, { headers: {} as Caller['headers'] });
    const own = await vi.waitFor(() => {
      const found = collector.spans.slice(before).filter(({ name }) => name === 'POST /v1/predict');
      expect(found).toHaveLength(1);
      return found[0]!;
    });
    expect(own).not.toHaveProperty('parentSpanId');
    expect(new Set(collector.spans.slice(before).map(({ traceId }) => traceId))).toEqual(
      new Set([own.traceId]),
    );
  });

  it('leaves out what its caller leaves out', async () => {
    const [unsampled, sampled] = [newCaller('00'), newCaller()];
    await predict(server, 2, unsampled);
    await expectPath(sampled, await predict(server, 3, sampled));
    expect(spansOf(unsampled)).toEqual([]);
  });

  it('records a batch once in the trace of a request that has many rows in it', async () => {
    const caller = newCaller();
    const data = Array.from({ length: 4 * 3 * 32 * 32 }, (_, i) => (i % 255) / 255);
    const response = await fetch(new URL('/v2/models/cifar10-resnet14/infer', server.url), {
      method: 'POST',
      headers: { ...caller.headers, 'content-type': 'application/json' },
      body: JSON.stringify({
        inputs: [{ name: 'input', shape: [4, 3, 32, 32], datatype: 'FP32', data }],
      }),
    });
    expect(response.status, await response.text()).toBe(200);
    const batch = await spanOf(caller, 'batch');
    expect(batch.attributes['dent.batch.size']).toBe(4);
    await spanOf(caller, 'POST /v2/models/:model/infer');
    const queues = spansOf(caller).filter(({ name }) => name === 'queue');
    expect(batch.links.map(({ spanId }) => spanId).toSorted()).toEqual(
      queues.map(({ spanId }) => spanId).toSorted(),
    );
  });

  it('marks what failed', async () => {
    const caller = newCaller();
    const response = await postImage(server, images[0]!, '?timeout_ms=1', caller.headers);
    expect(response.status).toBe(504);
    const request = await spanOf(caller, 'POST /v1/predict');
    expect(request).toMatchObject({ failed: true, attributes: { 'error.type': 'timeout' } });
  });

  it('links a batch with the rows of all its requests', async () => {
    const callers = images.map(() => newCaller());
    const answers = await Promise.all(callers.map((caller, i) => predict(server, i, caller)));
    const largest = answers.reduce((a, b) => (b.batch.size > a.batch.size ? b : a)).batch;
    expect(largest.size).toBeGreaterThan(2);
    const riders = callers.filter((_, i) => answers[i]!.batch.id === largest.id);
    const queues = await Promise.all(riders.map((caller) => spanOf(caller, 'queue')));
    const batches = await Promise.all(riders.map((caller) => spanOf(caller, 'batch')));
    // The batch is recorded in full once, and is found from every row.
    const [run, ...others] = batches.filter(({ attributes }) => 'dent.rows.failed' in attributes);
    expect(others).toEqual([]);
    const idsOf = (spans: readonly Pick<CollectedSpan, 'spanId'>[]) =>
      spans.map(({ spanId }) => spanId).toSorted();
    expect(idsOf(run!.links)).toEqual(idsOf(queues));
    for (const batch of batches.filter((each) => each !== run)) {
      expect(batch.links).toEqual([{ traceId: run!.traceId, spanId: run!.spanId }]);
    }
  });
});

describe('processes with Redis between them', () => {
  let redis: RedisServer;
  let running: Running[] = [];
  beforeAll(async () => {
    redis = await startRedisServer();
    const env = { ...environment(), DENT_REDIS_URL: redis.url };
    running = await Promise.all([
      startDent(['worker', '--threads', '1'], env),
      startDent(['serve', '--queue', 'redis'], env),
    ]);
  }, 60_000);
  afterAll(async () => {
    await stop(...running);
    await redis?.stop();
  });

  it('are one trace', async () => {
    const caller = newCaller();
    const { request, queue, batch, engine } = await expectPath(caller, await predict(running[1]!, 0, caller));
    expect([request, queue, batch, engine[0]!].map(({ service }) => service)).toEqual([
      'dent-serve',
      'dent-serve',
      'dent-worker',
      'dent-worker',
    ]);
  });

  it('trace what nobody waits for', async () => {
    const caller = newCaller();
    const headers = { ...caller.headers, prefer: 'respond-async' };
    expect((await postImage(running[1]!, images[1]!, '', headers)).status).toBe(202);
    expect((await spanOf(caller, 'batch')).parentSpanId).toBe((await spanOf(caller, 'queue')).spanId);
  });
});

it.each([1, 3])(
  'answers as ever where no collector listens, says so once, and once that it is back: %i processes',
  async (count) => {
    const port = await freePort();
    const server = await startDent(
      ['serve', '--processes', String(count)],
      environment(`http://127.0.0.1:${port}`),
    );
    const caller = newCaller();
    /** Each on a connection of its own, so that every process has spans. */
    const send = async (posts: number) => {
      const options = { headers: { ...caller.headers } };
      const answers = images.slice(0, posts).map((body) => ask(server, '/v1/predict', { ...options, body }));
      for (const { status } of await Promise.all(answers)) expect(status).toBe(200);
    };
    const said = (what: string) => linesOf(server).filter(({ msg }) => msg === what);
    const faults = () => said('spans cannot be delivered');
    await send(12);
    await vi.waitFor(() => expect(faults()).toHaveLength(1));
    await send(12);
    const back = await startSpanCollector(port);
    await send(1);
    await vi.waitFor(() => expect(said('spans are delivered again')).toHaveLength(1));
    await stop(server);
    await back.stop();
    expect(faults()).toHaveLength(1);
    expect(said('spans are delivered again')).toHaveLength(1);
    expect(said('sends spans to an OpenTelemetry collector')).toHaveLength(1);
    // The log leads to the trace.
    const requests = linesOf(server).filter(({ route }) => route === '/v1/predict');
    expect(requests.map(({ traceId }) => traceId)).toEqual(Array(25).fill(caller.traceId));
  },
);

it('ends in time where no collector listens', async () => {
  const server = await startDent(['serve'], environment(`http://127.0.0.1:${await freePort()}`));
  await predict(server, 0, newCaller());
  const ending = performance.now();
  await stop(server);
  expect(performance.now() - ending).toBeLessThan(60_000);
});
